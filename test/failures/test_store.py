import json
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fail2progress.core.vocabulary import VERSION_1
from fail2progress.failures import store as store_module
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.failures.store import FailureStore, OtherVocabularyError, StoreError
from fail2progress.skills.vocabulary import current

Make = Callable[..., FailureEvent]
Start = Callable[[Path, int, int], "subprocess.Popen[str]"]


def overwrite(store: FailureStore, column: str, value: object) -> None:
    with sqlite3.connect(store.path) as connection:
        connection.execute(f"UPDATE failures SET {column} = ?", (value,))
    connection.close()


def test_what_was_added_comes_back(store: FailureStore, make_event: Make) -> None:
    event = make_event(3)
    assert store.add(event)
    again = FailureStore(store.path).get(event.id)
    assert again.header == event.header
    for key, value in event.arrays().items():
        assert np.array_equal(again.arrays()[key], value, equal_nan=True)


def test_the_same_event_is_kept_once(store: FailureStore, make_event: Make) -> None:
    assert store.add(make_event(0)) and not store.add(make_event(0))
    assert len(store.headers()) == 1


def test_headers_come_oldest_first_and_by_task(store: FailureStore, make_event: Make) -> None:
    for seed, task in ((5, "a"), (1, "b"), (3, "a")):
        store.add(make_event(seed, task))
    assert [header.seed for header in store.headers()] == [1, 3, 5]
    assert [header.seed for header in store.headers("a")] == [3, 5]
    assert store.headers("c") == []


def test_events_are_found_by_the_beginning_of_their_id(store: FailureStore, make_event: Make) -> None:
    several = [make_event(seed) for seed in range(20)]
    for event in several:
        store.add(event)
    first = several[0]
    assert store.get(first.id[:12]).id == first.id
    shared = next(a.id[0] for a in several if sum(b.id[0] == a.id[0] for b in several) > 1)
    with pytest.raises(StoreError, match=rf"\d+ failures whose id begins with '{shared}'"):
        store.get(shared)
    with pytest.raises(StoreError, match=r"20 failures whose id begins with ''"):
        store.get("")


@pytest.mark.parametrize("unknown", ["nothing", "%", "_" * 36, "' OR 1=1 --"])
def test_an_unknown_id_is_named(store: FailureStore, make_event: Make, unknown: str) -> None:
    store.add(make_event(0))
    with pytest.raises(StoreError, match=r"failures\.db: no failure whose id begins with"):
        store.get(unknown)


def test_an_event_of_another_vocabulary_is_listed_but_not_read(store: FailureStore, make_event: Make) -> None:
    event = make_event(0)
    other = replace(current(), binary=current().binary[::-1])
    store.add(event.model_copy(update={"header": event.header.model_copy(update={"vocabulary": other})}))
    assert [header.vocabulary for header in store.headers()] == [other]
    with pytest.raises(
        OtherVocabularyError, match=rf"failures\.db: failure {event.id}: of another vocabulary: binary relations inside"
    ):
        store.get(event.id)
    with pytest.raises(OtherVocabularyError, match=rf"failures\.db: failure {event.id}: of another vocabulary"):
        store.header(event.id)


def test_an_old_event_is_of_version_1(store: FailureStore, make_event: Make) -> None:
    event = make_event(0)
    store.add(event)
    assert store.headers()[0].vocabulary == current()
    old = json.loads(event.header.model_dump_json())
    del old["vocabulary"]
    overwrite(store, "header", json.dumps(old))
    assert store.get(event.id).header.vocabulary == VERSION_1


def test_a_damaged_blob_is_named(store: FailureStore, make_event: Make) -> None:
    event = make_event(0)
    store.add(event)
    for blob in (b"", b"PK\x03\x04 no archive", event.to_bytes()[:-100]):
        overwrite(store, "data", blob)
        with pytest.raises(StoreError, match=rf"failures\.db: failure {event.id}: its data are damaged"):
            store.get(event.id)
        assert store.header(event.id[:8]) == store.headers()[0] == event.header


@pytest.mark.parametrize(("text", "reason"), [("{", "Invalid JSON"), ("{}", "id: Field required"), ("[1]", "dictionary|object")])
def test_a_damaged_header_is_named(store: FailureStore, make_event: Make, text: str, reason: str) -> None:
    store.add(make_event(0))
    overwrite(store, "header", text)
    for read in (store.headers, lambda: store.get(make_event(0).id), lambda: store.header(make_event(0).id)):
        with pytest.raises(StoreError, match=rf"failures\.db: failure {make_event(0).id}: .*({reason})"):
            read()


def test_another_schema_version_is_named(store: FailureStore, make_event: Make) -> None:
    store.add(make_event(0))
    overwrite(store, "header", make_event(0).header.model_dump_json().replace('"schema_version":1', '"schema_version":7'))
    with pytest.raises(StoreError, match=r"schema_version: Input should be 1"):
        store.get(make_event(0).id)


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is a text, not a database. " * 100)
    (tmp_path / "folder.db").mkdir()
    for path in (garbage, tmp_path / "folder.db", garbage / "below" / "store.db", Path("/proc/nowhere/store.db")):
        with pytest.raises(StoreError, match=rf"{path}: cannot be used as a failure store"):
            FailureStore(path)


def test_a_database_of_something_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "addresses.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE people (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="database of something else: people"):
        FailureStore(path)
    assert path.read_bytes() == before


def test_damage_while_in_use_is_a_store_error(store: FailureStore, make_event: Make) -> None:
    store.add(make_event(0))
    store.path.write_bytes(b"overwritten by something else. " * 1000)
    for use in (store.headers, lambda: store.get(make_event(0).id), lambda: store.add(make_event(1))):
        with pytest.raises(StoreError, match=r"failures\.db"):
            use()


def test_an_event_is_not_called_damaged_where_the_store_went_away(store: FailureStore, make_event: Make) -> None:
    for number in range(2):
        store.add(make_event(number))

    def gone(identity: str) -> FailureEvent:
        if store.path.is_file():
            store.path.rename(store.path.with_name("elsewhere"))
            store.path.mkdir()
        return store.get(identity)

    overwrite(store, "header", b"\xff")
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE failures SET header = CAST(header AS TEXT)")
    found, damaged = store.readable(store.get)
    assert not found and len(damaged) == 2 and not any(isinstance(error, OtherVocabularyError) for error in damaged.values())
    with pytest.raises(StoreError, match="unable to open"):
        store.readable(gone)


def test_events_in_the_log_beside_a_store_are_read_where_nothing_can_be_written(
    tmp_path: Path, make_event: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed writer left, on a disk that is mounted to be read: SQLite opens such a store only without its log."""
    first, second = make_event(0), make_event(1)
    killed = FailureStore(tmp_path / "killed" / "failures.db")
    killed.add(first)
    with closing(sqlite3.connect(killed.path)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        killed.add(second)
        copy = tmp_path / "failures.db"
        for end in ("", "-wal"):
            shutil.copyfile(f"{killed.path}{end}", f"{copy}{end}")
    there, rows = {path: path.read_bytes() for path in tmp_path.glob("failures.db*")}, store_module._rows

    def read_only(place: str, *rest: Any) -> list[tuple[Any, ...]]:
        if place.startswith(copy.as_uri()) and "immutable" not in place:
            raise sqlite3.OperationalError("unable to open database file")
        return rows(place, *rest)

    monkeypatch.setattr(store_module, "_rows", read_only)
    found = object.__new__(FailureStore)
    found.path = copy
    assert {header.id for header in found.headers()} == {first.id, second.id}
    assert {path: path.read_bytes() for path in tmp_path.glob("failures.db*")} == there


def test_folders_are_made(tmp_path: Path, make_event: Make) -> None:
    assert FailureStore(tmp_path / "a" / "b" / "failures.db").add(make_event(0))


@pytest.mark.parametrize(("text", "reason"), [("{", "Invalid JSON"), ('{"failure": "a"}', "category: Field required")])
def test_a_damaged_report_or_one_of_another_version_is_named(
    store: FailureStore, make_event: Make, text: str, reason: str
) -> None:
    event = make_event(0)
    store.add(event)
    with sqlite3.connect(store.path) as connection:
        connection.execute("INSERT INTO reports VALUES (?, 'undecided', ?)", (event.id, text))
    connection.close()
    with pytest.raises(StoreError, match=rf"failures\.db: the report of failure {event.id}: .*{reason}"):
        store.report(event.id)


def test_reports_replace_each_other(store: FailureStore, make_event: Make) -> None:
    event = make_event(0)
    store.add(event)
    assert store.report(event.id) is None
    for category in FailureClass:
        report = FailureReport(
            failure=event.id,
            category=category,
            confidence=0.8,
            repetitions=5,
            differences=event.header.mismatches,
            rebuilt=("cup: cup [0.08, 0.08, 0.07] m",),
        )
        store.add_report(report)
        assert FailureStore(store.path).report(event.id) == report


def test_an_attempt_to_learn_does_not_replace_an_earlier_one(store: FailureStore, make_event: Make) -> None:
    one, other = make_event(0), make_event(1)
    for event in (one, other):
        store.add(event)
    assert store.lesson(one.id) is None and store.lessons(one.id) == ()
    attempts = (("", "worse"), ("v0002", "better"), ("", "worse again"))
    for number, attempt in enumerate(attempts, 1):
        store.add_lesson(one.id, *attempt)
        assert store.lessons(one.id) == attempts[:number]
        assert store.lesson(one.id) == attempts[min(number, 2) - 1]
    assert store.lesson(other.id) is None
    store.remove(one.id)
    assert store.lessons(one.id) == ()


def test_a_store_that_keeps_one_lesson_of_a_failure_is_read_as_it_is_and_takes_more(tmp_path: Path, make_event: Make) -> None:
    """As earlier versions wrote it; a process of one may be at work in it still."""
    path, (one, other) = tmp_path / "failures.sqlite", (make_event(0), make_event(1))
    store = FailureStore(path)
    for event in (one, other):
        store.add(event)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE lessons")
        single = "failure TEXT PRIMARY KEY REFERENCES failures(id), version TEXT NOT NULL, reason TEXT NOT NULL"
        connection.execute(f"CREATE TABLE lessons ({single})")
        connection.execute("INSERT INTO lessons VALUES (?, 'v0002', 'better')", (one.id,))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    assert FailureStore(path).lessons(one.id) == (("v0002", "better"),) and path.read_bytes() == before
    FailureStore(path).add_lesson(one.id, "", "worse")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT OR REPLACE INTO lessons VALUES (?, '', 'by an earlier one')", (one.id,))
    FailureStore(path).add_lesson(other.id, "v0003", "better")
    assert store.lessons(one.id) == (("v0002", "better"), ("", "worse"), ("", "by an earlier one"))
    assert store.lesson(other.id) == ("v0003", "better")


def test_two_processes_add_at_once(store: FailureStore, start_adding: Start) -> None:
    """Their ranges overlap, so that some events come twice."""
    adding = [start_adding(store.path, 0, 20), start_adding(store.path, 10, 30)]
    for process in adding:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in adding:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0 and len(output.split()) == 20
    assert sorted(header.seed for header in store.headers()) == list(range(30))


def test_every_reported_event_outlives_a_killed_writer(store: FailureStore, start_adding: Start) -> None:
    seen: list[str] = []
    for first in (0, 100_000):
        process = start_adding(store.path, first, first + 99_999)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        reported = [process.stdout.readline().strip() for _ in range(15)]
        process.send_signal(signal.SIGKILL)
        reported += [line.strip() for line in process.stdout if line.endswith("\n")]
        assert process.wait(timeout=60) == -signal.SIGKILL
        process.stdin.close()
        process.stdout.close()
        seen += reported
    after = FailureStore(store.path)
    assert set(seen) <= {header.id for header in after.headers()}
    assert all(after.get(identity).id == identity for identity in seen)
