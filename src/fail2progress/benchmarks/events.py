"""The log of a run: one typed event a line, on disk as it happens, from which every figure of the report can be computed again.

    {"schema_version": 1, "seq": int, "ts_utc": str, "monotonic_ns": int, "run_id": str, "stage": str, "event": str,
     "payload": {...}}

Work comes in blocks (a seed, a round). Records of a block count once it is finished; a block that was cut short is done again.
"""

from __future__ import annotations

import gzip
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SCHEMA = 1
EVENTS = "events.jsonl"
PACKED = "events.jsonl.gz"
"""A finished log that was packed; it is read where there is no other."""
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
    "metric_computed",
    "run_finished",
]


class RunLogError(ValueError):
    """A run's log that cannot be read or goes with another run, and what to do."""


class Event(BaseModel):
    """One line."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1]
    seq: Annotated[int, Field(ge=0)]
    ts_utc: str
    monotonic_ns: int
    run_id: str
    stage: str
    event: EventName
    payload: dict[str, Any]


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
        if (folder / EVENTS).exists():
            raise RunLogError(f"{folder / EVENTS} is there already: choose another --out, or --resume to go on with it")
        return cls(folder, secrets.token_hex(4))

    @classmethod
    def resumed(cls, folder: Path) -> RunLog:
        """Go on with a log; a line that was cut short is taken off."""
        events = list(read_events(folder, cut_short=True))
        if not events:
            raise RunLogError(f"{folder / EVENTS}: holds no whole event; start again without --resume")
        path = folder / EVENTS
        whole = path.read_bytes()
        if not whole.endswith(b"\n"):
            with path.open("rb+") as file:
                file.truncate(whole.rfind(b"\n") + 1)
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
        with (self.folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line.model_dump()) + "\n")
            file.flush()
            if event == "block_finished":
                os.fsync(file.fileno())


def new_folder(root: Path, label: str) -> Path:
    """`run_<timestamp>_<id>_<label>` below a root."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return root / f"run_{stamp}_{secrets.token_hex(4)}_{label}"


def begun(folder: Path) -> bool:
    """Whether a log is there that holds the head of a run; one that was ended within its head is worth nothing."""
    path = folder / EVENTS
    return path.exists() and path.read_bytes().count(b"\n") >= HEAD


def _content(folder: Path) -> bytes:
    packed = folder / PACKED
    return (
        gzip.decompress(packed.read_bytes())
        if packed.exists() and not (folder / EVENTS).exists()
        else (folder / EVENTS).read_bytes()
    )


def read_events(folder: Path, cut_short: bool = False) -> Iterator[Event]:
    """All events of a run. RunLogError names the line that is damaged; `cut_short`: the last one may be, and is left out."""
    path = folder / EVENTS
    try:
        lines = _content(folder).decode("utf-8", errors="replace").splitlines()
    except (OSError, EOFError) as error:
        raise RunLogError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); name the folder of a benchmark run"
        ) from error
    for number, line in enumerate(lines, 1):
        try:
            event = Event.model_validate_json(line)
        except ValidationError as error:
            if cut_short and number == len(lines):
                return
            raise RunLogError(f"{path}, line {number}: no event ({error.errors()[0]['msg']})") from error
        if event.seq != number - 1:
            raise RunLogError(f"{path}, line {number}: event {event.seq} stands where {number - 1} should; lines are missing")
        yield event


@dataclass
class Recorded:
    """What a log says: configuration, provenance, and the records of all finished blocks."""

    config: dict[str, Any] = field(default_factory=dict)
    started: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rejected: dict[str, Any] = field(default_factory=dict)
    """Shares of candidates that were not at rest or not robust, by structure."""
    finished: bool = False

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Payloads of "eval_record", "failure_record" or "lesson_record", in the order of their blocks' names."""
        return [each for key in sorted(self.blocks) for each in self.blocks[key] if each["kind"] == kind]


def recorded(folder: Path, cut_short: bool = False) -> Recorded:
    """Read a log. RunLogError where it is damaged, or has no configuration."""
    found, block, open_records = Recorded(), "", list[dict[str, Any]]()
    for event in read_events(folder, cut_short):
        if event.event == "run_started":
            found.started = event.payload
        elif event.event == "harness_config":
            found.config = event.payload
        elif event.event == "block_started":
            block, open_records = str(event.payload["block"]), []
        elif event.event in ("eval_record", "failure_record", "lesson_record"):
            open_records.append({"kind": event.event, **event.payload})
        elif event.event == "block_finished":
            found.blocks[block] = open_records
            found.rejected = event.payload.get("rejected") or found.rejected
        found.finished = event.event == "run_finished"
    if not found.config:
        raise RunLogError(f"{folder / EVENTS}: no harness_config in it; the run was ended before it began")
    return found
