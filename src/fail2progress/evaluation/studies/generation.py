"""Making D+ by each generator from the same failures: its time (paper figure 6), relations kept and spread of actions (A.15)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.executor import Executor
from fail2progress.core.provenance import code_version, provenance
from fail2progress.evaluation.lifelong import Lifelong
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies import paper
from fail2progress.evaluation.studies.bases import Base
from fail2progress.evaluation.studies.cells import LEARNING, Progress, Queue, Results, address, task_content
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.targeted import TargetOptions, target
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.training.parallel import one_thread
from fail2progress.simulation import registry as simulators
from fail2progress.stein.states import NothingToVaryError
from fail2progress.tasks.registry import task

GENERATED = ("stein", "gradient", "sampling", "prior", "domain-randomisation")
STAGES = {"setup_s": "set-up", "states_s": "states", "actions_s": "actions", "simulation": "simulation"}
"""Seconds of the stages of making data. States and actions are what a generator decides; what comes before, such as the rebuilt
scene and its draws of P(S), and the simulation after it take all generators alike."""


@dataclass(frozen=True)
class Generation:
    """D+ of one failure. `reason`: why there is none, or ""."""

    seed: int
    setup_s: float
    """Seconds before the generator begins; see STAGES."""
    states_s: float
    actions_s: float
    simulation: float
    kept: float
    """Share of R_F that holds in D+, as simulated."""
    kept_of_all: float
    """The same over all particles that became scenes."""
    actions: float
    """Standard deviation of the level motion that actions command, m."""
    places: float
    samples: int
    tried: int
    reason: str = ""

    @property
    def inference(self) -> float:
        """Seconds for states and actions."""
        return self.states_s + self.actions_s

    def to_dict(self) -> dict[str, object]:
        """For the row."""
        return asdict(self)


@dataclass(frozen=True)
class GenerationJob:
    """What a worker needs to know."""

    model: str
    task: str
    objects: int
    options: TargetOptions
    seed: int


@dataclass(frozen=True)
class GenerationCell:
    """One generator and number of samples; its pieces are failures, one for each seed."""

    base: Base
    task: str
    options: TargetOptions

    @property
    def name(self) -> str:
        """See AnyCell."""
        return f"{self.base.name}/{self.options.method}/{self.options.samples} samples"

    @property
    def identity(self) -> dict[str, object]:
        """See AnyCell."""
        model = load_checkpoint(self.base.path).digest
        acts: dict[str, object] = {"model": model, "task": task_content(self.task), "options": asdict(self.options)}
        return {**acts, "generation": True, "code": code_version((*LEARNING, "evaluation/studies/generation.py"))}

    @cached_property
    def key(self) -> str:
        """See AnyCell."""
        return address(self.identity)

    @property
    def work(self) -> Callable[[GenerationJob], Generation]:
        """See AnyCell."""
        return generate

    def jobs(self, trials: int) -> Sequence[GenerationJob]:
        """See AnyCell."""
        objects = min(task(self.task).counts)
        return [GenerationJob(str(self.base.path), self.task, objects, self.options, seed) for seed in range(trials)]

    def read(self, row: Row) -> Generation:
        """See AnyCell."""
        return Generation(**{name: row[name] for name in Generation.__dataclass_fields__})


def generate(job: GenerationJob) -> Generation:
    """Meet the failure of a seed and make D+ of it, in a worker."""
    start = load_checkpoint(Path(job.model))
    event = _met(job.model, job.task, job.objects, job.seed)
    if event is None:
        return _nothing(job, "no failure of a wrong symbolic prediction was met")
    with simulators.make(simulators.DEFAULT) as simulator, one_thread():
        try:
            made = target(event, start.model, simulator, job.options, job.seed)
        except NothingToVaryError as error:
            return _nothing(job, str(error))
    setup, states, actions, simulation = (made.seconds[stage] for stage in STAGES.values())
    shares = (made.kept, made.kept_of_all, made.spread, made.spreads.places)
    return Generation(job.seed, setup, states, actions, simulation, *shares, len(made.outcomes), made.tried)


def _nothing(job: GenerationJob, reason: str) -> Generation:
    nan = math.nan
    return Generation(job.seed, nan, nan, nan, nan, nan, nan, nan, nan, samples=0, tried=0, reason=reason)


@lru_cache(maxsize=8)
def _met(model: str, name: str, objects: int, seed: int) -> FailureEvent | None:
    """The first failure of a seed: the same for every generator."""
    start = load_checkpoint(Path(model))
    with simulators.make(simulators.DEFAULT) as simulator, one_thread():
        met = Lifelong(task(name), objects).meet(start.model, start.digest, Classifier(simulator, Camera()), seed)
    return met[0] if met is not None else None


@dataclass(frozen=True)
class GenerationStudy:
    """Every generator on the same failures."""

    folder: Path
    base: Base
    task: str
    generators: tuple[str, ...] = GENERATED
    seeds: int = 5
    samples: int = TargetOptions.samples
    name: str = "figure6"
    title: str = "Making the data: time, relations kept and spread of actions"

    def cells(self) -> list[GenerationCell]:
        """One for each generator."""
        options = [TargetOptions(method=name, samples=self.samples) for name in self.generators]
        return [GenerationCell(self.base, self.task, one) for one in options]

    @property
    def queue(self) -> Queue:
        """Runs the cells."""
        return Queue(self.folder / "cells", self.seeds)

    def run(self, executor: Executor, progress: Progress = lambda name, done, total: None) -> dict[str, object]:
        """Carry out what is missing; returns the report."""
        self.queue.run(self.cells(), executor, progress)
        return self.report()

    def report(self) -> dict[str, object]:
        """A row for each generator, run or not."""
        rows = [self._row(cell, self.queue.results(cell)) for cell in self.cells()]
        return {
            "table": self.name,
            "title": self.title,
            "task": self.task,
            "rows": rows,
            "complete": all(row["complete"] for row in rows),
            "provenance": provenance(seeds=self.seeds, samples=self.samples, base=self.base.name),
        }

    def _row(self, cell: GenerationCell, results: Results) -> Row:
        made = [one for one in results.trials if not one.reason]
        head: Row = {"base_model": self.base.name, "method": cell.options.method, "asked": self.seeds}
        head |= {"trials": len(results.trials), "complete": len(results.trials) == self.seeds, "made": len(made)}
        kept, spread = paper.GENERATED.get(cell.options.method, (None, None))
        head |= {"paper_kept": kept, "paper_spread_m": spread, "reasons": [one.reason for one in results.trials if one.reason]}
        if not made:
            return {**head, "not_run": "not run" if not results.trials else "nothing was made"}
        names = (*STAGES, "inference", "kept", "kept_of_all", "actions", "places")
        values: Mapping[str, list[float]] = {name: [float(getattr(one, name)) for one in made] for name in names}
        return {**head, **{name: {"mean": float(np.mean(v)), "std": float(np.std(v))} for name, v in values.items()}}
