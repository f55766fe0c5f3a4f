"""How a task ended, or why the robot did not carry a skill out, as actions' results say it."""

from __future__ import annotations

from fail2progress_msgs.msg import ErrorCode

from fail2progress.agent.loop import MISSED, Episode
from fail2progress.robots.stretch.real.states import Trouble

CODES = {
    "done": ErrorCode.OK,
    "no plan": ErrorCode.PLANNER_NO_PLAN,
    "too many skills": ErrorCode.PLANNER_TOO_MANY_SKILLS,
    "failure": ErrorCode.PLANNER_FAILURE,
    MISSED: ErrorCode.PLANNER_FAILURE,
}
"""Code of every outcome; those that are not named are of the robot."""
TROUBLES = {
    Trouble.BUSY: ErrorCode.ROBOT_BUSY,
    Trouble.NOT_IDLE: ErrorCode.ROBOT_STOPPED,
    Trouble.NOT_HOMED: ErrorCode.ROBOT_STOPPED,
    Trouble.RUN_STOP: ErrorCode.ROBOT_STOPPED,
    Trouble.STOPPED: ErrorCode.ROBOT_STOPPED,
    Trouble.CLIENT_LOST: ErrorCode.ROBOT_LOST,
    Trouble.STALLED: ErrorCode.ROBOT_CANNOT,
    Trouble.CONTACT: ErrorCode.ROBOT_CANNOT,
    Trouble.TIMED_OUT: ErrorCode.ROBOT_CANNOT,
    Trouble.NO_STATUS: ErrorCode.ROBOT_LOST,
    Trouble.TRANSPORT: ErrorCode.ROBOT_LOST,
    Trouble.LIMIT: ErrorCode.ROBOT_BAD_CALL,
    Trouble.UNREACHABLE: ErrorCode.ROBOT_CANNOT,
    Trouble.NOT_SEEN: ErrorCode.ROBOT_CANNOT,
    Trouble.BLOCKED: ErrorCode.ROBOT_CANNOT,
    Trouble.LOW_BATTERY: ErrorCode.ROBOT_STOPPED,
}
"""What a trouble of the real robot is for programs."""


def ended(episode: Episode) -> tuple[str, int]:
    """Outcome and code."""
    return episode.outcome, CODES.get(episode.outcome, ErrorCode.ROBOT_CANNOT)
