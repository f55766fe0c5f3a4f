"""How a task's end is told: a plan that was carried out alone is judged by what was seen last."""

import numpy as np
import pytest

pytest.importorskip("rclpy")

from fail2progress_msgs.msg import ErrorCode

from fail2progress.agent.loop import Episode
from fail2progress.agent.monitor import StepResult
from fail2progress.core.goals import Goal
from fail2progress.planning.planned import PlannedSkill
from fail2progress.ros.outcomes import MISSED, ended
from support.events import make_event

GOAL = Goal.parse("inside(pill, cup)")


def episode(outcome: str, inside: float) -> Episode:
    event = make_event()
    observed = event.observed
    seen = type(observed)(observed.names, np.full_like(observed.binary, inside), observed.unary)
    planned = PlannedSkill(event.header.call.call(), event.expected, np.zeros((3, 3)))
    return Episode(outcome, (), (StepResult(planned, seen, (), None),))


@pytest.mark.parametrize(
    ("outcome", "inside", "said", "code"),
    [
        ("done", 0.9, "done", ErrorCode.OK),
        ("done", 0.1, MISSED, ErrorCode.PLANNER_FAILURE),
        ("failure", 0.1, "failure", ErrorCode.PLANNER_FAILURE),
        ("no plan", 0.1, "no plan", ErrorCode.PLANNER_NO_PLAN),
        ("execution: too wide", 0.9, "execution: too wide", ErrorCode.ROBOT_CANNOT),
    ],
)
def test_the_goal_must_hold_in_what_was_seen_last(outcome: str, inside: float, said: str, code: int) -> None:
    assert ended(episode(outcome, inside), GOAL) == (said, code)


def test_a_task_that_began_at_its_goal_is_done() -> None:
    assert ended(Episode("done", (), ()), GOAL) == ("done", ErrorCode.OK)
