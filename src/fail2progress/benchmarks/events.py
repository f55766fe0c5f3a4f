"""The log of a run: one typed event a line, on disk as it happens, from which every figure of the report can be computed again.

    {"schema_version": 1, "seq": int, "ts_utc": str, "monotonic_ns": int, "run_id": str, "stage": str, "event": str,
     "payload": {...}}

Work comes in blocks (a seed, a round). Records of a block count once it is finished; a block that was cut short is done again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import secrets
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fail2progress.benchmarks.payloads import RECORDS, check
from fail2progress.core.files import write_whole

SCHEMA = 1
EVENTS = "events.jsonl"
PACKED = "events.jsonl.gz"
"""A finished log that was packed; it is read where there is no other."""
LARGEST = 2**30
"""Bytes of the longest log that is unpacked; that of a study of ten seeds has 26 MB."""
REPORT = "report.json"
HEAD = 2
"""Lines at the beginning of a log: what it was run with, and its configuration."""
EventName = Literal[
    "run_started",
    "harness_config",
    "block_started",
    "eval_record",
    "failure_record",
    "lesson_record",
    "block_finished",
    "report_computed",
    "metric_computed",
    "run_finished",
]


_OF_THE_REPORT = ("report_computed", "metric_computed", "run_finished")


class RunLogError(ValueError):
    """A run's log that cannot be read or goes with another run, and what to do."""


def _time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


class Event(BaseModel):
    """One line."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1]
    seq: Annotated[int, Field(ge=0)]
    ts_utc: Annotated[str, AfterValidator(_time)]
    monotonic_ns: int
    run_id: str
    stage: str
    event: EventName
    payload: dict[str, Any]


def _line(event: Event) -> bytes:
    return (json.dumps(event.model_dump()) + "\n").encode()


@dataclass
class RunLog:
    """Appends events to a run's file, each flushed."""

    folder: Path
    run_id: str
    _next: int = 0

    @classmethod
    def new(cls, folder: Path) -> RunLog:
        """In an empty or new folder."""
        folder.mkdir(parents=True, exist_ok=True)
        if found := present(folder):
            raise RunLogError(f"{found} is there already: choose another --out, or --resume to go on with it")
        return cls(folder, secrets.token_hex(4))

    @classmethod
    def resumed(cls, folder: Path) -> RunLog:
        """Go on with a log; a line that was cut short is taken off, and one that was packed is unpacked."""
        path = folder / EVENTS
        content = _content(folder)
        whole = content[: content.rfind(b"\n") + 1]
        events = list(_parsed(path, whole))
        if not events:
            raise RunLogError(f"{path}: holds no whole event; start again without --resume")
        if whole != content or not path.exists():
            write_whole(path, whole)
        return cls(folder, events[0].run_id, events[-1].seq + 1)

    def write(self, stage: str, event: EventName, payload: Mapping[str, Any]) -> None:
        """Append an event."""
        line = Event(
            schema_version=1,
            seq=self._next,
            ts_utc=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            monotonic_ns=time.monotonic_ns(),
            run_id=self.run_id,
            stage=stage,
            event=event,
            payload=dict(payload),
        )
        self._next += 1
        with (self.folder / EVENTS).open("ab") as file:
            file.write(_line(line))
            file.flush()
            if event == "block_finished":
                os.fsync(file.fileno())


def new_folder(root: Path, label: str) -> Path:
    """`run_<timestamp>_<id>_<label>` below a root."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return root / f"run_{stamp}_{secrets.token_hex(4)}_{label}"


def begun(folder: Path) -> bool:
    """Whether a log is there that holds the head of a run; one that was ended within its head is worth nothing."""
    return present(folder) is not None and _content(folder).count(b"\n") >= HEAD


def present(folder: Path) -> Path | None:
    """The log of a folder; the packed one where there is no other."""
    return next((folder / name for name in (EVENTS, PACKED) if (folder / name).exists()), None)


def _content(folder: Path) -> bytes:
    """What a log holds. RunLogError where it cannot be read."""
    path = present(folder) or folder / EVENTS
    try:
        if path.name == EVENTS:
            return path.read_bytes()
        with gzip.open(path) as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RunLogError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); name the folder of a benchmark run"
        ) from error
    if len(content) > LARGEST:
        raise RunLogError(f"{path}: more than {LARGEST} bytes once it is unpacked; unpack it to {EVENTS} beside it")
    return content


def read_events(folder: Path, cut_short: bool = False) -> Iterator[Event]:
    """All events of a run. RunLogError names the line that is damaged; `cut_short`: a last line without its end is left out."""
    content = _content(folder)
    yield from _parsed(folder / EVENTS, content[: content.rfind(b"\n") + 1] if cut_short else content)


def _parsed(path: Path, content: bytes) -> Iterator[Event]:
    run_id = None
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), 1):
        try:
            event = Event.model_validate_json(line)
        except ValidationError as error:
            raise RunLogError(f"{path}, line {number}: no event ({error.errors()[0]['msg']})") from error
        if event.seq != number - 1:
            raise RunLogError(f"{path}, line {number}: event {event.seq} stands where {number - 1} should; lines are missing")
        run_id = run_id or event.run_id
        if event.run_id != run_id:
            raise RunLogError(f"{path}, line {number}: an event of run {event.run_id} in the log of run {run_id}")
        yield event


@dataclass
class Recorded:
    """What a log says: configuration, provenance, and the records of all finished blocks."""

    config: dict[str, Any] = field(default_factory=dict)
    started: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rejected: dict[str, Any] = field(default_factory=dict)
    """Shares of candidates that were not at rest or not robust, by structure."""
    metrics: list[dict[str, Any]] = field(default_factory=list)
    computed: dict[str, Any] = field(default_factory=dict)
    """Provenance of who computed the report of a finished run with other code than the run's; empty where nobody did."""
    finished: bool = False
    digest: str = ""
    """SHA-256 of the log's lines, without those that tell of the report: every other change of the log changes it."""

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Payloads of "eval_record", "failure_record" or "lesson_record", in the order of their blocks' names."""
        return [each for key in sorted(self.blocks) for each in self.blocks[key] if each["kind"] == kind]


def recorded(folder: Path, cut_short: bool = False) -> Recorded:
    """Read a log. RunLogError where it is damaged, or has no configuration."""
    found, block, open_records, digest = Recorded(), "", list[dict[str, Any]](), hashlib.sha256()
    for event in read_events(folder, cut_short):
        try:
            check(event.event, event.payload, found.started, found.config)
        except ValueError as error:
            raise RunLogError(f"{folder / EVENTS}, line {event.seq + 1}: {event.event}: {error}") from error
        if event.event not in _OF_THE_REPORT:
            digest.update(_line(event))
        if event.event == "run_started":
            found.started = event.payload
        elif event.event == "harness_config":
            found.config = event.payload
        elif event.event == "block_started":
            block, open_records, found.finished = event.payload["block"], [], False
        elif event.event in RECORDS:
            open_records.append({"kind": event.event, **event.payload})
        elif event.event == "block_finished":
            found.blocks[block] = open_records
            found.rejected = event.payload.get("rejected") or found.rejected
        elif event.event == "metric_computed":
            found.metrics.append(event.payload)
        elif event.event == "report_computed":
            found.computed = event.payload
        elif event.event == "run_finished":
            found.finished = True
    if not found.config:
        raise RunLogError(f"{folder / EVENTS}: no harness_config in it; the run was ended before it began")
    found.digest = digest.hexdigest()
    return found
