"""Where failures are kept: SQLite in write-ahead mode with full synchronisation, so that an event is durable once added."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from fail2progress.core.vocabulary import VocabularyError
from fail2progress.failures.event import FailureEvent, Header, check_words, from_bytes, read_header
from fail2progress.failures.report import FailureReport

_TABLES = """
CREATE TABLE IF NOT EXISTS failures (
    id TEXT PRIMARY KEY, time TEXT NOT NULL, task TEXT NOT NULL, skill TEXT NOT NULL, object TEXT NOT NULL,
    model TEXT NOT NULL, header TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS reports (
    failure TEXT PRIMARY KEY REFERENCES failures(id), category TEXT NOT NULL, report TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lessons (
    failure TEXT NOT NULL REFERENCES failures(id), version TEXT NOT NULL, reason TEXT NOT NULL);
"""
_SEVERAL_LESSONS = """
ALTER TABLE lessons RENAME TO single_lessons;
CREATE TABLE lessons (failure TEXT NOT NULL REFERENCES failures(id), version TEXT NOT NULL, reason TEXT NOT NULL);
INSERT INTO lessons SELECT failure, version, reason FROM single_lessons ORDER BY rowid;
DROP TABLE single_lessons;
"""
"""Earlier stores keep one lesson of a failure: their table is made anew before another row is written."""


Read = TypeVar("Read")
Lesson = tuple[str, str]
"""One attempt to learn from a failure: the version that it gave ("" for none), and why it was (not) taken."""


class StoreError(ValueError):
    """A store that cannot be used, or an event that is not in it."""


class OtherVocabularyError(StoreError):
    """An event that is whole, and written in words that are not known here: those of a skill's package that is not installed."""


class FailureStore:
    """Failure events and their reports in one file. Readable after kill -9 of the writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot be used as a failure store ({error})") from error
        self._refuse_foreign()
        try:
            with self._open() as connection:
                connection.executescript(_TABLES)
        except StoreError as error:
            if not (isinstance(error.__cause__, sqlite3.OperationalError) and path.is_file() and path.stat().st_size):
                raise  # a store in a read-only folder or on a full disk can be read

    def _refuse_foreign(self) -> None:
        """StoreError where the file is somebody else's database: nothing is written into that."""
        if not self.path.is_file() or not self.path.stat().st_size:
            return
        rows = self._select("SELECT name, sql FROM sqlite_master WHERE type = 'table'", ())
        found = {str(name): str(told) for name, told in rows}
        if found and "header TEXT" not in found.get("failures", ""):
            tables = ", ".join(sorted(found))
            raise StoreError(f"{self.path}: cannot be used as a failure store (a database of something else: {tables})")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=10.0)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                with connection:
                    yield connection
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: cannot be used as a failure store ({error})") from error

    def _select(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Rows. Where nothing can be written, as on a full disk, without the files that SQLite shares between processes."""
        ways = (("", "PRAGMA synchronous=FULL"), ("", "PRAGMA locking_mode=EXCLUSIVE"), ("?immutable=1", "PRAGMA query_only=1"))
        problem: sqlite3.Error | None = None
        for query, pragma in ways:
            try:
                with self._whole(alone="immutable" in query) as path:
                    return _rows(path.absolute().as_uri() + query, pragma, statement, values)
            except sqlite3.Error as error:
                problem = problem or error
                if not isinstance(error, sqlite3.OperationalError) or "locked" in str(error):
                    break
        raise StoreError(f"{self.path}: cannot be used as a failure store ({problem})") from problem

    @contextmanager
    def _whole(self, alone: bool) -> Iterator[Path]:
        """The store's file; where it shall be read alone, with nothing beside it, one that holds the last events as well.

        They may be in the log beside it (-wal), which SQLite leaves out then: both are copied to where they can be put together.
        """
        log = self.path.with_name(f"{self.path.name}-wal")
        if not alone or not log.is_file() or not log.stat().st_size:
            yield self.path
            return
        try:
            with tempfile.TemporaryDirectory(prefix="fail2progress-") as folder:
                copy = Path(folder) / self.path.name
                for source in (self.path, log):
                    shutil.copyfile(source, copy.with_name(source.name))
                _rows(copy.as_uri(), "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA wal_checkpoint(TRUNCATE)", ())
                yield copy
        except OSError as error:
            why = f"its last events are in {log.name} and can be read neither there nor in a copy: {error}"
            raise StoreError(f"{self.path}: cannot be used as a failure store ({why}); copy both to another disk") from error

    def add(self, event: FailureEvent) -> bool:
        """Make an event durable; False if it was there already."""
        header = event.header
        row = (
            header.id,
            header.time,
            header.task,
            header.call.skill,
            header.call.object,
            header.model,
            header.model_dump_json(),
            event.to_bytes(),
        )
        with self._open() as connection:
            cursor = connection.execute("INSERT OR IGNORE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            return cursor.rowcount == 1

    def add_report(self, report: FailureReport) -> None:
        """Attach a classification to an event, in place of an earlier one. It may be heard of before the event is there."""
        with self._open() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO reports VALUES (?, ?, ?)",
                (report.failure, report.category.value, report.model_dump_json()),
            )

    def headers(self, task: str | None = None) -> list[Header]:
        """All events without their arrays, oldest first."""
        rows = self._select("SELECT id, header FROM failures WHERE task = ? OR ? IS NULL ORDER BY time, id", (task, task))
        return [self._header(identity, text) for identity, text in rows]

    def ids(self, task: str | None = None) -> list[str]:
        """Ids of all events, oldest first, also of those that are damaged."""
        rows = self._select("SELECT id FROM failures WHERE task = ? OR ? IS NULL ORDER BY time, id", (task, task))
        return [str(row[0]) for row in rows]

    def readable(self, read: Callable[[str], Read], task: str | None = None) -> tuple[list[Read], dict[str, StoreError]]:
        """What `read` gives for the id of each event, oldest first; and for those that cannot be read, by id, what is wrong.

        StoreError where the store cannot be read just now, locked or on a disk that is gone: no event is damaged by that.
        """
        found, wrong = [], dict[str, StoreError]()
        for identity in self.ids(task):
            try:
                found.append(read(identity))
            except (ValueError, LookupError) as error:  # a record can be whole and tell of what nothing knows
                if isinstance(error.__cause__, sqlite3.OperationalError):  # of text that is damaged, too
                    self.ids()
                told = f"{self.path}: failure {identity}: {error!r}"
                wrong[identity] = error if isinstance(error, StoreError) else StoreError(told)
        return found, wrong

    def get(self, identity: str) -> FailureEvent:
        """One event by its id or an unambiguous beginning of it. StoreError where there is none, or it cannot be read."""
        whole, text, data = self._one(identity, "id, header, data")
        header = self._header(whole, text)
        with self._named():
            return from_bytes(header, data)

    def header(self, identity: str) -> Header:
        """The same of an event without its arrays, which are not read, and may be damaged."""
        header = self._header(*self._one(identity, "id, header"))
        with self._named():
            check_words(header)
        return header

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except VocabularyError as error:
            raise OtherVocabularyError(f"{self.path}: {error}") from error
        except ValueError as error:
            raise StoreError(f"{self.path}: {error}") from error

    def _one(self, identity: str, columns: str) -> tuple[Any, ...]:
        """Columns of the only event whose id begins so."""
        text = identity.encode(errors="replace").decode()  # a terminal's bytes need not be UTF-8
        rows = self._select(f"SELECT {columns} FROM failures WHERE substr(id, 1, ?) = ?", (len(text), text))
        if len(rows) != 1 or not identity:
            found = "no failure" if not rows else f"{len(rows)} failures"
            raise StoreError(f"{self.path}: {found} whose id begins with {identity!r}; list them with: fail2progress failures ls")
        return rows[0]

    def latest(self) -> FailureEvent:
        """The failure that was met last; StoreError where there is none."""
        found = self.ids()
        if not found:
            raise StoreError(f"{self.path}: no failure was met here")
        return self.get(found[-1])

    def whole_id(self, identity: str) -> str:
        """The id that begins so, also of a damaged event; StoreError where there is none."""
        return str(self._one(identity, "id")[0])

    def remove(self, identity: str) -> None:
        """Delete an event by its whole id, also a damaged one, with its report and what is noted of its lesson."""
        with self._open() as connection:
            for table, key in (("reports", "failure"), ("lessons", "failure"), ("failures", "id")):
                connection.execute(f"DELETE FROM {table} WHERE {key} = ?", (identity,))

    def report(self, identity: str) -> FailureReport | None:
        """The classification of an event, if it has one."""
        rows = self._select("SELECT report FROM reports WHERE failure = ?", (identity,))
        try:
            return FailureReport.model_validate_json(rows[0][0]) if rows else None
        except ValidationError as error:
            raise StoreError(f"{self.path}: the report of failure {identity}: {_first(error)}") from error

    def add_lesson(self, identity: str, version: str, reason: str) -> None:
        """Remember an attempt to learn from a failure, beside earlier ones; see `Lesson`. None of one that has been removed."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            (written,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'lessons'").fetchone()
            for statement in _SEVERAL_LESSONS.split(";") if "PRIMARY KEY" in written else ():
                connection.execute(statement)
            there = "WHERE EXISTS (SELECT 1 FROM failures WHERE id = ?)"
            connection.execute(f"INSERT INTO lessons SELECT ?, ?, ? {there}", (identity, version, reason, identity))

    def lessons(self, identity: str) -> tuple[Lesson, ...]:
        """All attempts to learn from an event, oldest first."""
        rows = self._select("SELECT version, reason FROM lessons WHERE failure = ? ORDER BY rowid", (identity,))
        return tuple((str(version), str(reason)) for version, reason in rows)

    def lesson(self, identity: str) -> Lesson | None:
        """The last attempt that gave a version, else the last; None where none was made."""
        return next(iter(that_count(self.lessons(identity))), None)

    def _header(self, identity: str, text: str) -> Header:
        try:
            return read_header(text)
        except ValidationError as error:
            raise StoreError(f"{self.path}: failure {identity}: {_first(error)}") from error


def that_count(attempts: Sequence[Lesson]) -> Sequence[Lesson]:
    """Of attempts to learn from one failure, oldest first: the last that gave a version, and those after it in vain. Where none
    gave one, the last alone; none of none."""
    taken = [number for number, (version, _) in enumerate(attempts) if version]
    return attempts[taken[-1] if taken else -1 :]


def _rows(place: str, pragma: str, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(place, uri=True, timeout=10.0)) as connection:
        connection.execute(pragma)
        return connection.execute(statement, values).fetchall()


def _first(error: ValidationError) -> str:
    """What is wrong first in a record, as one of another version or a damaged one has it."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first["loc"] else str(first["msg"])
