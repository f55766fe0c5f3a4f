"""The stack on a Stretch RE2, its RealSense camera included."""

from fail2progress.ros.launch.actions import description


def generate_launch_description():
    """What `ros2 launch` starts."""
    return description("robot")
