"""How a task's end is told."""

import pytest

pytest.importorskip("rclpy")

from fail2progress_msgs.msg import ErrorCode

from fail2progress.agent.loop import MISSED, Episode
from fail2progress.ros.outcomes import ended


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("done", ErrorCode.OK),
        (MISSED, ErrorCode.PLANNER_FAILURE),
        ("failure", ErrorCode.PLANNER_FAILURE),
        ("no plan", ErrorCode.PLANNER_NO_PLAN),
        ("no plan: push of cup_1 changed nothing", ErrorCode.PLANNER_NO_PLAN),
        ("execution: too wide", ErrorCode.ROBOT_CANNOT),
    ],
)
def test_every_outcome_has_its_code(outcome: str, code: int) -> None:
    assert ended(Episode(outcome, (), ())) == (outcome, code)
