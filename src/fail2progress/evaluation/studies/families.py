"""Does it learn whatever fails? Families of failures, generators of samples, and what the model predicts afterwards.

Two kinds of cells, each a file, so that an interrupted study goes on. `data`: D+ by every generator around the same failures,
from the same chart and with the same budget: how many of the failure's relations hold, how far the samples spread. `learn`: from
one failure to a judged model, measured on executions of its family that it has not met, beside training on true executions.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from fail2progress.core.files import write_whole
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.item_failures import NoFailureError, failure_of
from fail2progress.evaluation.predictions import Benchmark, compare
from fail2progress.evaluation.studies.families_words import compared
from fail2progress.evaluation.studies.true_data import best_rung, from_event
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.targeted import target
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import Checkpoint
from fail2progress.models.training.metrics import evaluate
from fail2progress.models.training.parallel import one_thread
from fail2progress.models.training.transitions import Transitions
from fail2progress.simulation.base import Outcome
from fail2progress.stein.states import NothingToVaryError
from fail2progress.tasks.families.registry import FAMILIES

GENERATORS = ("stein", "gradient", "sampling", "prior")
ORACLES = {"true-executions": 20, "true-executions-200": 200}
"""A model trained on so many true executions of the family instead."""
ADAPT = "adapt"
"""A model trained on the observed transition alone."""
LEARNERS = (*GENERATORS, "near-copies", "domain-randomisation", ADAPT, *ORACLES)
PARTS = ("learn", "data")
_FAILURES, _TESTS, _TRUE = 0, 1, 2
"""Executions for failures, tests and oracles come from seeds that many apart."""
_PATIENCE = 30
"""Executions that the model gets right before no more failures of a family are looked for."""


@dataclass(frozen=True)
class Cell:
    """One figure of the study."""

    kind: str
    family: str
    method: str
    failure: int

    @property
    def file(self) -> str:
        """Where it is kept."""
        return f"{self.kind}_{self.family}_{self.method}_{self.failure}.json"


@dataclass(frozen=True)
class Study:
    """Which cells to run. `learners` name generators, or data that need no generator: LEARNERS."""

    folder: Path
    families: tuple[str, ...]
    generators: tuple[str, ...] = GENERATORS
    learners: tuple[str, ...] = LEARNERS
    failures: int = 2
    tests: int = 60
    true: int | None = None
    """True executions for every oracle; None: as many as ORACLES says."""
    seed: int = 4000
    parts: tuple[str, ...] = PARTS
    minutes: float | None = None
    """No cell is begun later than this; a cell that was not run says so."""

    def run(self, start: Checkpoint, learner: Learner, progress: Callable[[str], None]) -> dict[str, object]:
        """Carry out what is missing and return the report."""
        self.folder.mkdir(parents=True, exist_ok=True)
        end = time.monotonic() + 60 * self.minutes if self.minutes is not None else math.inf
        events: dict[str, list[FailureEvent]] = {}
        rows = []
        with one_thread():
            for cell in self._cells():
                path = self.folder / cell.file
                if not path.exists() and time.monotonic() < end:
                    progress(cell.file)
                    if cell.family not in events:
                        events[cell.family] = self._events(cell.family, start, learner)
                    write_whole(path, json.dumps(self._carry_out(cell, events[cell.family], start, learner), indent=1))
                rows.append(json.loads(path.read_text()) if path.exists() else {**asdict(cell), "reason": "not run"})
        grid = {key: value for key, value in asdict(self).items() if key != "folder"}
        rows.sort(key=lambda row: (row["kind"], self.families.index(row["family"]), row["failure"]))
        return {"table": "families", "rows": rows, "provenance": provenance(model=start.digest, **grid)}

    def _cells(self) -> Iterator[Cell]:
        """Those of the parts that were asked for."""
        return (cell for cell in self._all_cells() if cell.kind in self.parts)

    def _all_cells(self) -> Iterator[Cell]:
        """The first failure of every family first, and what is learnt of it by the first method before all others."""
        for number in range(self.failures):
            for method in self.learners[:1]:
                yield from (Cell("learn", family, method, number) for family in self.families)
            for method in self.generators:
                yield from (Cell("data", family, method, number) for family in self.families)
            for method in self.learners[1:]:
                if method not in ORACLES or number == 0:
                    yield from (Cell("learn", family, method, number) for family in self.families)

    def _carry_out(self, cell: Cell, events: list[FailureEvent], start: Checkpoint, learner: Learner) -> dict[str, object]:
        wall, cpu, commit = time.perf_counter(), time.process_time(), provenance()["commit"]
        if len(events) <= cell.failure:
            row: dict[str, object] = {"reason": "the model gets too few executions of the family wrong"}
        elif cell.kind == "data":
            row = _data(learner, start, events[cell.failure], cell.method, self.seed)
        else:
            row = self._learn(cell.family, cell.method, events[cell.failure], start, learner)
        return {
            **asdict(cell),
            **row,
            "commit": commit,
            "seconds": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
        }

    def _events(self, family: str, start: Checkpoint, learner: Learner) -> list[FailureEvent]:
        """The first executions of a family that the model gets wrong."""
        found: list[FailureEvent] = []
        tried = 0
        for item, outcome in FAMILIES.get(family).outcomes(learner.simulator, self.seed + _FAILURES):
            try:
                found.append(failure_of(outcome, item.id, item.job.seed, start.model, start.digest))
            except NoFailureError:
                tried += 1
            if len(found) == self.failures or tried == _PATIENCE:
                break
        return found

    def _outcomes(self, family: str, learner: Learner, which: int, count: int) -> list[Outcome]:
        made = FAMILIES.get(family).outcomes(learner.simulator, self.seed + which)
        return [outcome for _, outcome in islice(made, count)]

    def _learn(self, family: str, method: str, event: FailureEvent, start: Checkpoint, learner: Learner) -> dict[str, object]:
        tests = self._outcomes(family, learner, _TESTS, self.tests)
        before = _measured(start.model, tests, learner)
        if method in (*ORACLES, ADAPT):
            data, check = self._given(family, method, event, learner)
            model, adjusts = best_rung(start.model, data, check, learner.rehearsal.replay, 0, learner.finetuning)
            return {"before": before, "after": _measured(model, tests, learner), "adjusts": adjusts, "executions": len(data)}
        try:
            lesson = replace(learner, targeting=replace(learner.targeting, method=method)).learn([event], start.model, self.seed)
        except NothingToVaryError as error:
            return {"before": before, "after": before, "passed": False, "reason": str(error)}
        after = _measured(lesson.model, tests, learner)
        adjusts = next(one.adjusts for one in lesson.tries if one.model is lesson.model)
        return {
            "before": before,
            "after": after,
            "passed": lesson.verdict.passed,
            "reason": lesson.verdict.reason,
            "adjusts": adjusts,
            "mended": mended(before, after),
            "lesson": lesson.to_dict(),
        }

    def _given(self, family: str, method: str, event: FailureEvent, learner: Learner) -> tuple[Transitions, Transitions]:
        """Data without a generator: to learn from, and to choose by which weights to adjust."""
        if method == ADAPT:
            seen = from_event(event)
            return seen, seen
        count = ORACLES[method] if self.true is None else self.true
        outcomes = self._outcomes(family, learner, _TRUE, count + 10)
        return from_outcomes(outcomes[:count]), from_outcomes(outcomes[count:])


def mended(before: dict[str, float], after: dict[str, float]) -> bool:
    """Whether a failure's family is predicted better: a third of the missing F1 won, and no more error of what moves."""
    won = after["f1"] - before["f1"] >= (1.0 - before["f1"]) / 3
    return won and max(_error(after), 15.0) <= max(_error(before), 15.0)


def _error(figures: dict[str, float]) -> float:
    """Millimetres: of what moves along, else of the object itself."""
    along = figures["along_mm"]
    return figures["moved_mm"] if not np.isfinite(along) else along


def _data(learner: Learner, start: Checkpoint, event: FailureEvent, generator: str, seed: int) -> dict[str, object]:
    options = replace(learner.targeting, method=generator)
    try:
        found = target(event, start.model, learner.simulator, options, seed, rebuild=learner.rebuild)
    except NothingToVaryError as error:
        return {"reason": str(error)}
    counts = {"stable": found.stable, "tried": found.tried, "concerned": len(found.space.concerned)}
    return {"kept": asdict(found.relations_kept), "spread": asdict(found.spreads), **counts}


def _measured(model: SkillEffectModel, tests: list[Outcome], learner: Learner) -> dict[str, float]:
    """Figures on a family's tests, and F1 on held-out executions of the pre-training distribution."""
    figures = Benchmark(tuple(compare(str(i), outcome, model) for i, outcome in enumerate(tests))).to_dict()
    kept = {key: float(str(figures[key])) for key in ("f1", "along_mm", "moved_mm", "still_p90_mm", "correct")}
    return {**kept, "held_out_f1": evaluate(model, learner.rehearsal.held_out).prediction_f1}


def markdown(report: dict[str, object]) -> str:
    """Both tables."""
    rows: list[dict[str, object]] = report["rows"]  # type: ignore[assignment]
    lines = ["# Families of failures", "", "## In words", "", *compared(rows), "", "## Data around a failure", ""]
    lines += ["| family | generator | R_F drawn | believed | simulated | in D+ | within (mm) | places (m) | actions | stable |"]
    lines += ["|" + "---|" * 10]
    for row in rows:
        if row["kind"] == "data":
            lines.append(_data_line(row))
    lines += ["", "## One failure learnt from", ""]
    head = "family | data | passed | adjusts | F1 before | after | along (mm) before | after | moved (mm) before | after"
    lines += [f"| {head} | held-out F1 lost | CPU (s) |"]
    lines += ["|" + "---|" * 12]
    for row in rows:
        if row["kind"] == "learn":
            lines.append(_learn_line(row))
    return "\n".join(lines) + "\n"


def _data_line(row: dict[str, object]) -> str:
    if "kept" not in row:
        return f"| {row['family']} {row['failure']} | {row['method']} | {row['reason']} |" + " |" * 7
    kept, spread = row["kept"], row["spread"]
    assert isinstance(kept, dict) and isinstance(spread, dict)
    shares = " | ".join(f"{kept[key]:.2f}" for key in ("drawn", "believed", "simulated", "chosen"))
    spreads = f"{1000 * spread['within']:.0f} | {spread['places']:.2f} | {spread['actions']:.2f}"
    return f"| {row['family']} {row['failure']} | {row['method']} | {shares} | {spreads} | {row['stable']}/{row['tried']} |"


def _learn_line(row: dict[str, object]) -> str:
    if "after" not in row:
        return f"| {row['family']} {row['failure']} | {row['method']} | {row['reason']} |" + " |" * 9
    before, after = row["before"], row["after"]
    assert isinstance(before, dict) and isinstance(after, dict)
    both = " | ".join(
        f"{side[key]:{form}}"
        for key, form in (("f1", ".3f"), ("along_mm", ".0f"), ("moved_mm", ".0f"))
        for side in (before, after)
    )
    lost = before["held_out_f1"] - after["held_out_f1"]
    passed = {True: "yes", False: "no"}.get(bool(row["passed"]), "") if "passed" in row else "-"
    first = f"| {row['family']} {row['failure']} | {row['method']} | {passed} | {row.get('adjusts', '-')}"
    return f"{first} | {both} | {lost:.4f} | {row['cpu_s']:.0f} |"
