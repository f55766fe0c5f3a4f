"""Edits of skills between episodes: one bounded edit answers a named failure, and is undone if it does not help.

After "Capturing failure as a first-class artifact" ("The corrective policy"): a deterministic table, nothing learnt. What a skill
lets be adjusted and within which bounds is data of its definition; which failure goes to which edit, of `failures.signals`. An
edit holds from the next episode on, and is on trial until the skill is carried out with it. It is kept if its failure is gone or
milder, and undone otherwise, or if an earlier part of the skill fails instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fail2progress.core.names import unknown
from fail2progress.failures.report import FailureSignal
from fail2progress.failures.routes import SIGNALS, Edit, route
from fail2progress.skills.adjustments import Adjustments, adjustable, bounded, checked

SCHEMA_VERSION: Literal[1] = 1
MILDER = 0.95
"""Part of its severity that a failure may keep to count as milder."""
_CHANCES = 2
"""How often an edit that did not help may be tried again."""
Status = Literal["trial", "kept", "undone"]


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

    @model_validator(mode="after")
    def _in_order(self) -> Corrections:
        """Numbers count from 1, what is in use is adjustable and within its bounds, and each goes on from where one was."""
        been: dict[tuple[str, str], list[float]] = {}
        for number, one in enumerate(self.corrections, start=1):
            if one.number != number:
                raise ValueError(f"correction {one.number} stands where {number} should")
            values = been.setdefault((one.skill, one.adjustable), [0.0])
            if one.status != "undone":
                try:
                    checked({one.skill: {one.adjustable: one.after}})
                except ValueError as error:
                    raise ValueError(f"correction {number}: {error}") from error
            if not any(math.isclose(one.before, value, abs_tol=1e-9) for value in values):
                raise ValueError(f"correction {number}: {one.adjustable} was never {one.before:g} before it")
            values.append(one.after)
        return self

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

    def on_trial(self, skill: str) -> list[Correction]:
        """The last correction of each of a skill's adjustables that has not been judged yet, the latest first."""
        last = {one.adjustable: one for one in self.corrections if one.skill == skill and one.status == "trial"}
        return sorted(last.values(), key=lambda one: -one.number)

    def judged(self, number: int, status: Status, reason: str) -> Corrections:
        """The same with a correction judged, and with it the ones on trial before it that went the same way."""
        wanted = {one.number: one for one in self.corrections}[number]
        series = [one.number for one in self.corrections if one.status == "trial" and same_adjustable(one, wanted)]
        rows = tuple(
            one.model_copy(update={"status": status, "reason": reason}) if one.number in {number, *series} else one
            for one in self.corrections
        )
        return self.model_copy(update={"corrections": rows})


def same_adjustable(one: Correction, other: Correction) -> bool:
    """Whether two corrections change the same thing."""
    return (one.skill, one.adjustable) == (other.skill, other.adjustable)


@dataclass(frozen=True)
class Execution:
    """A skill that was carried out, and what of it failed; no signals: it went as it should."""

    skill: str
    signals: tuple[FailureSignal, ...] = ()
    failure: str = ""
    """Id of the failure."""

    @property
    def tells(self) -> bool:
        """Whether it says anything about how the skill was carried out: not by failures alone that no edit answers, wrong
        predictions among them."""
        return not self.signals or self.answerable is not None

    @property
    def answerable(self) -> FailureSignal | None:
        """The first of its failures that an edit answers."""
        return next((signal for signal in self.signals if signal.parameter), None)


def reviewed(
    found: Corrections, trials: Sequence[Correction], done: Sequence[Execution]
) -> tuple[Corrections, Sequence[Execution]]:
    """The corrections of a skill that were on trial, each judged by one execution with it; and those that say something of what
    holds now: after one that has an edit undone, the others were carried out with that, too."""
    for number, (trial, one) in enumerate(zip(trials, done, strict=False), start=1):
        status, reason = _verdict(trial, one.signals)
        if status != "trial":
            found = found.judged(trial.number, status, reason)
        if status == "undone":
            return found, done[:number]
    return found, done


def _verdict(trial: Correction, signals: Sequence[FailureSignal]) -> tuple[Status, str]:
    """What comes of a correction by an execution with it, and why."""
    again = next((signal for signal in signals if signal.name == trial.signal), None)
    earlier = [s.name for s in signals if route(s.name).edits and route(s.name).stage < route(trial.signal).stage]
    if earlier:
        return "undone", f"{earlier[0]} instead"
    if again is None:
        return "kept", f"{trial.signal} did not come again"
    if again.severity < MILDER * trial.severity:
        return "kept", f"severity {trial.severity:.2f} to {again.severity:.2f}"
    return ("trial", "") if _goes_on(trial) else ("undone", f"{trial.signal} came again")


def _goes_on(trial: Correction) -> bool:
    """Whether more of the same may help yet: an edit in one fixed direction that has not reached its bound."""
    one, edits = adjustable(trial.skill, trial.adjustable), route(trial.signal).edits
    return one is not None and len(edits) == 1 and edits[0].change > 0 and trial.after < one.high - 1e-9


def answered(found: Corrections, skill: str, done: Sequence[Execution]) -> Corrections:
    """With at most one correction, for the first failure that has been seen often enough by then.

    What goes by the same name after that was still carried out without it, and is not counted.
    """
    name = ""
    for one in done:
        signal, others = one.answerable, tuple(seen for seen in found.sightings if seen.skill != skill)
        if signal is None:
            found = found.model_copy(update={"sightings": others})
        elif signal.name != name:
            seen = _seen(found, skill, signal)
            found = found.model_copy(update={"sightings": (*others, seen)})
            row = None if name else _correction(found, seen, signal, one.failure)
            if row is not None:
                name = signal.name
                measured = any(edit.change == 0.0 for edit in route(name).edits)
                left = others if measured else found.sightings
                found = found.model_copy(update={"corrections": (*found.corrections, row), "sightings": left})
    return found


def _correction(found: Corrections, seen: Sighting, signal: FailureSignal, failure: str) -> Correction | None:
    """The edit that answers a failure; None where it may have been chance, or nothing is left to try."""
    chosen = _change(found, seen)
    if chosen is None:
        return None
    name, change = chosen
    one, before = adjustable(seen.skill, name), found.value(seen.skill, name)
    after = bounded(one, before, change) if one is not None else before
    if abs(after - before) < 1e-9:
        return None
    return Correction(
        number=len(found.corrections) + 1,
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        failure=failure,
        skill=seen.skill,
        signal=signal.name,
        severity=signal.severity,
        adjustable=name,
        before=before,
        after=after,
    )


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
