"""How a task ended, as the action's result says it."""

from __future__ import annotations

from fail2progress_msgs.msg import ErrorCode

from fail2progress.agent.loop import Episode
from fail2progress.core.goals import Goal

MISSED = "goal missed"
"""Outcome of a plan that was carried out to its end and did not reach the goal."""
CODES = {
    "done": ErrorCode.OK,
    "no plan": ErrorCode.PLANNER_NO_PLAN,
    "too many skills": ErrorCode.PLANNER_TOO_MANY_SKILLS,
    "failure": ErrorCode.PLANNER_FAILURE,
    MISSED: ErrorCode.PLANNER_FAILURE,
}
"""Code of every outcome; those that are not named are of the robot."""


def ended(episode: Episode, goal: Goal) -> tuple[str, int]:
    """Outcome and code. A plan carried out alone ends as "done" whatever it led to: what was seen last decides."""
    missed = episode.outcome == "done" and bool(episode.taken) and not goal.satisfied(episode.taken[-1].observed)
    outcome = MISSED if missed else episode.outcome
    return outcome, CODES.get(outcome, ErrorCode.ROBOT_CANNOT)
