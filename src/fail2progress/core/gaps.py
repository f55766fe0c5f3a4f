"""Gaps of the pipeline as typed records: what a part assumed, left out or could not do, said where it happens.

After "Capturing failure as a first-class artifact" ("Pipeline gaps"). Parts return gaps with their results; a file
`pipeline_gaps.json` collects them, merged by kind and place.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fail2progress.core.files import guarded, write_whole

SCHEMA_VERSION: Literal[1] = 1
FILE = "pipeline_gaps.json"
_NAMESPACE = uuid.UUID("0f7c4b0e-6d0a-5c55-8f0b-3e2f5d9b6a41")
Kind = Literal[
    "missing_api",
    "transcription_error",
    "unit_confusion",
    "unsupported_input",
    "silent_default",
    "assumption_violated",
    "not_covered",
]
KINDS: tuple[str, ...] = get_args(Kind)


class GapError(ValueError):
    """A file of gaps that cannot be read."""


class Gap(BaseModel):
    """One gap, with how often it was met."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    run_id: str
    """The latest."""
    runs: tuple[str, ...] = ()
    """All runs in which it was met, as far as they have names, the first one first."""
    component: str
    kind: Kind
    where: str
    """Dotted path of the code."""
    what: str
    evidence: str
    """Of the latest time."""
    count: int = Field(default=1, ge=1)
    first_seen: str
    last_seen: str
    severity: int = Field(ge=0, le=3)
    """0: of no consequence; 1: less exact; 2: a result may be wrong; 3: there is no result."""
    status: Literal["open", "accepted", "closed"] = "open"


def gap(kind: Kind, where: str, what: str, evidence: str, severity: int, run_id: str = "") -> Gap:
    """A gap that was met now. `where` is a dotted path in the package, whose first part names the component."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    identity = str(uuid.uuid5(_NAMESPACE, f"{kind} {where}"))
    return Gap(
        id=identity,
        run_id=run_id,
        runs=(run_id,) if run_id else (),
        component=where.partition(".")[0],
        kind=kind,
        where=where,
        what=what,
        evidence=evidence,
        first_seen=now,
        last_seen=now,
        severity=severity,
    )


def merged(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """One gap for each kind and place, in the order given: counts added, the worst severity, the latest evidence. One that
    was closed and is met again is open."""
    found: dict[str, Gap] = {}
    for one in gaps:
        known = found.get(one.id)
        found[one.id] = one if known is None else _both(known, one)
    return tuple(found.values())


def _both(old: Gap, new: Gap) -> Gap:
    return old.model_copy(
        update={
            "count": old.count + new.count,
            "severity": max(old.severity, new.severity),
            "last_seen": max(old.last_seen, new.last_seen),
            "first_seen": min(old.first_seen, new.first_seen),
            "evidence": new.evidence,
            "run_id": new.run_id,
            "runs": tuple(dict.fromkeys((*_runs(old), *_runs(new)))),
            "status": new.status if old.status == "closed" else old.status,  # one that is met again was not closed
        }
    )


def _runs(one: Gap) -> tuple[str, ...]:
    """Files of earlier versions know the latest alone."""
    return one.runs or ((one.run_id,) if one.run_id else ())


def read(path: Path) -> tuple[Gap, ...]:
    """The gaps of a file, none where there is no file. GapError where it cannot be read or has another schema."""
    if not path.exists():
        return ()
    try:
        rows = json.loads(path.read_text())
        if not isinstance(rows, list):
            raise GapError(f"{path}: a list of gaps is expected")
        for row in rows:
            version = row.get("schema_version") if isinstance(row, dict) else None
            if version != SCHEMA_VERSION:
                raise GapError(f"{path}: gaps of schema {version}, this version reads {SCHEMA_VERSION}; move the file away")
        return tuple(Gap.model_validate(row) for row in rows)
    except ValidationError as error:
        first = error.errors()[0]
        raise GapError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise GapError(f"{path}: cannot be read ({error})") from error


def write(path: Path, gaps: Iterable[Gap]) -> None:
    """Write gaps, merged."""
    rows = [one.model_dump(mode="json") for one in merged(gaps)]
    write_whole(path, json.dumps(rows, indent=1) + "\n")


def add(path: Path, gaps: Iterable[Gap]) -> None:
    """Merge gaps into a file, whoever else does so at the time; what a run has added is not counted again. A file that cannot be
    read is left as it is and raises GapError."""
    new = merged(gaps)
    if new:
        with guarded(path):
            known = read(path)
            told = {(one.id, run) for one in known for run in _runs(one)}
            write(path, (*known, *(one for one in new if (one.id, one.run_id) not in told)))
