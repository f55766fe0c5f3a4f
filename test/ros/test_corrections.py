"""Corrections over ROS: the planner keeps and tells them, the robot's node carries skills out with them."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from fail2progress_msgs.action import ExecuteSkill
from fail2progress_msgs.msg import Correction, Corrections
from rclpy.duration import Duration

from fail2progress.failures.corrections import FILE
from fail2progress.failures.report import FailureClass, FailureReport, FailureSignal
from fail2progress.ros.conversions import records
from fail2progress.ros.conversions.values import SCHEMA, Refused, call_msg
from fail2progress.ros.corrections import adjustments_msg, adjustments_of, remote_correcting
from fail2progress.ros.proxies import RemoteRobot
from support import messages as m
from support.rigs import rig, wait_for

FIRM = {"pick_place": {"grip": 0.5}}
SLIP = FailureSignal(name="grasp_slipped", severity=1, parameter="pick_place.grip", delta=0.5, low=0, high=1.5, evidence="fell")


def test_corrections_come_back_as_they_were() -> None:
    assert adjustments_of(adjustments_msg(FIRM)) == FIRM and adjustments_of(adjustments_msg({})) == {}


def wrong(**values: Any) -> Corrections:
    return Corrections(**{"schema_version": SCHEMA, "corrections": [Correction(skill="pick_place", parameter="grip")]} | values)


WRONG = {
    "no skill": [Correction()],
    "not of the skill": [Correction(skill="push", parameter="grip", value=0.1)],
    "out of bounds": [Correction(skill="pick_place", parameter="grip", value=99.0)],
    "no number": [Correction(skill="pick_place", parameter="grip", value=float("nan"))],
    "a long name": [Correction(skill="x" * 70000)],
    "too many": [Correction(skill="pick_place", parameter="grip")] * 300,
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_are_no_corrections_is_refused(kind: str) -> None:
    assert adjustments_of(wrong()) == {"pick_place": {"grip": 0.0}}
    with pytest.raises(Refused):
        adjustments_of(wrong(corrections=WRONG[kind]))
    with pytest.raises(Refused, match="schema"):
        adjustments_of(wrong(schema_version=1))


def test_the_robot_node_takes_corrections_and_refuses_others(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(robot="hand")
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        assert made.send("corrections", adjustments_msg(FIRM)) and made.node.adjustments == FIRM
        assert made.send("corrections", wrong(corrections=WRONG["out of bounds"])) and made.node.adjustments == FIRM
        assert wait_for(lambda: made.node.refused["corrections/corrections"] == 1)


def test_a_goal_does_not_overtake_the_corrections_that_were_told_before_it(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have come to a node that is busy, and wait."""
    ros(robot="hand", client_timeout=0.0)
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        made.node.executor.shutdown(timeout_sec=30.0)
        made.outlet("corrections").publish(adjustments_msg(FIRM))
        assert made.outlet("corrections").wait_for_all_acked(Duration(seconds=30))
        carried: list[Any] = []
        monkeypatch.setattr(made.node, "perform", lambda call: carried.append((call.skill, made.node.robot.adjustments)))
        call = call_msg(m.scene_attempt().planned.call)
        handle = SimpleNamespace(request=ExecuteSkill.Goal(call=call), is_cancel_requested=False)
        over, result = Event(), ExecuteSkill.Result()
        made.node._carry_out(handle, result, over)
        over.set()
        assert [adjustments for _, adjustments in carried] == [FIRM], result.error_msg


def test_the_planner_knows_when_all_have_what_it_told(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("planner", monkeypatch) as made:
        made.activate()
        heard = made.collect("corrections")
        made.node.tell("corrections", adjustments_msg(FIRM))
        assert made.node.delivered("corrections", 30.0) and wait_for(lambda: heard)


def test_the_planner_learns_from_the_classifiers_report_and_tells_the_robot(tmp_path: Path) -> None:
    event = m.scene_event()
    report = FailureReport(failure=event.id, category=FailureClass.SIM2REAL_GAP, confidence=1.0, repetitions=5, differences=(),
                           rebuilt=(), signals=(SLIP,))  # fmt: skip
    told: list[tuple[str, Any]] = []
    heard = {("report", event.id): records.report_msg(report, 10**9)}
    node: Any = SimpleNamespace(
        state_dir=tmp_path, heard=heard, param=lambda name: 0.0, await_news=lambda look, seconds: look(),
        tell=lambda topic, message: told.append((topic, message)),
    )  # fmt: skip
    correcting = remote_correcting(node)
    step: Any = SimpleNamespace(event=event, planned=SimpleNamespace(call=SimpleNamespace(skill="pick_place")))
    assert correcting.review([step], correcting.begin()).adjustments == FIRM and (tmp_path / FILE).is_file()
    heard.clear()
    assert correcting.review([step], correcting.begin()).adjustments == FIRM, "without a report nothing is known"
    RemoteRobot(node, SimpleNamespace()).adjust(correcting.begin().adjustments)  # type: ignore[arg-type]
    ((topic, message),) = told
    assert topic == "corrections" and adjustments_of(message) == FIRM
