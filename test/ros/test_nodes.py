"""Single nodes in this process: what each does, what survives trouble, and what it tells of itself."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from fail2progress_msgs.action import LearnFromFailure
from fail2progress_msgs.msg import ErrorCode, ModelUpdate, Step
from fail2progress_msgs.srv import ClassifyFailure, LoadModel, QueryModel, RollBackModel
from rclpy.action import ActionClient, ActionServer

from fail2progress.core.observation import SECOND
from fail2progress.failures.report import FailureClass
from fail2progress.failures.store import FailureStore
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.store import Registry
from fail2progress.ros import graph as table
from fail2progress.ros.conversions import records as convert_records
from fail2progress.ros.conversions import values as convert
from support import messages as m
from support import traffic
from support.rigs import rig, wait_for

WEIGHTS = weights.path(weights.RELATIONAL)
DIGEST = load_checkpoint(WEIGHTS).digest


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def child(state: Path) -> ModelUpdate:
    """A version that came of the one in use by way of the gate, and its announcement."""
    found = load_checkpoint(WEIGHTS)
    versions = Registry(state / "models")
    with torch.no_grad():
        next(iter(found.model.parameters())).add_(0.25)
    version = versions.register(found.model, {"parent": DIGEST, "gate": {"passed": True, "reason": "better"}})  # type: ignore[arg-type]
    made = load_checkpoint(versions.path(version))
    return ModelUpdate(
        schema_version=convert.SCHEMA, kind=ModelUpdate.ACCEPTED,
        version=version, digest=made.digest, path=str(made.path), parent=DIGEST
    )  # fmt: skip


def test_diagnostics_come_every_second_with_the_model(ros: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("relations", monkeypatch) as made:
        assert made.diagnosis().level == b"\1"
        made.activate()
        said = len(made.statuses)
        assert wait_for(lambda: len(made.statuses) >= said + 4)
        stamps = [convert.stamp_of(status.header.stamp) for status in made.statuses[said:]]
        # By the clock's seconds: the first may be late by up to one of them, and one that was held up for longer is left out.
        assert (stamps[-1] - stamps[0]) / SECOND > len(stamps) - 2.1
        assert [timer.timer_period_ns for timer in made.node.timers] == [SECOND]
        told = {item.key: item.value for item in made.statuses[-1].status[0].values}
        assert (told["model"], told["swaps"]) == (DIGEST, "0")
        assert made.statuses[-1].status[0].name == "fail2progress: relations"
        states = made.collect("model_states")
        update = child(state)
        assert made.send("model_updates", update)
        assert wait_for(lambda: states and states[-1].digest == update.digest)
        assert (states[-1].node, states[-1].swaps, states[-1].reason) == ("relations", 1, "")
        told = {item.key: item.value for item in made.diagnosis().values}
        assert (told["model"], told["swaps"]) == (update.digest, "1")


def test_a_refused_model_is_told_with_its_reason(ros: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("relations", monkeypatch) as made:
        made.activate()
        states, update = made.collect("model_states"), child(state)
        Path(update.path).write_bytes(Path(update.path).read_bytes()[:-9])
        assert made.send("model_updates", update)
        assert wait_for(lambda: states and states[-1].reason)
        assert states[-1].digest == DIGEST and update.path in states[-1].reason
        assert made.node.refused["model_updates/model"] == 1


def test_the_end_of_an_episode_changes_nothing(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("relations", monkeypatch) as made:
        made.activate()
        over = Step(schema_version=convert.SCHEMA, phase=Step.OVER, episode=convert.uuid_msg(m.EPISODE), task="x", objects=3)
        assert made.send("steps", over) and not made.node.refused


def test_a_refused_observation_leaves_the_step_open(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict comes with the next observation that can be used, once, and the failure is in the store before it is told."""
    ros()
    with rig("monitor", monkeypatch) as made:
        made.activate()
        verdicts, failures = made.collect("verdicts"), made.collect("failures")
        assert made.send("steps", traffic.step(model=DIGEST))
        for spoil in ("names", "points", "schema", "moving"):
            message = traffic.relations()
            if spoil == "names":
                message.segments.names = ["x", "y", "z"]
            elif spoil == "points":
                message.segments = convert.segments_msg(m.scene_cloud(stamp=2.0, points=1))
            elif spoil == "schema":
                message.schema_version = 5
            message.moving = spoil == "moving"
            assert made.send("relations", message)
        assert set(made.node.refused) == {"relations/name", "relations/points", "relations/schema"} and not verdicts
        for _ in range(3):
            assert made.send("relations", traffic.relations())
        assert wait_for(lambda: verdicts)
        assert (len(verdicts), verdicts[0].step, convert.uuid_text(verdicts[0].episode)) == (1, 0, m.EPISODE)
        store = FailureStore(made.node.state_dir / "failures.sqlite")
        assert verdicts[0].failure == bool(store.headers())
        if verdicts[0].failure:
            assert wait_for(lambda: failures)
            assert convert_records.event_of(failures[0]).header == store.headers()[0]


def test_an_observation_before_its_step_is_judged_when_the_step_comes(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("monitor", monkeypatch) as made:
        made.activate()
        verdicts = made.collect("verdicts")
        assert made.send("relations", traffic.relations(4))
        assert made.send("steps", traffic.step(4, model=DIGEST))
        assert wait_for(lambda: verdicts) and verdicts[0].step == 4


class Troublesome:
    """A classifier or learner that fails at the first failure in a way that nobody foresaw."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def classify(self, event: Any) -> Any:
        self.asked.append(event.id)
        if len(self.asked) == 1:
            raise ZeroDivisionError("not foreseen")
        return m.scene_report(event.header.seed)


def test_a_failure_that_makes_trouble_does_not_hold_up_others(ros: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(processes=1)
    store = FailureStore(state / "failures.sqlite")
    events = [m.scene_event(seed) for seed in range(3)]
    for event in events:
        store.add(event)
    with rig("classifier", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.classifier = trouble = Troublesome()
        assert made.node.trigger_activate().name == "SUCCESS"
        assert wait_for(lambda: store.report(events[2].id) is not None)
        kept = store.report(events[0].id)
        assert kept is not None and kept.category is FailureClass.UNDECIDED and "ZeroDivisionError: not foreseen" in kept.reason
        assert store.report(events[1].id) is not None
        assert made.node.refused["failures/error"] == 1
        store.add(later := m.scene_event(3))
        made.node.worker.wake()
        assert wait_for(lambda: store.report(later.id) is not None)
        assert trouble.asked == [event.id for event in (*events, later)]
        answer = made.call(ClassifyFailure, "classify_failure", ClassifyFailure.Request(id=events[0].id))
        again = store.report(events[0].id)
        assert answer.error_code == ErrorCode.OK and again is not None and again.category is not FailureClass.UNDECIDED


def test_a_damaged_registry_is_told_and_ends_nothing(ros: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(processes=1)
    with rig("learner", monkeypatch) as made:
        made.activate()
        versions = Registry(state / "models")
        content = versions.path("v0001").read_bytes()
        versions.path("v0001").write_bytes(content[:-7])
        for kind, name, request in (
            (QueryModel, "query_model", QueryModel.Request()),
            (RollBackModel, "roll_back_model", RollBackModel.Request()),
            (LoadModel, "load_model", LoadModel.Request(version="v0001")),
        ):
            answer = made.call(kind, name, request)
            assert answer.error_code == ErrorCode.MODEL_DAMAGED and "v0001" in answer.error_msg
        versions.path("v0001").write_bytes(content)
        assert made.call(QueryModel, "query_model", QueryModel.Request()).error_code == ErrorCode.OK
        assert not made.died


def test_a_lesson_that_fails_has_a_code(ros: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of success, and the next lessons are not held up by it."""
    ros(processes=1)
    store, events = FailureStore(state / "failures.sqlite"), [m.scene_event(seed) for seed in range(2)]
    for event in events:
        store.add(event)
        store.add_report(m.scene_report(event.header.seed, FailureClass.SYMBOLIC_PREDICTION))
    asked: list[str] = []

    class NoLearner:
        def remembering(self, *_: Any) -> Any:
            return self

        def learn(self, failed: Any, *_: Any) -> Any:
            asked.append(failed[0].id)
            raise ZeroDivisionError("not foreseen")

    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.learner = NoLearner()
        assert made.node.trigger_activate().name == "SUCCESS"
        assert wait_for(lambda: len(asked) == 2)
        result = made.pursue(LearnFromFailure, "learn_from_failure", LearnFromFailure.Goal(id=events[0].id)).result
        assert result.error_code == ErrorCode.LEARNER_FAILED and "not foreseen" in result.error_msg
        assert asked == [events[0].id, events[1].id, events[0].id]
        # A failure that a lesson was learnt from: asked for again, it is learnt from anew and not gone back to.
        note = {"event": events[0].id, "gate": {"passed": True, "reason": "better"}}
        older = made.node.versions.adopt(made.node.versions.current(), note)
        store.add_lesson(events[0].id, older, "better")
        result = made.pursue(LearnFromFailure, "learn_from_failure", LearnFromFailure.Goal(id=events[0].id)).result
        assert result.error_code == ErrorCode.LEARNER_FAILED and asked[3:] == [events[0].id]


@pytest.mark.parametrize("name", ["relations", "learner", "planner", "recorder"])
def test_a_node_that_is_configured_again_hears_everything_once(name: str, ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(processes=1)
    with rig(name, monkeypatch) as made:
        there = []
        for _ in range(3):
            made.activate()
            actions = [item for item in made.node.waitables if isinstance(item, (ActionClient, ActionServer))]
            there.append([len(list(items)) for items in (made.node.subscriptions, made.node.services, made.node.timers, actions)])
            assert made.node.trigger_deactivate().name == made.node.trigger_cleanup().name == "SUCCESS"
        assert there[0] == there[1] == there[2]
        made.activate()
        heard = made.entry.subscribes[0]
        sent = 0
        while sent < 5 and not made.handled[heard]:
            sent += 1
            made.outlet(heard).publish(traffic.VALID[heard]())
            wait_for(lambda: made.handled[heard] > 0, 3.0)  # the first may get lost: discovery is still going on
        made.diagnosis()
        assert 1 <= made.handled[heard] <= sent and not made.died


def test_a_failure_is_classified_in_a_simulator_from_outside(
    ros: Any, state: Path, monkeypatch: pytest.MonkeyPatch, kinematic: str
) -> None:
    ros(processes=1, simulator=kinematic)
    store = FailureStore(state / "failures.sqlite")
    event = m.scene_event(4)
    store.add(event)
    with rig("classifier", monkeypatch) as made:
        made.activate()
        assert wait_for(lambda: store.report(event.id) is not None)
        assert made.node.simulator._here.options.command[1].endswith("kinematic_worker.py")


def test_nodes_that_need_no_network_load_none() -> None:
    """A process with torch takes 250 MB before it does anything."""
    light = [name for name, entry in table.NODES.items() if not entry.uses_model and name != "learner"]
    code = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, *(table.NODES[name].module for name in light)]).returncode == 0
