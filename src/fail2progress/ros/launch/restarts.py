"""What becomes of a stack when one of its processes ends: one rule for `ros2 launch` and for the supervisor. Imports no ROS."""

from __future__ import annotations

from enum import Enum

from fail2progress.ros import graph as table

MISTAKE = 2
"""Exit code of a node that cannot run as it was started: to start it again is of no use."""
MOST_STARTS = 60
"""A process that ends more often than this is not started again: something is wrong that a start does not cure."""
PAUSE = 0.5
"""Seconds before a process is restarted."""
GRACE = 8.0
"""Seconds that processes have to end by themselves."""


class Next(Enum):
    """What is to be done."""

    CONCLUDE = "conclude"
    """The node with whose end the stack has done its work is through; its exit code is the stack's."""
    NAME_MISTAKE = "name the mistake"
    """The stack ends, as the node has said why it cannot run."""
    GIVE_UP = "give up"
    """The stack ends, as the node does not stay."""
    RESTART = "restart"


def what_now(stack: str, name: str, code: int, starts: int) -> Next:
    """For a node of a stack that was started so often by now and has ended with an exit code, negative for a signal."""
    if name == table.LAST[stack] and code >= 0:
        return Next.CONCLUDE
    if code == MISTAKE:
        return Next.NAME_MISTAKE
    return Next.GIVE_UP if starts >= MOST_STARTS else Next.RESTART
