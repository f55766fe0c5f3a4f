"""Databases that are damaged, cut short, or left by a recorder that was killed: what is whole is read, and nothing is written."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.mcap_records import Lost
from fail2progress.ros.bags.reader import BagError, read

PAGE = 4096
COUNT = 200
TABLES = """CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, serialization_format TEXT);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
INSERT INTO topics VALUES (1, '/topic', 'pkg/msg/Type', 'cdr');"""


def written(path: Path, first: int = 1, count: int = COUNT) -> Path:
    """A database with messages of 600 bytes, a few on each page; their times are ten times their ids."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(f"PRAGMA page_size = {PAGE}; {TABLES}")
        rows = [(number, 10 * number, bytes([number % 251]) * 600) for number in range(first, first + count)]
        connection.executemany("INSERT INTO messages VALUES (?, 1, ?, ?)", rows)
    return path


def page_of(path: Path, number: int) -> int:
    """The place of the page that holds a message."""
    return path.read_bytes().index(bytes([number % 251]) * 600) // PAGE * PAGE


def overwrite(path: Path, at: int, content: bytes = b"\xa5" * PAGE) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:at] + content + data[at + len(content) :])


def times(path: Path, lost: list[Lost] | None = None) -> list[int]:
    return [item.time for item in read(path, lost)]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("number", [1, 100, COUNT])
def test_a_damaged_page_loses_its_messages_alone(number: int, tmp_path: Path) -> None:
    path, lost = written(tmp_path / "bag_0.db3"), list[Lost]()
    overwrite(path, page_of(path, number))
    found = times(path, lost)
    missing = sorted({10 * n for n in range(1, COUNT + 1)} - set(found))
    assert 10 * number in missing and len(missing) < 10 and found == sorted(found)
    assert lost == [Lost("bag_0.db3", missing[0], missing[-1])]
    assert "bag_0.db3: 1 damaged part(s) left out, recorded in 0.0 s" in info(path).warnings()


def test_whatever_page_is_damaged_others_are_read_or_it_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "bag_0.db3", count=60)
    content, fewest = path.read_bytes(), 60
    for at in range(PAGE, len(content), PAGE):
        path.write_bytes(content)
        overwrite(path, at)
        lost = list[Lost]()
        try:
            found = times(path, lost)
        except BagError as error:
            assert "damaged" in str(error)
            continue
        assert len(found) == 60 or lost, at
        assert set(found) <= {10 * n for n in range(1, 61)}
        fewest = min(fewest, len(found))
    assert fewest > 40


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_of_a_database_that_was_cut_short_what_is_there_is_read(share: float, tmp_path: Path) -> None:
    path, lost = written(tmp_path / "bag_0.db3"), list[Lost]()
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    found = times(path, lost)
    assert len(found) > 0.7 * share * COUNT and found == sorted(found) and set(found) <= {10 * n for n in range(1, COUNT + 1)}
    assert len(found) < COUNT and lost[-1].end in (10 * COUNT, None)


def test_where_nothing_says_how_many_there_are_the_rest_is_told(tmp_path: Path) -> None:
    path, lost = written(tmp_path / "bag_0.db3"), list[Lost]()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP INDEX timestamp_idx")
    overwrite(path, page_of(path, COUNT))
    found = times(path, lost)
    assert len(found) > COUNT - 10 and lost == [Lost("bag_0.db3", found[-1], None)]
    why = "damaged in the middle, and left out from there on; `sqlite3 FILE .recover` may keep more of it"
    assert f"bag_0.db3: {why}" in info(path).warnings()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty, no message was written into it"),
        (b"x" * 5000, "damaged (file is not a database)"),
    ],
)
def test_a_damaged_file_among_whole_ones_is_told_by_name(content: bytes, why: str, tmp_path: Path) -> None:
    for part in range(2):
        written(tmp_path / f"bag_{part}.db3", first=1 + 5 * part, count=5)
    (tmp_path / "bag_2.db3").write_bytes(content)
    assert times(tmp_path) == [10 * n for n in range(1, 11)]
    assert f"bag_2.db3: left out ({why})" in info(tmp_path).warnings()
    with pytest.raises(BagError) as told:
        info(tmp_path / "bag_2.db3")
    assert str(told.value) == f"{tmp_path / 'bag_2.db3'}: {why}"


def test_a_database_that_is_no_recording_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "notes.db3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    with pytest.raises(BagError, match=r"an SQLite database, but no recording \(no such table"):
        info(path)


@contextmanager
def left_by_a_killed_recorder(folder: Path, mode: str) -> Iterator[Path]:
    """A copy, with what lies beside it, of a database of five messages into which a sixth is being written; the mode says how."""
    path = written(folder / "at_work" / "bag_0.db3", count=5)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("INSERT INTO messages VALUES (6, 1, 60, x'0001')")
        if mode == "WAL":
            connection.commit()
        else:
            rows = [(number, 10 * number, bytes(600)) for number in range(7, 3000)]
            connection.executemany("INSERT INTO messages VALUES (?, 1, ?, ?)", rows)
        yield Path(shutil.copytree(path.parent, folder / "killed"))


def test_what_is_in_a_log_is_read_and_nothing_written(tmp_path: Path) -> None:
    """Also where SQLite's shared file was not copied with the log."""
    with left_by_a_killed_recorder(tmp_path, "WAL") as bag:
        assert names(bag) == ["bag_0.db3", "bag_0.db3-shm", "bag_0.db3-wal"]
        assert times(bag) == [10, 20, 30, 40, 50, 60] and len(names(bag)) == 3
        (bag / "bag_0.db3-shm").unlink()
        assert times(bag) == [10, 20, 30, 40, 50, 60] and names(bag) == ["bag_0.db3", "bag_0.db3-wal"]


def test_what_was_not_ended_is_undone_in_a_copy(tmp_path: Path) -> None:
    with left_by_a_killed_recorder(tmp_path, "DELETE") as bag:
        assert names(bag) == ["bag_0.db3", "bag_0.db3-journal"]
        before = {file.name: file.read_bytes() for file in bag.iterdir()}
        assert before["bag_0.db3-journal"].startswith(b"\xd9\xd5\x05\xf9"), "it has to be undone"
        assert times(bag) == [10, 20, 30, 40, 50]
        assert {file.name: file.read_bytes() for file in bag.iterdir()} == before
        (bag / "bag_0.db3-journal").write_bytes(bytes(5000))
        assert times(bag) == [10, 20, 30, 40, 50], "one that is done with undoes nothing"


def test_a_database_with_an_empty_log_is_read_and_nothing_written_beside_it(tmp_path: Path) -> None:
    """SQLite would write files beside it, and calls it damaged where it cannot, as on read-only media."""
    path = written(tmp_path / "bag" / "bag_0.db3", count=5)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    for beside in ((), ("bag_0.db3-wal",)):
        for name in beside:
            (path.parent / name).touch()
        os.chmod(path.parent, 0o555)
        assert times(path) == [10, 20, 30, 40, 50] and names(path.parent) == sorted(["bag_0.db3", *beside])
        os.chmod(path.parent, 0o755)


@pytest.mark.parametrize("ids", [range(10), range(-5, 5), [None] * 6, [1, 1, 2, 2, 3, 3]], ids=["0", "negative", "none", "twice"])
def test_messages_are_found_whatever_their_ids_are(ids: Sequence[int | None], tmp_path: Path) -> None:
    """Converters begin with 0, give no ids, or one twice."""
    path = tmp_path / "bag.db3"
    tables = TABLES.replace("messages(id INTEGER PRIMARY KEY", "messages(id INTEGER")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(tables if None in ids or len(set(ids)) < len(ids) else TABLES)
        rows = [(number, 10 * place, b"content") for place, number in enumerate(ids)]
        connection.executemany("INSERT INTO messages VALUES (?, 1, ?, ?)", rows)
    lost = list[Lost]()
    assert times(path, lost) == [10 * place for place in range(len(ids))] and not lost
