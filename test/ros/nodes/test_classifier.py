"""Every failure gets a report, as others wait for one."""

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.msg import ErrorCode
from fail2progress_msgs.srv import ClassifyFailure

from fail2progress.core.gaps import FILE, read
from fail2progress.failures.report import FailureClass
from fail2progress.failures.store import FailureStore
from fail2progress.ros import store_worker
from fail2progress.ros.conversions.records import event_msg, report_of
from support import messages as m
from support.rigs import rig, wait_for


class Blind:
    """A classifier that can rebuild nothing."""

    def classify(self, event: Any) -> Any:
        raise ValueError("nothing was seen")


def test_what_cannot_be_rebuilt_is_undecided_with_the_reason(ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(processes=1)
    store, events = FailureStore(tmp_path / "state" / "failures.sqlite"), [m.scene_event(seed) for seed in range(2)]
    points, known = events[0].before.points.copy(), m.scene_report(1)
    points[-1] = np.nan
    events[0] = events[0].model_copy(update={"before": replace(events[0].before, points=points)})
    for event in events:
        store.add(event)
    store.add_report(known)
    with rig("classifier", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.classifier, said = Blind(), made.collect("failure_reports")
        assert made.node.trigger_activate().name == "SUCCESS"
        assert wait_for(lambda: store.report(events[0].id) is not None)
        report = store.report(events[0].id)
        assert report is not None and report.category is FailureClass.UNDECIDED
        assert report.reason == "its scene cannot be rebuilt: nothing was seen" and report.rebuilt == ()
        assert wait_for(lambda: report in map(report_of, said))
        assert made.node.refused["failures/rebuild"] == 1
        # What was assumed in its scene is noted beside the store, where `gaps ls` looks.
        assert wait_for(lambda: {gap.run_id for gap in read(store.path.with_name(FILE))} == {events[0].id})
        # Who asks for a class is told that there is none; what was found before is kept.
        answer = made.call(ClassifyFailure, "classify_failure", ClassifyFailure.Request(id=events[1].id))
        assert answer.error_code == ErrorCode.CLASSIFIER_CANNOT_REBUILD and "nothing was seen" in answer.error_msg
        assert store.report(events[1].id) == known


def test_the_report_of_a_failure_that_is_met_again_is_told_again(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner waits for it: of several failures only that of the last one is told at the start."""
    ros(processes=1)
    store, events = FailureStore(tmp_path / "state" / "failures.sqlite"), [m.scene_event(seed) for seed in range(2)]
    for number, event in enumerate(events):
        store.add(event)
        store.add_report(m.scene_report(number))
    store.add(m.scene_event(2))
    with closing(sqlite3.connect(store.path)) as connection, connection:  # one whose report is damaged, which hides no other
        connection.execute("INSERT INTO reports VALUES (?, 'undecided', '{')", (m.scene_event(2).id,))
    with rig("classifier", monkeypatch) as made:
        said = made.collect("failure_reports")
        made.activate()
        assert wait_for(lambda: [report_of(report).failure for report in said] == [events[1].id])
        assert made.send("failures", event_msg(events[0]))
        assert wait_for(lambda: len(said) == 2) and report_of(said[1]) == store.report(events[0].id)


class Faulty:
    """A classifier with an error of its own."""

    def classify(self, event: Any) -> Any:
        raise KeyError("cup_9")


def test_an_unforeseen_error_gives_a_report_that_names_it(ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(processes=1)
    store, events = FailureStore(tmp_path / "state" / "failures.sqlite"), [m.scene_event(seed) for seed in range(2)]
    for event in events:
        store.add(event)
    with rig("classifier", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.classifier, said = Faulty(), made.collect("failure_reports")
        assert made.node.trigger_activate().name == "SUCCESS"
        assert wait_for(lambda: all(store.report(event.id) is not None for event in events)), "one does not hold up the other"
        reports = [store.report(event.id) for event in events]
        assert all(report is not None and report.category is FailureClass.UNDECIDED for report in reports)
        assert {report.reason for report in reports if report} == {"its classification ended in an error: KeyError: 'cup_9'"}
        assert wait_for(lambda: all(report in map(report_of, said) for report in reports))
        assert wait_for(lambda: made.node.refused["failures/error"] == 2)


def test_a_damaged_failure_is_told_of_and_those_after_it_are_classified(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ros(processes=1)
    store, events = FailureStore(tmp_path / "state" / "failures.sqlite"), [m.scene_event(seed) for seed in range(2)]
    for event in events:
        store.add(event)
    damaged, whole = store.ids()
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE failures SET header = '{' WHERE id = ?", (damaged,))
    with rig("classifier", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.classifier = Blind()
        assert made.node.trigger_activate().name == "SUCCESS"
        assert wait_for(lambda: store.report(whole) is not None)
        assert damaged in made.node.reasons["failures/error"] and "Invalid JSON" in made.node.reasons["failures/error"]


def test_a_report_that_could_not_be_kept_is_made_again_once_it_can(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else writes into the store for longer than is waited for."""
    ros(processes=1)
    monkeypatch.setattr(store_worker, "AGAIN", 1.0)
    store, event = FailureStore(tmp_path / "state" / "failures.sqlite"), m.scene_event(0)
    store.add(event)
    with rig("classifier", monkeypatch) as made, closing(sqlite3.connect(store.path)) as other:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.classifier, said = Blind(), made.collect("failure_reports")
        other.execute("BEGIN IMMEDIATE")
        assert made.node.trigger_activate().name == "SUCCESS"
        assert wait_for(lambda: made.node.refused["failures/error"] == 1)
        reason = made.node.reasons["failures/error"]
        assert "locked" in reason and f"failure {event.id} is tried again in 1 s" in reason
        other.rollback()
        assert wait_for(lambda: store.report(event.id) is not None and said)
        assert wait_for(lambda: not made.node.worker.later) and not made.node.worker.hopeless


class Slow(Blind):
    """A classifier that takes until it is let go on."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def classify(self, event: Any) -> Any:
        self.asked.set()
        assert self.go_on.wait(60.0)
        return super().classify(event)


def test_requests_while_a_failure_is_classified_leave_the_node_answering(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One waits, the others are told at once."""
    ros(processes=1)
    FailureStore(tmp_path / "state" / "failures.sqlite").add(event := m.scene_event())
    with rig("classifier", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.classifier = slow = Slow()
        assert made.node.trigger_activate().name == "SUCCESS" and slow.asked.wait(30.0)
        client = made.peer.create_client(ClassifyFailure, "classify_failure")
        assert client.wait_for_service(timeout_sec=30.0)
        answers = [client.call_async(ClassifyFailure.Request(id=event.id)) for _ in range(4)]
        assert wait_for(lambda: sum(answer.done() for answer in answers) == 3)
        assert all("ask again" in answer.result().error_msg for answer in answers if answer.done())
        made.diagnosis()
        slow.go_on.set()
        assert wait_for(lambda: all(answer.done() for answer in answers))
        assert sum("nothing was seen" in answer.result().error_msg for answer in answers) == 1
