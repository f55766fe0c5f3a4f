"""Corrections of skills between episodes: one bounded edit answers a named failure, and is undone if it does not help.

After "Capturing failure as a first-class artifact" ("The corrective policy"): a deterministic table, nothing learnt. What a skill
lets be adjusted and within which bounds is data of its definition; which failure goes to which edit, of `failures.signals`. An
edit is on trial until the skill is carried out again. It is kept if its failure is gone or milder, and undone otherwise, or if
an earlier part of the skill fails instead. Corrections lie in a file of the run's folder, one row for each, never deleted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fail2progress.core.files import write_whole
from fail2progress.core.names import unknown
from fail2progress.failures.report import FailureSignal
from fail2progress.failures.routes import SIGNALS, Edit, route
from fail2progress.skills.adjustments import Adjustments, adjustable, bounded

SCHEMA_VERSION: Literal[1] = 1
FILE = "corrections.json"
MILDER = 0.95
"""Part of its severity that a failure may keep to count as milder."""
_CHANCES = 2
"""How often an edit that did not help may be tried again."""
Status = Literal["trial", "kept", "undone"]


class CorrectionError(ValueError):
    """A file of corrections that cannot be read, or a correction that there is not."""


def _routed(name: str) -> str:
    if name not in SIGNALS:
        raise ValueError(unknown("signal", name, SIGNALS.names()))
    return name


Signal = Annotated[str, AfterValidator(_routed)]
"""Name of a failure that has a route."""


class Correction(BaseModel):
    """One edit of one adjustable."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    number: int = Field(ge=1)
    time: str
    failure: str
    """Id of the failure that it answers."""
    skill: str
    signal: Signal
    severity: float
    """Of the failure that it answers."""
    adjustable: str
    before: float
    after: float
    status: Status = "trial"
    reason: str = ""
    """Why it was kept or undone."""

    def __str__(self) -> str:
        return f"{self.skill}.{self.adjustable} {self.before:g} to {self.after:g} for {self.signal}: {self.status}"


class Sighting(BaseModel):
    """Failures of one name in a row that have not been answered yet."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    skill: str
    signal: Signal
    adjustable: str
    changes: tuple[float, ...]
    """What each of them asked for, in the adjustable's unit."""


class Corrections(BaseModel):
    """All corrections of a run, oldest first, and what may become one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = SCHEMA_VERSION
    corrections: tuple[Correction, ...] = ()
    sightings: tuple[Sighting, ...] = ()

    def value(self, skill: str, name: str) -> float:
        """What an adjustable is set to: by its last correction that was not undone."""
        rows = [one for one in self.corrections if (one.skill, one.adjustable) == (skill, name) and one.status != "undone"]
        return rows[-1].after if rows else 0.0

    @property
    def adjustments(self) -> Adjustments:
        """What skills are carried out with."""
        found: dict[str, dict[str, float]] = {}
        for one in self.corrections:
            value = self.value(one.skill, one.adjustable)
            if value != 0.0:
                found.setdefault(one.skill, {})[one.adjustable] = value
        return found

    def on_trial(self, skill: str) -> Correction | None:
        """The correction of a skill that has not been judged yet."""
        return next((one for one in reversed(self.corrections) if one.skill == skill and one.status == "trial"), None)

    def judged(self, number: int, status: Status, reason: str) -> Corrections:
        """The same with a correction judged, and with it the ones on trial before it that went the same way."""
        wanted = {one.number: one for one in self.corrections}[number]
        series = [one.number for one in self.corrections if one.status == "trial" and _same(one, wanted)]
        rows = tuple(
            one.model_copy(update={"status": status, "reason": reason}) if one.number in {number, *series} else one
            for one in self.corrections
        )
        return self.model_copy(update={"corrections": rows})


def _same(one: Correction, other: Correction) -> bool:
    return (one.skill, one.adjustable) == (other.skill, other.adjustable)


@dataclass(frozen=True)
class Corrector:
    """Keeps corrections in a file; `executed` is told of every skill that was carried out, in order."""

    path: Path

    def read(self) -> Corrections:
        """The corrections there are, none where there is no file. CorrectionError where it cannot be read."""
        if not self.path.exists():
            return Corrections()
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            version = content.get("schema_version") if isinstance(content, dict) else None
            if version != SCHEMA_VERSION:
                raise CorrectionError(
                    f"{self.path}: corrections of schema {version}, this version reads {SCHEMA_VERSION}; move the file away"
                )
            return Corrections.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            raise CorrectionError(f"{self.path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise CorrectionError(f"{self.path}: cannot be read ({error})") from error

    def write(self, corrections: Corrections) -> None:
        """Replace the file as a whole."""
        write_whole(self.path, corrections.model_dump_json(indent=1) + "\n")

    def executed(self, skill: str, signals: Sequence[FailureSignal] = (), failure: str = "") -> Corrections:
        """Judge what is on trial by an execution of a skill, and answer its failures; no signals: it went as it should.

        Failures that no edit answers, wrong predictions among them, say nothing about how the skill was carried out.
        """
        before = self.read()
        if signals and not any(signal.parameter for signal in signals):
            return before
        after = answered(reviewed(before, skill, signals), skill, signals, failure)
        if after != before:
            self.write(after)
        return after

    def undo(self, number: int) -> Corrections:
        """Take a correction back by hand. CorrectionError where there is no such correction in use."""
        found = self.read()
        known = {one.number: one for one in found.corrections if one.status != "undone"}
        if number not in known:
            there = ", ".join(map(str, known)) or "none"
            raise CorrectionError(f"{self.path}: no correction {number} in use; there are: {there}")
        rows = tuple(
            one.model_copy(update={"status": "undone", "reason": "undone by hand"})
            if one.number >= number and _same(one, known[number]) and one.status != "undone"
            else one
            for one in found.corrections
        )
        self.write(found.model_copy(update={"corrections": rows}))
        return self.read()


def reviewed(found: Corrections, skill: str, signals: Sequence[FailureSignal]) -> Corrections:
    """The correction on trial, judged by the next execution of its skill."""
    trial = found.on_trial(skill)
    if trial is None:
        return found
    again = next((signal for signal in signals if signal.name == trial.signal), None)
    earlier = [s.name for s in signals if route(s.name).edits and route(s.name).stage < route(trial.signal).stage]
    if earlier:
        return found.judged(trial.number, "undone", f"{earlier[0]} instead")
    if again is None:
        return found.judged(trial.number, "kept", f"{trial.signal} did not come again")
    if again.severity < MILDER * trial.severity:
        return found.judged(trial.number, "kept", f"severity {trial.severity:.2f} to {again.severity:.2f}")
    if _goes_on(trial):
        return found
    return found.judged(trial.number, "undone", f"{trial.signal} came again")


def _goes_on(trial: Correction) -> bool:
    """Whether more of the same may help yet: an edit in one fixed direction that has not reached its bound."""
    one, edits = adjustable(trial.skill, trial.adjustable), route(trial.signal).edits
    return one is not None and len(edits) == 1 and edits[0].change > 0 and trial.after < one.high - 1e-9


def answered(found: Corrections, skill: str, signals: Sequence[FailureSignal], failure: str) -> Corrections:
    """With a correction for the first failure that has been seen often enough."""
    signal = next((one for one in signals if one.parameter), None)
    if signal is None:
        return found.model_copy(update={"sightings": tuple(one for one in found.sightings if one.skill != skill)})
    seen = _seen(found, skill, signal)
    found = found.model_copy(update={"sightings": (*(one for one in found.sightings if one.skill != skill), seen)})
    chosen = _change(found, seen)
    if chosen is None:
        return found
    name, change = chosen
    one, before = adjustable(skill, name), found.value(skill, name)
    after = bounded(one, before, change) if one is not None else before
    if abs(after - before) < 1e-9:
        return found
    row = Correction(
        number=len(found.corrections) + 1,
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        failure=failure,
        skill=skill,
        signal=signal.name,
        severity=signal.severity,
        adjustable=name,
        before=before,
        after=after,
    )
    measured = any(edit.change == 0.0 for edit in route(signal.name).edits)
    sightings = tuple(one for one in found.sightings if not (measured and one.skill == skill))
    return found.model_copy(update={"corrections": (*found.corrections, row), "sightings": sightings})


def _seen(found: Corrections, skill: str, signal: FailureSignal) -> Sighting:
    """The failures in a row, with this one."""
    name = signal.parameter.rpartition(".")[2]
    same = (one.changes for one in found.sightings if (one.skill, one.signal, one.adjustable) == (skill, signal.name, name))
    return Sighting(skill=skill, signal=signal.name, adjustable=name, changes=(*next(same, ()), signal.delta)[-8:])


def _change(found: Corrections, seen: Sighting) -> tuple[str, float] | None:
    """The adjustable to change and by how much, None while it may have been chance or nothing is left to try."""
    answer = route(seen.signal)
    history = [one for one in found.corrections if (one.skill, one.signal) == (seen.skill, seen.signal)]
    if len(seen.changes) < answer.repeats:
        return None
    last = np.array(seen.changes[-answer.repeats :])
    for edit in answer.edits:
        if adjustable(seen.skill, edit.adjustable) is None or _given_up(history, edit):
            continue
        if edit.change:
            return edit.adjustable, edit.change
        if edit.adjustable == seen.adjustable and np.ptp(last) <= abs(last.mean()):
            return edit.adjustable, float(last.mean())
    return None


def _given_up(history: Sequence[Correction], edit: Edit) -> bool:
    """Whether an edit was undone: once is enough for one whose size is fixed."""
    tried = [o for o in history if o.adjustable == edit.adjustable and o.status == "undone"]
    if edit.change:
        return any((o.after - o.before) * edit.change > 0 for o in tried)
    return len(tried) >= _CHANCES
