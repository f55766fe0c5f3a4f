"""Every node keeps its wits about it: whatever comes in, it is refused with a counted reason or taken, and work goes on."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.action import ExecuteSkill, ExecuteTask, LearnFromFailure
from fail2progress_msgs.msg import ErrorCode
from fail2progress_msgs.srv import ClassifyFailure, LoadModel, QueryModel, RollBackModel, SetTrial
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from std_srvs.srv import Trigger

from fail2progress.failures.store import FailureStore
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.ros import graph as table
from fail2progress.ros.bags.reader import read
from fail2progress.ros.conversions import records as convert_records
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.security.policy import access_of
from support import messages as m
from support import traffic
from support.endpoints import uncovered
from support.rigs import Rig, rig, wait_for

TOTAL = int(os.environ.get("FAIL2PROGRESS_HOSTILE_MESSAGES", "2000"))
"""Hostile messages to all nodes together."""
TESTED = [name for name in table.NODES if name not in ("stretch", "task", "player")]
DIGEST = load_checkpoint(weights.path(weights.RELATIONAL)).digest
Proof = Any


def segmentation_works(made: Rig, _: Path) -> None:
    said = made.collect("segments")
    for name in ("tf_static", table.LABELS[1], *table.CAMERA, table.LABELS[0]):
        message = traffic.VALID[name]()
        if hasattr(message, "header"):
            message.header.stamp = convert.time_of(10**15)
        assert made.send(name, message)
    assert wait_for(lambda: any(convert.stamp_of(message.header.stamp) == 10**15 for message in said))
    assert convert.cloud_of(said[-1]).names == ("table_a",)


def relations_work(made: Rig, _: Path) -> None:
    said = made.collect("relations")
    assert made.send("steps", traffic.step(3))
    assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=9.0)))
    assert wait_for(lambda: said and said[-1].finished == 4)
    assert convert.relations_of(said[-1].relations).names == m.SEEN
    assert (said[-1].model, said[-1].moving) == (f"combined {DIGEST[:12]}", False)


def view_works(made: Rig, _: Path) -> None:
    said = made.collect("view/cloud")
    assert made.send("segments", convert.segments_msg(m.scene_cloud(seed=99, stamp=9.0)))
    assert wait_for(lambda: any(convert.stamp_of(cloud.header.stamp) == 9 * 10**9 for cloud in said))


def planner_works(made: Rig, _: Path) -> None:
    assert made.send("relations", traffic.relations(5))
    assert made.node.heard["relations", None].finished == 6


def monitor_works(made: Rig, _: Path) -> None:
    said = made.collect("verdicts")
    assert made.send("steps", traffic.step(1000, model=DIGEST))
    assert made.send("relations", traffic.relations(1000))
    assert wait_for(lambda: any(verdict.step == 1000 for verdict in said))


def classifier_works(made: Rig, state: Path) -> None:
    """An event is durable, and worked off: either there is a report, or the scene cannot be rebuilt."""
    event = m.scene_event(2**20)
    assert made.send("failures", convert_records.event_msg(event))
    store = FailureStore(state / "failures.sqlite")
    assert store.get(event.id).header == event.header
    assert wait_for(lambda: store.report(event.id) is not None or event.id in made.node.worker.hopeless)


def learner_works(made: Rig, _: Path) -> None:
    assert made.send("failure_reports", convert_records.report_msg(m.scene_report(9), 3 * 10**9))
    answer = made.call(QueryModel, "query_model", QueryModel.Request())
    assert (answer.error_code, answer.version, answer.digest) == (ErrorCode.OK, "v0001", made.node.live.current.digest)


def robot_works(made: Rig, _: Path) -> None:
    assert made.send("heartbeat", traffic.VALID["heartbeat"]())
    assert wait_for(lambda: made.call(Trigger, "stop_the_robot", Trigger.Request()).success)


def recorder_works(made: Rig, _: Path) -> None:
    assert made.send("steps", traffic.step(77))
    bag = Path(made.node.facts["bag"])
    from fail2progress_msgs.msg import Step
    from rclpy.serialization import deserialize_message

    steps = [item for item in read(bag) if item.topic == "/steps"]
    assert deserialize_message(steps[-1].data, Step).step == 77


WORKS: dict[str, Proof] = {
    "segmentation": segmentation_works,
    "relations": relations_work,
    "planner": planner_works,
    "view": view_works,
    "monitor": monitor_works,
    "classifier": classifier_works,
    "learner": learner_works,
    "sim_stretch": robot_works,
    "recorder": recorder_works,
}


def _parameter(name: str, value: Any) -> Parameter:
    kinds = {str: ParameterType.PARAMETER_STRING, float: ParameterType.PARAMETER_DOUBLE, bool: ParameterType.PARAMETER_BOOL}
    fields = {str: "string_value", float: "double_value", bool: "bool_value", int: "integer_value"}
    kind = kinds.get(type(value), ParameterType.PARAMETER_INTEGER)
    return Parameter(name=name, value=ParameterValue(type=kind, **{fields[type(value)]: value}))


def set_parameters_badly(made: Rig) -> None:
    """Wrong types, values out of bounds, choices that are none, parameters that do not exist, none at all."""
    name = f"{made.entry.name}/set_parameters"
    bad = [_parameter("nobody", 1), Parameter(name="loglevel"), _parameter("loglevel", "loud"), _parameter("loglevel", 5)]
    for known in table.parameters(made.entry):
        if known.low is not None:
            kind = type(known.default)
            bad += [_parameter(known.name, value) for value in ("wide", True, kind(-1), kind(2**40))]
            bad += [_parameter(known.name, float("nan"))]
    results = made.call(SetParameters, name, SetParameters.Request(parameters=bad)).results
    assert len(results) == len(bad)
    wrong = [p.name for p, result in zip(bad, results, strict=True) if result.successful]
    assert not wrong, f"{made.entry.name} took bad values of {wrong}"


def ask_planner(made: Rig) -> None:
    for stages in ([], [traffic.VALID["plan"]().goal] * 65, [convert.GoalMsg()]):
        answer = made.pursue(ExecuteTask, "execute_task", ExecuteTask.Goal(task="x", stages=stages))
        assert answer.result.error_code == ErrorCode.PLANNER_BAD_GOAL


def ask_classifier(made: Rig) -> None:
    for identity in ("", "nobody", "x" * 100_000, "%", "' OR 1=1"):
        answer = made.call(ClassifyFailure, "classify_failure", ClassifyFailure.Request(id=identity))
        assert answer.error_code == ErrorCode.CLASSIFIER_UNKNOWN_EVENT
    flat = m.scene_event(55)
    flat = flat.model_copy(update={"before": replace(flat.before, categories=("capsule",) * 3)})
    made.node.worker.hopeless.add(flat.id)
    made.node.store.add(flat)
    answer = made.call(ClassifyFailure, "classify_failure", ClassifyFailure.Request(id=flat.id))
    assert answer.error_code in (ErrorCode.OK, ErrorCode.CLASSIFIER_CANNOT_REBUILD)


def ask_learner(made: Rig) -> None:
    for version in ("", "v9999", "../../v0001", "v0001.safetensors", "v" * 100_000):
        assert made.call(LoadModel, "load_model", LoadModel.Request(version=version)).error_code == ErrorCode.MODEL_UNKNOWN
    assert made.call(RollBackModel, "roll_back_model", RollBackModel.Request()).error_code == ErrorCode.MODEL_NOTHING_OLDER
    for identity in ("", "nobody", "x" * 100_000):
        answer = made.pursue(LearnFromFailure, "learn_from_failure", LearnFromFailure.Goal(id=identity))
        assert answer.result.error_code == ErrorCode.LEARNER_UNKNOWN_EVENT


def ask_robot(made: Rig) -> None:
    assert wait_for(lambda: not made.node.engagement.reason()), "hostile heartbeats hold others off as long as they come"
    for kind in range(4):
        call = traffic.step().planned.call
        call.skill, call.object = ("juggle", "cup_1") if kind == 0 else ("pick_place", "nobody" if kind == 1 else "cup_1")
        call.parameters = [float("nan")] * 4 if kind == 2 else [0.0] if kind == 3 else [0.0] * 4
        answer = made.pursue(ExecuteSkill, "execute_skill", ExecuteSkill.Goal(call=call))
        assert answer.result.error_code in (ErrorCode.ROBOT_BAD_CALL, ErrorCode.ROBOT_CANNOT, ErrorCode.ROBOT_REFUSED), kind
    for task, objects in (("", 3), ("nowhere", 3), ("hierarchical-tabletop", 0), ("hierarchical-tabletop", 2**32 - 1)):
        request = SetTrial.Request(task=task, objects=objects, seed=2**64 - 1)
        assert made.call(SetTrial, "set_trial", request).error_code == ErrorCode.ROBOT_BAD_CALL
    made.call(Trigger, "stop_the_robot", Trigger.Request())
    answer = made.pursue(ExecuteSkill, "execute_skill", ExecuteSkill.Goal(call=traffic.step().planned.call))
    assert answer.result.error_code == ErrorCode.ROBOT_STOPPED


ASK = {"planner": ask_planner, "classifier": ask_classifier, "learner": ask_learner, "sim_stretch": ask_robot}


def besiege(made: Rig, count: int, rng: np.random.Generator) -> Counter[str]:
    """So many hostile messages over all topics that a node listens to; how many of what were sent."""
    sent: Counter[str] = Counter()
    names = made.entry.subscribes
    while sum(sent.values()) < count:
        number = sum(sent.values())
        name = names[number % len(names)]
        if number % 10 == 9:
            made.outlet(name).publish(traffic.garbage(name, rng))
            sent["garbage"] += 1
        elif name in table.CAMERA and number % 3 == 0:
            for part, message in traffic.hostile_moment(rng, 10.0 + number):
                assert made.send(part, message), f"{made.entry.name} hangs after message {number} on {part}"
                sent["moments"] += 1
        else:
            assert made.send(name, traffic.hostile(name, rng)), f"{made.entry.name} hangs after message {number} on {name}"
            sent["hostile"] += 1
        assert not made.died, f"{made.entry.name} died of message {number} on {name}: {made.died[0]!r}"
    return sent


@pytest.mark.parametrize("name", TESTED)
def test_hostile_messages_and_requests_are_refused_and_work_goes_on(
    name: str, ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ros(processes=1, learn_timeout=0.0)
    with rig(name, monkeypatch) as made:
        made.activate()
        assert not uncovered(made.node, access_of(made.entry).within(""))
        sent = besiege(made, TOTAL // len(TESTED), np.random.default_rng(11))
        refused = dict(made.node.refused)
        print(f"{name}: {dict(sent)}, handled {made.handled.total()}, refused {sum(refused.values())}: {refused}")
        unforeseen = {kind for kind in refused if kind.endswith("/error")}
        assert not unforeseen, f"not foreseen: {refused}"
        set_parameters_badly(made)
        ASK.get(name, lambda made: None)(made)
        WORKS[name](made, tmp_path / "state")
        told = {item.key: item.value for item in made.diagnosis().values}
        assert made.diagnosis().level == b"\0"
        for kind, times in refused.items():
            assert int(told[f"refused {kind}"].partition(":")[0]) >= times
        assert not made.died


def test_hostile_images_do_not_end_the_geometry(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Algorithms on point clouds have errors of their own."""
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        rng = np.random.default_rng(3)
        assert made.send("tf_static", traffic.transforms())
        for number in range(TOTAL // 50):
            for part, message in traffic.hostile_moment(rng, 10.0 + number)[:3]:
                assert made.send(part, message)
        assert made.node.refused and not [kind for kind in made.node.refused if kind.endswith("/error")], made.node.refused
        assert not made.died
