"""What the learner tells of a lesson, and what it keeps of it."""

import json
import threading
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fail2progress_msgs.action import LearnFromFailure
from fail2progress_msgs.msg import ErrorCode, ModelUpdate
from fail2progress_msgs.srv import QueryModel, RollBackModel

from fail2progress.failures.report import FailureClass
from fail2progress.failures.store import FailureStore
from fail2progress.learning.finetuning.acceptance import Scores
from fail2progress.models.checkpoint import Checkpoint
from fail2progress.models.store import Registry
from fail2progress.ros import store_worker
from fail2progress.ros.actions import Dispatcher
from fail2progress.ros.conversions.records import metrics_of, report_msg
from fail2progress.ros.conversions.values import uuid_text
from fail2progress.ros.nodes import learner
from support import messages as m
from support.rigs import Rig, rig, wait_for

EVENT = m.scene_event()


def test_every_figure_of_an_acceptance_test_has_a_name() -> None:
    """As a version's note holds it: some figures are one for each earlier lesson."""
    before, after = Scores(0.6, 0.1, 0.9, 0.9), Scores(0.9, 0.02, 0.9, 0.9, lessons=(0.8, 0.7), earlier=(1.0, 0.5))
    gate = json.loads(json.dumps({"passed": True, "reason": "better", "before": asdict(before), "after": asdict(after)}))
    told = metrics_of(gate)
    assert told["before failure_f1"] == 0.6 and told["after failure_error"] == 0.02
    assert [told[f"after lessons {number}"] for number in (1, 2)] == [0.8, 0.7] and told["after earlier 2"] == 0.5
    assert len(told) == len(before.values()) + len(after.values())
    assert metrics_of({}) == {}


def test_a_figure_that_was_not_measured_has_no_entry() -> None:
    gate = {"before": asdict(Scores(0.6, 0.1, 0.9, 0.9, observed=0.02)), "after": asdict(Scores(0.9, 0.02, 0.9, 0.9))}
    told = metrics_of(gate)
    assert told["before observed"] == 0.02 and "after observed" not in told


@pytest.fixture
def store(tmp_path: Path) -> FailureStore:
    """With one failure of the model's making."""
    made = FailureStore(tmp_path / "state" / "failures.sqlite")
    made.add(EVENT)
    made.add_report(m.scene_report(category=FailureClass.SYMBOLIC_PREDICTION))
    return made


def learnt(versions: Registry, parent: Checkpoint, passed: bool = True, event: str = EVENT.id) -> str:
    """A version that came of a failure, as `register_lesson` adds it."""
    with torch.no_grad():
        next(iter(parent.model.parameters())).add_(0.25)
    gate = {"passed": passed, "reason": "it is better" if passed else "it forgot"}
    origin = {"parent": parent.digest, "parent_version": parent.note["version"], "event": event}
    return versions.register(parent.model, {**origin, "gate": gate})


def told(made: Rig, updates: list[Any]) -> tuple[int, str, str]:
    """Kind, version and reason of the next update, by a node that is configured anew."""
    updates.clear()
    made.activate()
    assert wait_for(lambda: updates)
    assert made.node.trigger_deactivate().name == made.node.trigger_cleanup().name == "SUCCESS"
    return updates[0].kind, updates[0].version, updates[0].reason


@pytest.mark.parametrize("passed", [True, False])
def test_only_a_model_that_is_taken_is_kept_as_what_was_learnt(
    ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch, passed: bool
) -> None:
    ros(processes=1)
    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        version = learnt(made.node.versions, made.node.versions.current(), passed)
        assert made.node.trigger_cleanup().name == "SUCCESS"
        updates = made.collect("model_updates")
        kind, reason = (ModelUpdate.ACCEPTED, "it is better") if passed else (ModelUpdate.REJECTED, "it forgot")
        assert told(made, updates) == (kind, version, reason)
        assert store.lesson(EVENT.id) == (version if passed else "", reason)
        assert made.node.versions.current().note["version"] == (version if passed else "v0001")
        assert told(made, updates) == (kind, version if passed else "", reason), "again, after a restart"


def test_a_failure_that_taught_nothing_is_told_so_again(ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(processes=1)
    store.add_lesson(EVENT.id, "", "nothing moved")
    with rig("learner", monkeypatch) as made:
        updates = made.collect("model_updates")
        assert told(made, updates) == (ModelUpdate.NOTHING_LEARNT, "", "nothing moved")


def test_a_damaged_version_is_in_no_other_lesson_s_way(ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(processes=1)
    store.add(first := m.scene_event(9))
    store.add_lesson(first.id, "", "nothing moved")
    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        versions, updates = made.node.versions, made.collect("model_updates")
        damaged = learnt(versions, versions.current(), event="an earlier one")
        version = learnt(versions, versions.current())
        versions.path(damaged).with_suffix(".json").write_text("{")
        made.node._tell_lesson(first.id, "", "nothing moved")
        assert wait_for(lambda: updates) and updates[0].kind == ModelUpdate.NOTHING_LEARNT
        assert made.node.trigger_activate().name == "SUCCESS" and wait_for(lambda: store.lesson(EVENT.id) is not None)
        assert store.lesson(EVENT.id) == (version, "it is better") and versions.current().note["version"] == version


def test_a_version_that_was_taken_and_replaced_is_not_told_as_rejected(
    ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ros(processes=1)
    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        versions = made.node.versions
        versions.make_current(learnt(versions, versions.current()))
        store.add_lesson(EVENT.id, "v0002", "it is better")
        updates = made.collect("model_updates")
        assert made.node.trigger_cleanup().name == "SUCCESS"
        assert told(made, updates) == (ModelUpdate.ACCEPTED, "v0002", "it is better")
        versions.make_current("v0001")
        updates.clear()
        made.activate()
        made.node._tell_again()
        made.node._tell(ModelUpdate.NOTHING_LEARNT, versions.current(), "", (), "the next news")
        assert wait_for(lambda: updates) and [update.reason for update in updates] == ["the next news"]


@pytest.mark.parametrize(
    ("lesson", "said"),
    [
        (("v0001", "it is better"), (ModelUpdate.ACCEPTED, "v0001", "it is better")),
        (("", "nothing moved"), (ModelUpdate.NOTHING_LEARNT, "", "nothing moved")),
        (("v0009", "it is better"), (ModelUpdate.REJECTED, "", "v0009 learnt from it and is not in use any more")),
    ],
)
def test_what_came_of_a_lesson_is_told_to_whoever_meets_the_failure_again(
    ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch, lesson: tuple[str, str], said: tuple[int, str, str]
) -> None:
    """The planner waits for it: of several failures only that of the last one is told at the start."""
    ros(processes=1)
    store.add_lesson(EVENT.id, *lesson)
    store.add(last := m.scene_event(9))
    store.add_lesson(last.id, "", "the last one")
    report = store.report(EVENT.id)
    assert report is not None
    with rig("learner", monkeypatch) as made:
        updates = made.collect("model_updates")
        made.activate()
        assert wait_for(lambda: [update.reason for update in updates] == ["the last one"])
        assert made.send("failure_reports", report_msg(report, 0))
        assert wait_for(lambda: len(updates) == 2)
        assert (updates[1].kind, updates[1].version, updates[1].reason) == said
        assert list(map(uuid_text, updates[1].events)) == [EVENT.id]


class Faulty:
    """A learner whose lessons end in an error."""

    targeting = SimpleNamespace(method="faulty")

    def __init__(self, error: Exception) -> None:
        self.error = error

    def remembering(self, *_: Any) -> "Faulty":
        return self

    def learn(self, *_: Any) -> Any:
        raise self.error


def test_an_unforeseen_error_of_a_lesson_is_kept_and_told(ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(processes=1)
    reason = "its lesson ended in an error: KeyError: 'cup_9'"
    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.learner, updates = Faulty(KeyError("cup_9")), made.collect("model_updates")
        assert made.node.trigger_activate().name == "SUCCESS" and wait_for(lambda: updates)
        assert (updates[0].kind, updates[0].version, updates[0].reason) == (ModelUpdate.NOTHING_LEARNT, "", reason)
        assert store.lesson(EVENT.id) == ("", reason) and made.node.versions.current().note["version"] == "v0001"
        assert wait_for(lambda: made.node.refused["failure_reports/error"] == 1)


def test_a_lesson_that_files_prevented_is_begun_again_once_they_do_not(
    ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ros(processes=1)
    monkeypatch.setattr(store_worker, "AGAIN", 1.0)
    monkeypatch.setattr(store_worker, "UNASKED", 0.2)
    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.learner = Faulty(OSError("no space left on device"))
        assert made.node.trigger_activate().name == "SUCCESS"
        assert wait_for(lambda: made.node.refused["failure_reports/error"] >= 2) and store.lesson(EVENT.id) is None
        said = made.node.reasons["failure_reports/error"]
        assert "no space left on device" in said and f"failure {EVENT.id} is tried again in" in said
        made.node.learner = Faulty(KeyError("cup_9"))
        assert wait_for(lambda: store.lesson(EVENT.id) == ("", "its lesson ended in an error: KeyError: 'cup_9'"))
        assert wait_for(lambda: EVENT.id in made.node.worker.hopeless), "what is no passing trouble ends it"


class Slow:
    """A learner whose lesson takes until it is let go on."""

    targeting = SimpleNamespace(method="slow")

    def __init__(self) -> None:
        self.learning, self.go_on = threading.Event(), threading.Event()

    def remembering(self, *_: Any) -> "Slow":
        return self

    def learn(self, *_: Any) -> Any:
        self.learning.set()
        assert self.go_on.wait(60.0)
        return SimpleNamespace(targeted=[SimpleNamespace(outcomes=())])


def test_a_roll_back_during_a_lesson_is_answered_at_once_and_stays(
    ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ros(processes=1)
    monkeypatch.setattr(learner, "register_lesson", lambda versions, parent, *_: learnt(versions, parent))
    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        versions, slow = made.node.versions, Slow()
        versions.make_current(learnt(versions, versions.current(), event="an earlier one"))
        made.node.learner, updates = slow, made.collect("model_updates")
        assert made.node.trigger_activate().name == "SUCCESS" and slow.learning.wait(30.0)
        answer = made.call(RollBackModel, "roll_back_model", RollBackModel.Request())
        assert (answer.error_code, answer.version) == (ErrorCode.OK, "v0001") and store.lesson(EVENT.id) is None
        slow.go_on.set()
        assert wait_for(lambda: store.lesson(EVENT.id) is not None)
        version, reason = store.lesson(EVENT.id) or ("none", "")
        assert version == "" and "v0001 came into use while v0003 was learnt from v0002" in reason
        assert wait_for(lambda: len(updates) == 2)
        assert [update.kind for update in updates] == [ModelUpdate.ROLLED_BACK, ModelUpdate.REJECTED]
        assert versions.current().note["version"] == "v0001"
        # Who asks for it gets a lesson of the model that is in use.
        result = made.pursue(LearnFromFailure, "learn_from_failure", LearnFromFailure.Goal(id=EVENT.id)).result
        assert (result.error_code, result.update.version) == (ErrorCode.OK, "v0004")
        assert store.lesson(EVENT.id) == ("v0004", "it is better") and versions.current().note["version"] == "v0004"


def test_goals_during_a_lesson_leave_the_learner_answering(
    ros: Any, store: FailureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One waits for the lesson, and can be cancelled; the others are told at once."""
    ros(processes=1)
    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.learner = slow = Slow()
        assert made.node.trigger_activate().name == "SUCCESS" and slow.learning.wait(30.0)
        client = Dispatcher(made.peer, LearnFromFailure, "learn_from_failure")
        assert client.found(30.0)
        sent = [client.send(LearnFromFailure.Goal(id=EVENT.id)) for _ in range(6)]
        assert wait_for(lambda: all(future.done() for future in sent))
        handles = [future.result() for future in sent]
        results = [handle.get_result_async() for handle in handles]
        assert wait_for(lambda: sum(result.done() for result in results) == 5)
        for result in results:
            if result.done():
                told = result.result().result
                assert told.error_code == ErrorCode.LEARNER_FAILED and "ask again" in told.error_msg
        assert made.call(QueryModel, "query_model", QueryModel.Request()).error_code == ErrorCode.OK
        made.diagnosis()
        (last,) = (number for number, result in enumerate(results) if not result.done())
        handles[last].cancel_goal_async()
        assert wait_for(results[last].done) and results[last].result().result.error_code == ErrorCode.LEARNER_STOPPED
        slow.go_on.set()
