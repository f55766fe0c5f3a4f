"""How a task ended, as the action's result says it."""

from __future__ import annotations

from fail2progress_msgs.msg import ErrorCode

from fail2progress.agent.loop import MISSED, NO_PLAN, Episode

CODES = {
    "done": ErrorCode.OK,
    NO_PLAN: ErrorCode.PLANNER_NO_PLAN,
    "too many skills": ErrorCode.PLANNER_TOO_MANY_SKILLS,
    "failure": ErrorCode.PLANNER_FAILURE,
    MISSED: ErrorCode.PLANNER_FAILURE,
}
"""Code of every outcome, by what stands before its reason; those that are not named are of the robot."""


def ended(episode: Episode) -> tuple[str, int]:
    """Outcome and code."""
    return episode.outcome, CODES.get(episode.outcome.partition(":")[0], ErrorCode.ROBOT_CANNOT)
