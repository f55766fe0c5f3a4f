"""Monitor, classifier and learner over a recording; ends when all of it has been worked off."""

from fail2progress.nodes.launch_actions import description


def generate_launch_description():
    return description("replay")
