"""Monitor, classifier and learner over a recording; ends when all of it has been worked off."""

from fail2progress.ros.launch.actions import description


def generate_launch_description():
    """What `ros2 launch` starts."""
    return description("replay")
