"""What a replay shows the stack, and says of the failures that it found."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from fail2progress_msgs.msg import ModelState, Step
from rclpy.serialization import serialize_message

from fail2progress.core.observation import SECOND
from fail2progress.failures.report import FailureClass
from fail2progress.failures.sentences import accounts
from fail2progress.failures.store import FailureStore
from fail2progress.ros import graph as table
from fail2progress.ros.bags.writer import BagWriter
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.delivery import message_type, qos
from fail2progress.ros.lifecycle import REFUSED
from fail2progress.ros.nodes import player
from support import messages as m
from support import traffic
from support.recordings import damage, in_chunks
from support.rigs import rig, wait_for


def test_class_and_verdict_are_told_of_each_failure(tmp_path: Path) -> None:
    event, store = m.scene_event(), FailureStore(tmp_path / "failures.sqlite")
    store.add(event)
    (unknown,) = accounts(store)
    assert unknown.startswith(f"failure {event.id}, class: none yet: When the robot ") and "model v" not in unknown
    store.add_report(m.scene_report(category=FailureClass.UNDECIDED).model_copy(update={"reason": "the cup was hidden"}))
    (undecided,) = accounts(store)
    assert undecided.startswith(f"failure {event.id}, class: undecided (the cup was hidden): When the robot ")
    store.add_report(m.scene_report(category=FailureClass.SYMBOLIC_PREDICTION))
    lines = []
    for lesson in (("v0002", "better on the failure"), ("", "it does not do better on the failure")):
        store.add_lesson(event.id, *lesson)
        lines += accounts(store)
    assert all(f"failure {event.id}, class: incorrect symbolic prediction: When the robot " in line for line in lines)
    assert lines[0].endswith("The model v0002 learnt from it: better on the failure.")
    assert lines[1].endswith("on the failure. Later, no new model was accepted: it does not do better on the failure.")


def test_a_damaged_failure_is_told_beside_the_others(tmp_path: Path) -> None:
    store = FailureStore(tmp_path / "failures.sqlite")
    for seed in range(2):
        store.add(m.scene_event(seed))
    damaged, whole = store.ids()
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE failures SET header = '{' WHERE id = ?", (damaged,))
    lines = list(accounts(store))
    assert lines[0].startswith(f"failure {whole}, class: none yet")
    assert f"failure {damaged}: Invalid JSON" in lines[1] and len(lines) == 2


def recorded(folder: Path, looks: tuple[tuple[float, str], ...] = (), times: int = 1, labels: tuple[str, ...] = ()) -> Path:
    """A camera before, in and after a skill, at 1, 2 and 4 s, each recorded so many times; labels: topics of these. looks:
    seconds, and what is said then."""
    bag = BagWriter(folder)
    for name in (*table.CAMERA, *labels, "steps", "looks"):
        bag.add_topic(f"/{name}", table.TOPICS[name].type.replace("/", "/msg/"))

    def write(name: str, message: Any, time: int) -> None:
        message.header.stamp = convert.time_of(time)
        bag.write(f"/{name}", serialize_message(message), time)

    def look(since: float, until: float) -> None:
        for when, what in looks:
            if since < when <= until:
                write("looks", convert.look_msg(0, what), round(when * SECOND))

    for second, phase in ((1, Step.STARTED), (2, Step.FINISHED), (4, None)):
        look(second - 0.5, second)
        for name in (table.CAMERA[2], *table.CAMERA[:2], *labels) * times:
            write(name, traffic.VALID[name](), second * SECOND)
        look(second, second + 0.5)
        if phase is not None:
            write("steps", traffic.step(0, phase), second * SECOND + SECOND // 2)
    bag.close()
    return folder


@contextmanager
def played(
    ros: Any,
    bag: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: Collection[int],
    missed: int = 0,
    counted: Mapping[int, str] | None = None,
) -> Iterator[tuple[Any, list[tuple[str, int]]]]:
    """The player's node at its end, and what it played: topics and seconds. seen: those of which the stack tells relations, but
    not the first times that it is shown them (missed); it counts something instead (counted, by the second)."""
    ros(bag=str(bag), source="camera")
    with rig("player", monkeypatch) as made:
        said: list[tuple[str, int]] = []
        ended: list[Any] = []

        def take(name: str, message: Any) -> None:
            """As the rest of a stack would answer."""
            said.append((name, message.header.stamp.sec))
            if name == "steps" and message.phase == Step.FINISHED:
                ended.append(message)
            elif name == table.CAMERA[1] and message.header.stamp.sec in seen and said.count(said[-1]) > missed:
                begun = sum(of == "steps" for of, _ in said)
                relations, verdict = traffic.relations(len(ended) - 1), traffic.VALID["verdicts"]()
                relations.header.stamp, relations.episode = message.header.stamp, convert.uuid_msg(m.EPISODE if begun else "")
                relations.moving = begun > len(ended)
                verdict.episode, verdict.step = convert.uuid_msg(m.EPISODE), 0
                made.outlet("relations").publish(relations)
                made.outlet("verdicts").publish(verdict)
            elif name == table.CAMERA[1] and (kind := (counted or {}).get(message.header.stamp.sec)):
                value = KeyValue(key=f"{REFUSED}{kind}", value=f"{message.header.stamp.sec}: said")
                status = DiagnosticStatus(name="relations", hardware_id=made.node.others.run, values=[value])
                made.outlet("diagnostics").publish(DiagnosticArray(status=[status]))

        for name in (*table.CAMERA, *table.LABELS, "steps", "looks", "heartbeat"):
            kind = message_type(table.TOPICS[name].type)
            made.peer.create_subscription(kind, name, partial(take, name), qos(table.TOPICS[name]))
        made.outlet("model_states").publish(ModelState(node="relations", digest="0" * 64))
        made.activate()
        assert wait_for(lambda: made.node.done is not None, 120.0) and made.node.done == 0
        assert (made.node.shown, made.node.answered) == (len(seen), len(seen))
        yield made.node, said


@pytest.mark.parametrize(
    ("looks", "seen"),
    [((), [1, 4]), (((1.9, table.BEFORE), (2.1, "")), [1, 2, 4]), (((1.8, table.BEFORE), (1.9, "")), [1, 4])],
    ids=["none", "one", "over"],
)
def test_nobody_is_waited_for_who_looks_away_while_the_arm_is_in_view(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: tuple[tuple[float, str], ...], seen: list[int]
) -> None:
    """As when the bag was recorded: while the planner's heart beats, nothing is segmented in the middle of a skill but what the
    robot stands still to look at."""
    with played(ros, recorded(tmp_path / "bag", looks), monkeypatch, seen) as (_, said):
        assert ("heartbeat", 0) in said and (table.CAMERA[1], 2) in said
        assert sum(of == "looks" for of, _ in said) == len(looks)


def test_a_moment_that_was_recorded_twice_is_one_observation(ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with played(ros, recorded(tmp_path / "bag", times=2), monkeypatch, [1, 4]) as (_, said):
        assert said.count((table.CAMERA[1], 4)) >= 2


def test_names_of_each_frame_are_shown_again_with_their_images(ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "PATIENCE", 0.5)
    bag = recorded(tmp_path / "bag", labels=table.LABELS)
    with played(ros, bag, monkeypatch, [1, 2, 4], missed=1) as (_, said):
        for name in (*table.CAMERA[:2], *table.LABELS):
            assert [said.count((name, second)) for second in (1, 2, 4)] == [2, 2, 2], name


@pytest.mark.parametrize("kind", ["clock", "tf/value", "camera/imu/stamp", "model_updates/model"])
def test_what_a_node_counts_beside_its_messages_is_no_refusal(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Such as a clock that was set back: what is seen then is answered, though it may take a while."""
    monkeypatch.setattr(player, "PATIENCE", 1.5)
    with played(ros, recorded(tmp_path / "bag"), monkeypatch, [1, 4], missed=1, counted={1: kind, 4: kind}) as (_, said):
        assert [said.count((table.CAMERA[1], second)) for second in (1, 4)] == [2, 2]


def test_a_refusal_of_what_was_sent_twice_is_none_of_what_comes_next(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy computer answers the first time that it is sent when it was sent again, and tells of the second time later."""
    monkeypatch.setattr(player, "PATIENCE", 1.5)
    with played(ros, recorded(tmp_path / "bag"), monkeypatch, [1, 4], missed=1, counted={4: "tf/perception"}) as (_, said):
        assert [said.count((table.CAMERA[1], second)) for second in (1, 4)] == [2, 2]


def test_what_follows_a_step_that_is_lost_is_not_shown_before_the_next_one(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start of the skill is in a damaged part: of the moment in the middle of it nobody would know that it is one."""
    (file,) = recorded(tmp_path / "bag").glob("*.mcap")
    damage(in_chunks(file), SECOND + SECOND // 2)
    with played(ros, file, monkeypatch, [1, 4]) as (node, said):
        assert not {(name, 2) for name in table.CAMERA[:2]} & set(said) and node.gaps.passed == 2
