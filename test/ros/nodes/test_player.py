"""What a replay says of the failures that it found."""

import sqlite3
from contextlib import closing
from pathlib import Path

from fail2progress.failures.report import FailureClass
from fail2progress.failures.store import FailureStore
from fail2progress.ros.nodes.player import told
from support import messages as m


def test_class_and_verdict_are_told_of_each_failure(tmp_path: Path) -> None:
    event, store = m.scene_event(), FailureStore(tmp_path / "failures.sqlite")
    store.add(event)
    (unknown,) = told(store)
    assert unknown.startswith(f"failure {event.id}, class: none yet: When the robot ") and "model v" not in unknown
    store.add_report(m.scene_report(category=FailureClass.UNDECIDED).model_copy(update={"reason": "the cup was hidden"}))
    (undecided,) = told(store)
    assert undecided.startswith(f"failure {event.id}, class: undecided (the cup was hidden): When the robot ")
    store.add_report(m.scene_report(category=FailureClass.SYMBOLIC_PREDICTION))
    lines = []
    for lesson in (("v0002", "better on the failure"), ("", "it does not do better on the failure")):
        store.add_lesson(event.id, *lesson)
        lines += told(store)
    assert all(f"failure {event.id}, class: incorrect symbolic prediction: When the robot " in line for line in lines)
    assert lines[0].endswith("The model v0002 learnt from it: better on the failure.")
    assert lines[1].endswith("No new model was accepted: it does not do better on the failure.")


def test_a_damaged_failure_is_told_beside_the_others(tmp_path: Path) -> None:
    store = FailureStore(tmp_path / "failures.sqlite")
    for seed in range(2):
        store.add(m.scene_event(seed))
    damaged, whole = store.ids()
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE failures SET header = '{' WHERE id = ?", (damaged,))
    lines = list(told(store))
    assert lines[0].startswith(f"failure {whole}, class: none yet")
    assert f"failure {damaged}: Invalid JSON" in lines[1] and len(lines) == 2
