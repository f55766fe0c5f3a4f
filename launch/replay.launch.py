"""Monitor, classifier and learner over a recording; ends when all of it has been worked off."""

from fail2progress.nodes.launch_actions import description


def generate_launch_description():
    """What `ros2 launch` starts."""
    return description("replay")
