"""The stack against a simulated Stretch, without a screen; ends with the task, and returns 1 where that was not done."""

from fail2progress.ros.launch.actions import description


def generate_launch_description():
    """What `ros2 launch` starts."""
    return description("sim")
