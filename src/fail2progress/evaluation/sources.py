"""Where failures come from: tasks, whose loop meets them by itself, and families, whose executions are handed to the robot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from fail2progress.agent.loop import AgentConfig
from fail2progress.core.executor import Executor
from fail2progress.core.registry import RegistryError
from fail2progress.evaluation.evaluate import SEEDS, evaluate, jobs, summarise
from fail2progress.evaluation.item_failures import NoFailureError, failure_of
from fail2progress.evaluation.predictions import Benchmark, compare
from fail2progress.evaluation.trials import run_trial
from fail2progress.failures.event import FailureEvent
from fail2progress.models.checkpoint import Checkpoint
from fail2progress.simulation.base import Outcome, Simulator
from fail2progress.tasks.base import Task
from fail2progress.tasks.families.base import Family
from fail2progress.tasks.families.registry import FAMILIES
from fail2progress.tasks.items import Item
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import EVALUATION_SEEDS, LEARNING_SEEDS

_APART = 1000
"""Learning trials of two seeds are so many seeds apart."""
_TESTS = 1_000_003
"""Seed of the executions that families are judged on, those of learning have seeds far below."""
_EXECUTIONS = 5
"""Executions of a family for each trial of a task: they take a fraction of one's time, and of ten one relation is .005 of F1."""


class Source(ABC):
    """A kind of failure, and how well a model does on it."""

    name: str

    @abstractmethod
    def meet(self, model: Checkpoint, seed: int, start: int) -> Iterator[FailureEvent | None]:
        """One entry for each trial or execution from number `start` on: its first failure, or None where it went as expected."""

    @abstractmethod
    def measure(self, model: Checkpoint, seed: int, trials: int) -> dict[str, float]:
        """On trials that failures are never met in: "success" is a share, the rest explains it."""


@dataclass(frozen=True)
class TaskSource(Source):
    """Trials of a task. `measure` carries plans out open loop, since planning again hides what a model got wrong."""

    task: Task
    objects: int
    simulator: Simulator
    executor: Executor

    @property
    def name(self) -> str:  # type: ignore[override]
        """See Source."""
        return f"{self.task.name}/{self.objects}"

    def meet(self, model: Checkpoint, seed: int, start: int) -> Iterator[FailureEvent | None]:
        """See Source."""
        number, config = LEARNING_SEEDS + _APART * seed + start, AgentConfig(stop_at_failure=True)
        while True:
            trial = self.task.trial(self.objects, number)
            _, events, _, _ = run_trial(model.model, model.digest, trial, config, simulator=self.simulator)
            yield events[0] if events else None
            number += 1

    def measure(self, model: Checkpoint, seed: int, trials: int) -> dict[str, float]:
        """See Source."""
        work = jobs(model.path, self.task.reference, self.objects, trials, EVALUATION_SEEDS // SEEDS + seed, replan=False)
        summary = summarise(sorted(evaluate(work, self.executor), key=lambda result: result.seed))
        return {"success": summary.rate, "plan_probability": summary.plan_probability, "along_mm": 1000 * summary.along_error}


@dataclass(frozen=True)
class FamilySource(Source):
    """Executions of a family. Success is the share of them that a model predicts correctly (see `predictions`)."""

    family: Family
    simulator: Simulator
    _tests: dict[tuple[int, int], list[tuple[Item, Outcome]]] = field(default_factory=dict, repr=False, compare=False)
    """Executions that models are measured on, carried out once for all of them."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """See Source."""
        return self.family.name

    def meet(self, model: Checkpoint, seed: int, start: int) -> Iterator[FailureEvent | None]:
        """See Source."""
        for item, outcome in islice(self.family.outcomes(self.simulator, seed), start, None):
            try:
                yield failure_of(outcome, item.id, item.job.seed, model.model, model.digest)
            except NoFailureError:
                yield None

    def measure(self, model: Checkpoint, seed: int, trials: int) -> dict[str, float]:
        """See Source."""
        asked = seed, _EXECUTIONS * trials
        if asked not in self._tests:
            self._tests[asked] = list(islice(self.family.outcomes(self.simulator, _TESTS + seed), asked[1]))
        figures = Benchmark(tuple(compare(item.id, outcome, model.model) for item, outcome in self._tests[asked])).to_dict()
        kept = {key: float(str(figures[key])) for key in ("f1", "along_mm", "moved_mm")}
        return {"success": float(str(figures["correct"])), **kept}


def sources(names: Sequence[str], simulator: Simulator, executor: Executor) -> tuple[Source, ...]:
    """Families, tasks and task files by name, tasks as NAME or NAME/OBJECTS. ValueError names the one that is neither."""
    return tuple(_source(name, simulator, executor) for name in names)


def _source(name: str, simulator: Simulator, executor: Executor) -> Source:
    if name in FAMILIES:
        return FamilySource(FAMILIES.get(name), simulator)
    head, slash, count = name.rpartition("/")
    named, objects = (head, int(count)) if slash and count.isdigit() else (name, None)
    try:
        found = task(named)
    except RegistryError as error:
        raise ValueError(f"{error}; families: {', '.join(FAMILIES.names())}") from error
    chosen = found.counts[0] if objects is None else objects
    found.check(chosen)
    return TaskSource(found, chosen, simulator, executor)
