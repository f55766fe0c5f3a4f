"""The monitor node tells surprises as events that stop nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.msg import Relations, Step

from fail2progress.core.observation import SECOND
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.core.scene import Array
from fail2progress.failures.monitor import MonitorRule
from fail2progress.failures.store import FailureStore
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.store import Registry
from fail2progress.ros.conversions import records
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.nodes import monitor
from support import messages as m
from support import traffic
from support.rigs import rig, wait_for

DIGEST = load_checkpoint(weights.path(weights.RELATIONAL)).digest


def on_the_table() -> RelationState:
    binary = np.zeros((3, 3, len(BINARY)))
    binary[1:, 0, BINARY.index("above")] = 0.95
    return RelationState(m.SEEN, binary, np.array([[0.0, 0, 0], [1.0, 0, 0], [1.0, 0, 0]]))


def finished(number: int) -> Step:
    """A step after which the cup was expected to stay on the table, where it was."""
    attempt = m.scene_attempt(number, DIGEST, number)
    attempt = replace(attempt, planned=replace(attempt.planned, expected=on_the_table()), relations_before=on_the_table())
    return records.step_msg(attempt, m.EPISODE, Step.FINISHED, 0)


def seen_after(number: int, shift: Array) -> Relations:
    """The same, but for where the cup is, as the usual detector says it."""
    cloud = m.scene_cloud(number, stamp=2.0).shifted(np.array([np.zeros(3), shift, np.zeros(3)]))
    message = traffic.relations(number)
    message.relations, message.segments = convert.relations_msg(on_the_table()), convert.segments_msg(cloud)
    message.model = f"combined {DIGEST}"
    return message


@pytest.mark.parametrize("surprises", [True, False])
def test_a_surprise_is_kept_and_told_and_is_no_failure(surprises: bool, ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(surprises=surprises)
    with rig("monitor", monkeypatch) as made:
        made.activate()
        verdicts, failures = made.collect("verdicts"), made.collect("failures")
        for number, shift in enumerate((np.zeros(3), np.array([0.0, -0.3, 0.0]))):
            assert made.send("steps", finished(number)) and made.send("relations", seen_after(number, shift))
        assert wait_for(lambda: len(verdicts) == 2) and not any(one.failure or one.mismatches for one in verdicts)
        kept = FailureStore(made.node.state_dir / "failures.sqlite").headers()
        assert len(kept) == int(surprises) and all(head.step == 1 and not head.mismatches for head in kept)
        assert [convert.uuid_text(one.event) for one in verdicts] == ["", kept[0].id if surprises else ""]
        if surprises:
            assert wait_for(lambda: failures) and records.event_of(failures[0]).id == kept[0].id


def test_a_model_that_was_taught_is_watched_by_the_rule_of_its_kind(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages name a model by its digest, which no calibration knows: the stack's versions know its kind."""
    asked: list[str] = []

    def rule(digest: str, relations: str, kind: str, surprises: bool) -> MonitorRule:
        asked.append(kind)
        return MonitorRule()

    ros()
    monkeypatch.setattr(monitor, "rule_for", rule)
    with rig("monitor", monkeypatch) as made:
        start = load_checkpoint(weights.path("stow-gnn.safetensors"))
        taught = Registry(made.node.state_dir / "models").begin(start).digest
        made.activate()
        verdicts = made.collect("verdicts")

        def judged(number: int, digest: str) -> list[str]:
            step = finished(number)
            step.model = digest
            assert made.send("steps", step) and made.send("relations", seen_after(number, np.zeros(3)))
            assert wait_for(lambda: len(verdicts) == number + 1)
            return asked

        assert judged(0, "0" * 64) == [""] and judged(1, taught) == ["", "stow-gnn"]
        Registry(made.node.state_dir / "models").path("v0001").with_suffix(".json").unlink()
        assert judged(2, taught) == ["", "stow-gnn", "stow-gnn"], "it is read once, not at each step"


def test_of_two_equal_calls_the_second_is_known_by_its_place(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is put into has shut: the first leaves one to come that needs it open, the second does not."""

    def opened(odds: float) -> RelationState:
        unary = on_the_table().unary.copy()
        unary[0] = [{"drawer": 1.0, "open": odds}.get(name, 0.0) for name in UNARY]
        return replace(on_the_table(), unary=unary)

    def step(number: int, place: int | None) -> Step:
        attempt = m.scene_attempt(number, DIGEST, number)
        planned = replace(attempt.planned, expected=opened(1.0))
        twice = replace(attempt, planned=planned, plan=attempt.plan * 2, place=place, relations_before=opened(1.0))
        return records.step_msg(twice, m.EPISODE, Step.FINISHED, 0)

    ros()
    with rig("monitor", monkeypatch) as made:
        made.activate()
        verdicts = made.collect("verdicts")
        for number, place in enumerate((0, 1, None)):
            after = seen_after(number, np.zeros(3))
            after.relations = convert.relations_msg(opened(0.0))
            assert made.send("steps", step(number, place)) and made.send("relations", after)
        assert wait_for(lambda: len(verdicts) == 3)
        assert [one.failure for one in verdicts] == [True, False, True]
        assert [(found.relation, found.subject) for found in verdicts[0].mismatches] == [("open", "table_a")]


def test_a_monitor_that_begins_again_does_not_judge_what_is_over_by_what_is_there_now(
    ros: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step went as expected; then somebody moved things. The planner's last words are kept for whoever comes late."""
    ros()
    with rig("monitor", monkeypatch) as made:
        made.activate()
        verdicts, failures = made.collect("verdicts"), made.collect("failures")
        expected = m.scene_attempt(0, "0" * 64, 0).planned.expected
        assert made.send("steps", traffic.step())
        over = Step(header=convert.header(made.node.now(), ""), schema_version=convert.SCHEMA, phase=Step.OVER)
        assert made.send("steps", over)
        seen, moved = traffic.relations(), traffic.relations()
        seen.relations = convert.relations_msg(expected)
        moved.relations = convert.relations_msg(replace(expected, binary=1.0 - np.asarray(expected.binary, float)))
        assert made.send("relations", seen)
        assert wait_for(lambda: verdicts) and not verdicts[0].failure, "an end that it heard of itself takes nothing away"
        assert made.node.trigger_deactivate().name == made.node.trigger_cleanup().name == "SUCCESS"
        heard = made.handled["steps"]
        made.activate()
        for _ in range(3):
            assert made.send("relations", moved)
        assert wait_for(lambda: made.handled["steps"] == heard + 2)
        assert made.send("relations", moved)
        assert len(verdicts) == 1 and not failures and not made.node.open and not made.node.refused
        assert not FailureStore(made.node.state_dir / "failures.sqlite").headers()


def test_steps_after_the_clock_was_set_back_are_none_of_before_this_node(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("monitor", monkeypatch) as made:
        made.activate()
        verdicts = made.collect("verdicts")
        monkeypatch.setattr(made.node, "now", lambda: 100 * SECOND)
        over = Step(header=convert.header(102 * SECOND, ""), schema_version=convert.SCHEMA, phase=Step.OVER)
        ended = finished(0)
        ended.header.stamp = convert.time_of(101 * SECOND)
        assert made.send("steps", ended) and made.send("steps", over)
        assert made.send("relations", seen_after(0, np.zeros(3)))
        assert wait_for(lambda: verdicts)
