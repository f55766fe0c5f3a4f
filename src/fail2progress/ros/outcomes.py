"""How a task ended, as the action's result says it; and what came of failures, for people."""

from __future__ import annotations

from collections.abc import Iterator

from fail2progress_msgs.msg import ErrorCode

from fail2progress.agent.loop import MISSED, Episode
from fail2progress.failures.sentences import story
from fail2progress.failures.store import FailureStore

CODES = {
    "done": ErrorCode.OK,
    "no plan": ErrorCode.PLANNER_NO_PLAN,
    "too many skills": ErrorCode.PLANNER_TOO_MANY_SKILLS,
    "failure": ErrorCode.PLANNER_FAILURE,
    MISSED: ErrorCode.PLANNER_FAILURE,
}
"""Code of every outcome; those that are not named are of the robot."""


def ended(episode: Episode) -> tuple[str, int]:
    """Outcome and code."""
    return episode.outcome, CODES.get(episode.outcome, ErrorCode.ROBOT_CANNOT)


def told(store: FailureStore) -> Iterator[str]:
    """Each failure in a line: its class, what happened, whether a model learnt from it was accepted; or why it is not read."""

    def line(identity: str) -> str:
        report = store.report(identity)
        kind = report.category.value.replace("_", " ") if report is not None else "none yet"
        why = f" ({report.reason})" if report is not None and report.reason else ""
        return f"failure {identity}, class: {kind}{why}: {' '.join(story(store.get(identity), store.lesson(identity)))}"

    lines, wrong = store.readable(line)
    yield from (*lines, *map(str, wrong.values()))
