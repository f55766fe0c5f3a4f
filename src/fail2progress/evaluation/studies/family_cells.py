"""One cell of the study of families: a failure is met, a model learns from it by one method, and both models are measured.

Cells are independent pieces of work: a process loads weights and rehearsal data once, keeps a family's failures and tests at
hand.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from fail2progress.core.provenance import provenance
from fail2progress.evaluation.fresh import COUNT, executions, fresh_f1
from fail2progress.evaluation.item_failures import NoFailureError, failure_of
from fail2progress.evaluation.predictions import ALONG, Benchmark, ItemResult, compare, f1
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.cells import file_digest
from fail2progress.evaluation.studies.families_bars import NO_FAILURE
from fail2progress.evaluation.studies.true_data import best_rung, from_event
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.finetune import FinetuneOptions, finetune
from fail2progress.learning.finetuning.learner import FineTuningResult, Learner
from fail2progress.learning.finetuning.rehearsal import load_rehearsal
from fail2progress.learning.finetuning.targeted import Targeted, TargetOptions, target
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.training.metrics import evaluate
from fail2progress.models.training.parallel import one_thread
from fail2progress.models.training.transitions import Transitions, select
from fail2progress.simulation.base import Outcome
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.stein.states import NothingToVaryError
from fail2progress.tasks.families.registry import FAMILIES

ORACLES = {"true-executions-200": 200, "true-executions": 20}
"""A model trained on so many true executions of the family instead."""
ADAPT = {"adapt-1": 1, "adapt-10": 10, "adapt-100": 100}
"""So many gradient steps on the observed transition alone, nothing rehearsed."""
_EPOCHS = 100
"""True executions up to which all epochs are run: with more of them, as many steps are taken by fewer."""
_FAILURES, _TESTS, _TRUE = 0, 1, 2
"""Executions for failures, tests and oracles come from seeds that many apart: studies that shall share none have seeds that are
three or more apart."""
_PATIENCE = 30
"""Executions that the model gets right before no more failures of a family are looked for."""


@dataclass(frozen=True)
class Cell:
    """One figure of the study: `kind` is "learn" or "data"."""

    kind: str
    family: str
    method: str
    failure: int

    @property
    def key(self) -> str:
        """By which it is kept."""
        return f"{self.kind}_{self.family}_{self.method}_{self.failure}"


@dataclass(frozen=True)
class Setting:
    """What decides a cell's figures beside the cell itself."""

    weights: Path
    rehearsal: Path
    failures: int = 2
    tests: int = 60
    true: int | None = None
    """True executions for every oracle; None: as many as ORACLES says."""
    seed: int = 4000
    targeting: TargetOptions = field(default_factory=TargetOptions)
    finetuning: FinetuneOptions = field(default_factory=FinetuneOptions)
    patience: float | None = None
    """Seconds of a lesson; None: every attempt that there is, so that figures do not hang on a computer's speed."""
    fresh: int = COUNT
    """Executions of the pre-training distribution on which is measured what a lesson costs."""

    @property
    def identity(self) -> dict[str, object]:
        """What cells of one folder have in common: all but `failures`, of which more go on where fewer ended."""
        content = {"weights": file_digest(self.weights), "rehearsal": file_digest(self.rehearsal)}
        return {**{key: value for key, value in asdict(self).items() if key != "failures"}, **content}


@dataclass(frozen=True)
class Work:
    """A cell to carry out."""

    cell: Cell
    setting: Setting


def carry_out(work: Work) -> Row:
    """Carry a cell out; its row."""
    wall, cpu = time.perf_counter(), time.process_time()
    with one_thread():
        figures = _bench(work.setting).figures(work.cell)
    spent = {"seconds": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    return {"key": work.cell.key, **asdict(work.cell), **figures, "commit": provenance()["commit"], **spent}


@lru_cache(maxsize=1)
def _bench(setting: Setting) -> Bench:
    return Bench(setting)


class Bench:
    """What a process needs for cells: the first model, a learner, and failures and tests of the families met so far."""

    def __init__(self, setting: Setting) -> None:
        self._setting, self._start = setting, load_checkpoint(setting.weights)
        options = (setting.targeting, setting.finetuning)
        patience = math.inf if setting.patience is None else setting.patience
        self._learner = Learner(ParallelSimulator(1), load_rehearsal(setting.rehearsal), *options, patience=patience)
        self._events: dict[str, list[FailureEvent]] = {}
        self._tests: dict[str, list[Outcome]] = {}
        self._before: dict[str, dict[str, float]] = {}

    def figures(self, cell: Cell) -> Row:
        """What a cell's row says, or the reason why it cannot."""
        if cell.family not in self._events:
            self._events[cell.family] = self._met(cell.family)
        events = self._events[cell.family]
        if len(events) <= cell.failure:
            return {"reason": NO_FAILURE}
        try:
            return self._data(cell, events[cell.failure]) if cell.kind == "data" else self._learnt(cell, events[cell.failure])
        except NothingToVaryError as error:
            return {"reason": str(error)}

    def _met(self, family: str) -> list[FailureEvent]:
        """The first executions of a family that the model gets wrong, and in which something is seen of what moves along."""
        found: list[FailureEvent] = []
        tried, start = 0, self._start
        for item, outcome in FAMILIES.get(family).outcomes(self._learner.simulator, self._setting.seed + _FAILURES):
            try:
                if not _shows(outcome):
                    continue
                found.append(failure_of(outcome, item.id, item.job.seed, start.model, start.digest))
            except NoFailureError:
                tried += 1
            if len(found) == self._setting.failures or tried == _PATIENCE:
                break
        return found

    def _outcomes(self, family: str, which: int, count: int) -> list[Outcome]:
        made = FAMILIES.get(family).outcomes(self._learner.simulator, self._setting.seed + which)
        return [outcome for _, outcome in islice(made, count)]

    def _data(self, cell: Cell, event: FailureEvent) -> Row:
        learner = self._learner
        options = replace(learner.targeting, method=cell.method)
        return data_row(target(event, self._start.model, learner.simulator, options, self._setting.seed, rebuild=learner.rebuild))

    def _learnt(self, cell: Cell, event: FailureEvent) -> Row:
        if cell.family not in self._tests:
            self._tests[cell.family] = self._outcomes(cell.family, _TESTS, self._setting.tests)
            self._before[cell.family] = self._measured(self._start.model, cell.family)["after"]
        before = {"before": self._before[cell.family]}
        if cell.method in (*ORACLES, *ADAPT):
            model, more = self._given(cell, event)
            return {**before, **self._measured(model, cell.family), **more}
        learner = replace(self._learner, targeting=replace(self._learner.targeting, method=cell.method))
        return {**before, **self._lesson(learner.learn([event], self._start.model, self._setting.seed), cell.family)}

    def _given(self, cell: Cell, event: FailureEvent) -> tuple[SkillEffectModel, Row]:
        """A model from data without a generator: the observed transition, or true executions."""
        learner, options = self._learner, self._learner.finetuning
        if cell.method in ADAPT:
            alone = replace(options, epochs=ADAPT[cell.method], batch=1, replay=0, mirror=False, distillation=0.0, adjusts="all")
            unused = select(learner.rehearsal.replay, [0])
            return finetune(self._start.model, from_event(event), unused, alone, 0), {"adjusts": "all", "executions": 1}
        data, check = self._true(cell)
        options = replace(options, epochs=max(round(options.epochs * min(_EPOCHS / len(data), 1.0)), 1))
        model, adjusts = best_rung(self._start.model, data, check, learner.rehearsal.replay, 0, options)
        return model, {"adjusts": adjusts, "executions": len(data)}

    def _true(self, cell: Cell) -> tuple[Transitions, Transitions]:
        """True executions to learn from, and some to choose by which weights to adjust."""
        count = ORACLES[cell.method] if self._setting.true is None else self._setting.true
        outcomes = self._outcomes(cell.family, _TRUE, count + 10)
        return from_outcomes(outcomes[:count]), from_outcomes(outcomes[count:])

    def _lesson(self, lesson: FineTuningResult, family: str) -> Row:
        """The model that was taken, and every other one that the acceptance test saw, on the family's tests."""
        chosen = next(one for one in lesson.tries if one.model is lesson.model)
        measured, before = self._measured(lesson.model, family), self._before[family]
        judged = []
        for one in lesson.tries:
            after = measured["after"] if one is chosen else summed(self._compared(one.model, family))
            judged.append({"adjusts": one.label, "passed": one.verdict.passed, "mended": mended(before, after), "after": after})
        return {
            **measured,
            "passed": lesson.verdict.passed,
            "reason": lesson.verdict.reason,
            "adjusts": chosen.label,
            "mended": mended(before, measured["after"]),
            "judged": judged,
            "data": data_row(lesson.tries[0].targeted[0]),
            "lesson": lesson.to_dict(),
        }

    def _compared(self, model: SkillEffectModel, family: str) -> list[ItemResult]:
        return [compare(str(i), outcome, model) for i, outcome in enumerate(self._tests[family])]

    def _measured(self, model: SkillEffectModel, family: str) -> Row:
        """Figures on a family's tests, and F1 of every one of them. `fresh_f1`: on the study's own executions of the pre-training
        distribution; `held_out_f1`: on those by which the acceptance test chooses."""
        found = self._compared(model, family)
        known = {"held_out_f1": evaluate(model, self._learner.rehearsal.held_out).prediction_f1}
        known["fresh_f1"] = fresh_f1(model, self._fresh)
        return {"after": {**summed(found), **known}, "f1s": [round(f1(*one.pairs), 4) for one in found]}

    @cached_property
    def _fresh(self) -> Transitions:
        """Made once in a process, as a family's tests are: the same for all of a study."""
        return executions(self._learner.simulator, self._setting.seed, self._setting.fresh)


def _shows(outcome: Outcome) -> bool:
    """Whether, of what moves with the skill's object, the camera sees something before or after: nothing is learnt otherwise."""
    own = outcome.before.scene.index(outcome.call.object)
    along = [row for row in np.flatnonzero(np.linalg.norm(outcome.displacements, axis=1) > ALONG) if row != own]
    return not along or any(side.cloud.seen[row] for side in (outcome.before, outcome.after) for row in along)


def summed(results: list[ItemResult]) -> dict[str, float]:
    """The figures of a study's row."""
    figures = Benchmark(tuple(results)).to_dict()
    return {key: float(str(figures[key])) for key in ("f1", "along_mm", "moved_mm", "still_p90_mm", "correct")}


def data_row(found: Targeted) -> Row:
    """D+ in figures: how many relations of the failure hold, and how far it spreads."""
    counts = {"stable": found.stable, "tried": found.tried, "concerned": len(found.space.concerned)}
    return {"kept": asdict(found.relations_kept), "spread": asdict(found.spreads), **counts, "states_s": found.seconds["states"]}


def mended(before: dict[str, float], after: dict[str, float]) -> bool:
    """Whether a failure's family is predicted better: a third of the missing F1 won, and no more error of what moves."""
    won = after["f1"] - before["f1"] >= (1.0 - before["f1"]) / 3
    return won and max(_error(after), 15.0) <= max(_error(before), 15.0)


def _error(figures: dict[str, float]) -> float:
    """Millimetres: of what moves along, else of the object itself."""
    along = figures["along_mm"]
    return figures["moved_mm"] if not np.isfinite(along) else along
