"""The corrective loop: assess, edit what is named, keep what helps; every trial with its history.

Three policies. `jitter` changes one parameter at random, as loops on pass or fail do. `corrective` is the document's: for each
failing signal its one bounded edit. `accepting` keeps an edit only if its own signal shrinks and no other turns true; what it
would have raised is logged, which makes the coupled-failure matrix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from fail2progress.core.scene import Scene
from fail2progress.failures.assets.case import Case
from fail2progress.failures.assets.contact import Contact
from fail2progress.failures.assets.geometry import Geometry
from fail2progress.failures.assets.grasp import GraspStability
from fail2progress.failures.assets.joint import Joint
from fail2progress.failures.assets.reach import Reachability
from fail2progress.failures.assets.schema import FailureSignals, Reading, signals_of

MOST_EVALUATIONS = 120
"""Of a case: a scene may have many things that need several edits each."""
Policy = Literal["jitter", "corrective", "accepting"]
POLICIES: tuple[Policy, ...] = ("jitter", "corrective", "accepting")
Jitter = Callable[[Case, np.random.Generator], Case]


class Signal(Protocol):
    """A measurement with its edit."""

    @property
    def name(self) -> str:
        """Its field in the schema."""

    def readings(self, case: Case) -> tuple[Reading, ...]:
        """One for every asset that it applies to."""

    def edit(self, case: Case, reading: Reading) -> Case | None:
        """The one bounded edit that answers a failing reading, None where there is none."""


def default_signals() -> tuple[Signal, ...]:
    """The five, in the order of the schema."""
    return (Geometry(), Joint(), Contact(), Reachability(), GraspStability())


class EditRecord(BaseModel):
    """One edit that was tried: which signal it answered, whether it was kept, and what it would have raised."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    iteration: int
    signal: str
    asset: str
    before: float
    after: float
    accepted: bool
    raised: tuple[str, ...] = ()
    """Signals of any asset that were well before the edit and failed after it."""


@dataclass(frozen=True)
class Refinement:
    """The result of a case: the refined one, its signals first and last, and the edits in order."""

    case: Case
    initial: tuple[FailureSignals, ...]
    final: tuple[FailureSignals, ...]
    open: tuple[Reading, ...]
    """What still fails."""
    history: tuple[EditRecord, ...]
    iterations: int
    """Evaluations up to and with the first that passes."""

    @property
    def passed(self) -> bool:
        """Whether nothing fails any more."""
        return not self.open

    def to_dict(self) -> dict[str, object]:
        """For JSON: signals first and last, what still fails, the edits, and what they raised."""
        return {
            "passed": self.passed,
            "iterations": self.iterations,
            "initial_signals": [row.model_dump(mode="json") for row in self.initial],
            "final_signals": [row.model_dump(mode="json") for row in self.final],
            "open": [reading.model_dump(mode="json") for reading in self.open],
            "history": [record.model_dump(mode="json") for record in self.history],
            "coupled": coupled(self.history),
        }


def assess(case: Case, signals: Iterable[Signal] | None = None) -> tuple[Reading, ...]:
    """All readings of a case."""
    return tuple(reading for signal in signals or default_signals() for reading in signal.readings(case))


@dataclass(frozen=True)
class Refiner:
    """A policy with its measurements. `accepting` gives up once no edit is accepted."""

    signals: tuple[Signal, ...] = field(default_factory=default_signals)
    policy: Policy = "accepting"
    at_most: int = MOST_EVALUATIONS
    """Evaluations."""
    jitter: Jitter | None = None
    concerned: frozenset[str] | None = None
    """Assets whose signals count; all unless given."""

    def refine(self, case: Case, rng: np.random.Generator | None = None) -> Refinement:
        """Correct a case. ValueError where a policy lacks its jitter or its generator."""
        readings = self._assess(case)
        initial, history = signals_of(readings), list[EditRecord]()
        iterations = 1
        while failing(readings) and iterations < self.at_most:
            case, after, records = self._step(case, readings, iterations, rng)
            history += records
            if not records:
                break
            readings, iterations = after, iterations + len(records)  # each edit is evaluated by itself
            if self.policy == "accepting" and not any(record.accepted for record in records):
                break
        return Refinement(case, initial, signals_of(readings), failing(readings), tuple(history), iterations)

    def _assess(self, case: Case) -> tuple[Reading, ...]:
        readings = assess(case, self.signals)
        return tuple(r for r in readings if self.concerned is None or r.asset in self.concerned)

    def _step(
        self, case: Case, readings: tuple[Reading, ...], iteration: int, rng: np.random.Generator | None
    ) -> tuple[Case, tuple[Reading, ...], list[EditRecord]]:
        if self.policy == "jitter":
            if self.jitter is None or rng is None:
                raise ValueError("policy 'jitter' needs a jitter and a random generator")
            after_case = self.jitter(case, rng)
            after = self._assess(after_case)
            worst = failing(readings)[0]
            return after_case, after, [_record(iteration, worst, readings, after, accepted=True)]
        return self._corrected(case, readings, iteration)

    def _corrected(
        self, case: Case, readings: tuple[Reading, ...], iteration: int
    ) -> tuple[Case, tuple[Reading, ...], list[EditRecord]]:
        """Every failing signal's edit, one after the other, as long as evaluations are left."""
        records = list[EditRecord]()
        by_name = {signal.name: signal for signal in self.signals}
        for reading in failing(readings):
            if iteration + len(records) >= self.at_most:
                break
            now = _same(readings, reading)
            if now is None or not now.fails:
                continue  # an earlier edit has mended it
            other = by_name[reading.signal].edit(case, now)
            if other is None:
                continue
            after = self._assess(other)
            record = _record(iteration, now, readings, after, accepted=True)
            keep = self.policy == "corrective" or (_shrinks(now, after) and not record.raised)
            records.append(record.model_copy(update={"accepted": keep}))
            if keep:
                case, readings = other, after
        return case, readings, records


def failing(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Those that fail."""
    return tuple(reading for reading in readings if reading.fails)


def _same(readings: Sequence[Reading], of: Reading) -> Reading | None:
    return next((r for r in readings if (r.signal, r.asset) == (of.signal, of.asset)), None)


def _shrinks(before: Reading, after: Sequence[Reading]) -> bool:
    now = _same(after, before)
    return now is None or not now.fails or now.size < before.size - 1e-9


def _record(iteration: int, reading: Reading, before: Sequence[Reading], after: Sequence[Reading], accepted: bool) -> EditRecord:
    well = {(r.signal, r.asset) for r in before if not r.fails}
    raised = tuple(f"{r.signal}({r.asset})" for r in after if r.fails and (r.signal, r.asset) in well)
    now = _same(after, reading)
    return EditRecord(
        iteration=iteration,
        signal=reading.signal,
        asset=reading.asset,
        before=reading.value,
        after=now.value if now else 0.0,
        accepted=accepted,
        raised=raised,
    )


def coupled(history: Iterable[EditRecord]) -> dict[str, dict[str, int]]:
    """The coupled-failure matrix: for each edit, by its signal, how often it raised which signal; `edits` counts them all."""
    matrix: dict[str, Counter[str]] = {}
    for record in history:
        row = matrix.setdefault(record.signal, Counter())
        row["edits"] += 1
        row["rejected"] += not record.accepted
        row.update(text.partition("(")[0] for text in record.raised)
    return {signal: dict(row) for signal, row in sorted(matrix.items())}


def refined(scene: Scene) -> Scene | None:
    """A generated scene with overlapping things parted and floating ones set down, None where that does not succeed.

    For particles, which nobody has seen: an invalid one is corrected before it is dropped.
    """
    found = Refiner((Contact(),)).refine(Case(scene))
    return found.case.scene if found.passed else None
