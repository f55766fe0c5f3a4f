"""Messages of rosbag2 databases (SQLite), each whole, or told as lost. Imports no ROS.

A recorder that was killed leaves files beside its database: a log of what is not in it yet, or a journal of what has to be
undone. Nothing is written beside a recording: where SQLite would, a copy is read.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from fail2progress.ros.bags.mcap_records import Lost
from fail2progress.ros.bags.recorded import CDR, BagError, Recorded, full_type

_MAGIC = b"SQLite format 3\0"
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""How a journal begins that has to be undone; one that is done with begins with zeros."""
_LOG, _SHARED, _JOURNAL = "-wal", "-shm", "-journal"
_MESSAGES = "SELECT rowid, topic_id, data, timestamp FROM messages"
"""A row's own number is its id where that is a key; what others wrote may lack ids, or have them twice."""
_BEFORE = -(2**63)
"""The least number that a row may have."""
_MOST_IN_A_ROW = 20_000
"""Messages that are looked for one after the other, where none is whole: more than one damaged page has below it."""
Row = tuple[int, object, object, object]


def read_sqlite(path: Path, lost: list[Lost]) -> Iterator[Recorded]:
    """The messages of a database in the order in which they were written; damaged ones are left out, and told in `lost`.

    BagError where it is no such database, or where it cannot be opened.
    """
    if not path.stat().st_size:
        raise BagError(f"{path}: empty, no message was written into it")
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC and path.suffix != ".db3":
            raise BagError(f"{path}: not a recording (a folder with .mcap or .db3 files, or one such file)")
    try:
        with _opened(path) as connection:
            topics, texts, seen, wrong = _topics(connection), _definitions(connection), False, ""
            for _, topic, data, time in _rows(connection, path.name, lost):
                if not isinstance(data, bytes) or not isinstance(time, int) or topic not in topics:
                    at = time if isinstance(time, int) else 0
                    lost.append(Lost(path.name, at, at))
                    wrong = wrong or f"a message of {type(data).__name__} at {time!r}, of the topic {topic!r}"
                    continue
                seen = True
                name, kind, encoding = topics[topic]
                yield Recorded(name, full_type(kind, encoding), data, time, texts.get(kind, ""), encoding)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise BagError(f"{path}: {_said(error)}") from error
    if wrong and not seen:
        raise BagError(f"{path}: damaged ({wrong})")


def _said(error: Exception) -> str:
    """What is wrong with a database."""
    if "no such table" in str(error) or "no such column" in str(error):
        return f"an SQLite database, but no recording ({error})"
    if isinstance(error, sqlite3.OperationalError):
        return f"cannot be read ({error})"
    return f"damaged ({error})"


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A database, read only."""
    log, shared, journal = (path.with_name(path.name + end) for end in (_LOG, _SHARED, _JOURNAL))
    logged = log.is_file() and log.stat().st_size > 0
    if not _is_hot(journal) and not logged:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            yield _tolerant(connection)
        return
    if not _is_hot(journal) and shared.is_file():
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            if _can_be_read(connection):
                yield _tolerant(connection)
                return
    with tempfile.TemporaryDirectory(prefix="fail2progress-") as folder:
        copy = Path(folder) / path.name
        try:
            for file in (path, log, journal):
                if file.is_file():
                    shutil.copyfile(file, copy.with_name(file.name))
        except OSError as error:
            beside = (log if logged else journal).name
            raise BagError(
                f"{path}: {beside} belongs to it, and there is no room for a copy of both in {folder} ({error}): name another "
                "folder by TMPDIR"
            ) from error
        with closing(sqlite3.connect(copy)) as connection:
            yield _tolerant(connection)


def _is_hot(journal: Path) -> bool:
    """Whether a journal has to be undone before its database can be read."""
    if not journal.is_file():
        return False
    with journal.open("rb") as file:
        return file.read(len(_JOURNAL_MAGIC)) == _JOURNAL_MAGIC


def _can_be_read(connection: sqlite3.Connection) -> bool:
    """Whether a database can be read where it lies: its folder may be read only."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True  # it is damaged, which is told where its messages are read
    return True


def _tolerant(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Also of a database that was cut short what is whole is read, which SQLite refuses otherwise; pages are looked over."""
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _topics(connection: sqlite3.Connection) -> Mapping[object, tuple[str, str, str]]:
    """Name, type and encoding by id."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(topics)")}
    encoding = "serialization_format" if "serialization_format" in columns else f"'{CDR}'"
    rows = connection.execute(f"SELECT id, name, type, {encoding} FROM topics")
    return {number: (str(name), str(kind), str(form or CDR)) for number, name, kind, form in rows}


def _definitions(connection: sqlite3.Connection) -> dict[str, str]:
    """Definitions by type, which databases have since ROS 2 Iron."""
    try:
        rows = connection.execute("SELECT topic_type, encoded_message_definition, encoding FROM message_definitions").fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return {}
    return {str(kind): str(text) for kind, text, encoding in rows if encoding == "ros2msg"}


def _rows(connection: sqlite3.Connection, name: str, lost: list[Lost]) -> Iterator[Row]:
    """All messages by their numbers, past those that lie in damaged pages. sqlite3.DatabaseError where none is whole."""
    last, time, known, seen = _BEFORE, 0, dict[int, int](), False
    while True:
        try:
            for row in connection.execute(f"{_MESSAGES} WHERE rowid > ? ORDER BY rowid", (last,)):
                if row[0] <= last:  # a damaged page leads back to others, time and again
                    raise sqlite3.DatabaseError(f"a message out of order after the one of the number {last}")
                last, time, seen = row[0], row[3] if isinstance(row[3], int) else time, True
                yield row
            return
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            known = known or _times(connection)
            row, damaged = _next_whole(connection, last if seen else min(known, default=1) - 1, known)
            if row is None and not seen:
                raise error
        if row is None or damaged:
            times = [known.get(number, time) for number in damaged] or [time]
            told = row is not None or (known and len(damaged) < _MOST_IN_A_ROW)
            lost.append(Lost(name, min(times), max(times) if told else None))
        if row is None:
            return
        last, time, seen = row[0], row[3] if isinstance(row[3], int) else time, True
        yield row


def _times(connection: sqlite3.Connection) -> dict[int, int]:
    """Times (ns) by the numbers of messages, as far as the index of times has them: it lies in other pages than the messages."""
    found: dict[int, int] = {}
    for order in ("ASC", "DESC"):  # a damaged page in its middle hides what is behind it
        try:
            query = f"SELECT rowid, timestamp FROM messages INDEXED BY timestamp_idx ORDER BY timestamp {order}"
            rows = connection.execute(query)
            for number, time in rows:
                if isinstance(time, int):
                    found[number] = time
            break
        except sqlite3.DatabaseError:
            continue
    return found


def _next_whole(connection: sqlite3.Connection, last: int, known: Mapping[int, int]) -> tuple[Row | None, list[int]]:
    """The first whole message after one with a number; and the numbers between them whose messages are damaged."""
    damaged: list[int] = []
    for number in range(last + 1, min(max(known, default=last + _MOST_IN_A_ROW), last + _MOST_IN_A_ROW) + 1):
        try:
            row = connection.execute(f"{_MESSAGES} WHERE rowid = ?", (number,)).fetchone()
        except sqlite3.DatabaseError:
            damaged.append(number)
            continue
        if row is not None:
            return row, damaged
    return None, damaged
