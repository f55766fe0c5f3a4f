"""Table 3 of the paper on this code, and its like: base models, methods, numbers of objects and conditions.

Failures are met and learned from with the fewest objects only. All cells go through the same trials. A second table beside the
paper's lets every method plan again after every skill, within a budget: planning again without one hides what a model got wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from fail2progress.core.executor import Executor
from fail2progress.core.provenance import code_version, provenance
from fail2progress.evaluation.comparison import Comparison, compare
from fail2progress.evaluation.embodiment import Embodiment
from fail2progress.evaluation.evaluate import summarise
from fail2progress.evaluation.predictions import f1
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies import paper
from fail2progress.evaluation.studies.bases import Base
from fail2progress.evaluation.studies.cells import (
    LEARNING,
    TRIAL,
    Cell,
    Queue,
    Results,
    address,
    file_digest,
    task_content,
)
from fail2progress.evaluation.studies.conditions import USUAL, Condition
from fail2progress.evaluation.studies.methods import METHODS, FromFailures, Method, Recipe, make
from fail2progress.evaluation.trials import TrialResult
from fail2progress.models.checkpoint import load_checkpoint, read_note
from fail2progress.simulation import registry as simulators
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.registry import task

NOT_YET = "not run"
Problems = Mapping[str, str]
"""Why a model could not be made, by the path that it would have."""
Progress = Callable[[str, int, int], None]
"""Told what was done last, and how much is done of how much: models first, then trials."""


@dataclass(frozen=True)
class Study:
    """Which cells there are, and where models and trials are kept. `spare`: skills beyond the shortest plan; None: one table."""

    folder: Path
    bases: tuple[Base, ...]
    rehearsal: Path
    methods: tuple[Method, ...] = field(default_factory=lambda: tuple(METHODS))
    task: str = DEFAULT
    counts: tuple[int, ...] = (3, 5, 7)
    trials: int = 100
    seed: int = 7
    rounds: int = 1
    spare: int | None = 1
    conditions: tuple[Condition, ...] = (USUAL,)
    name: str = "table3"
    title: str = "Hierarchical Tabletop Organization"
    axis: str = "objects"
    grid: bool = True
    """Whether all conditions are combined with all numbers of objects; otherwise those but the first have the fewest."""
    unbounded: bool = True
    """Whether methods that plan again do so without a budget, too: an untaught model may go on for as long as the loop allows."""
    first: bool = True
    """Whether there is the paper's table; otherwise the one within a budget stands alone."""

    def run(
        self, executor: Executor, progress: Progress = lambda name, done, total: None, known: Problems | None = None
    ) -> dict[str, object]:
        """Make the models and carry out the trials that are missing; returns the whole report.

        `known`: models that were tried already and cannot be made.
        """
        problems = {**(known or {}), **learn([self], executor, progress, known or {})}
        ready = [cell for cell in self.cells() if Path(cell.model).exists()]
        self.queue.run(ready, executor, progress)
        return self.report(problems)

    def recipes(self) -> list[Recipe]:
        """How the models of the methods that learn are made."""
        axes = itertools.product(self.bases, self.methods, self.conditions)
        found = {recipe.out: recipe for one in axes if (recipe := self._recipe(*one)) is not None}
        return list(found.values())

    def _recipe(self, base: Base, method: Method, condition: Condition) -> Recipe | None:
        if method.learns is None:
            return None
        objects = min(task(self.task).counts)
        met = condition if condition.learns else USUAL
        decides: dict[str, object] = {
            "base": self._digests[base.name],
            "learns": [type(method.learns).__name__, repr(method.learns)],
        }
        decides |= {"task": task_content(self.task), "objects": objects, "rounds": self.rounds, "seed": self.seed}
        decides |= {"rehearsal": self._rehearsed, "code": code_version(LEARNING)}
        decides |= {"camera": asdict(met.camera), "embodiment": asdict(met.embodiment)}
        out = self.folder / "models" / f"{base.configuration}_{method.name}_{address(decides)}.safetensors"
        asked = (self.task, objects, self.rounds, self.seed, str(self.rehearsal), str(out), simulators.DEFAULT)
        weak = met.camera.noise > 0.0 or met.embodiment != Embodiment()
        return Recipe(str(base.path), method.learns, *asked, met.camera, met.embodiment, weak)

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {base.name: load_checkpoint(base.path).digest for base in self.bases}

    @cached_property
    def _rehearsed(self) -> str:
        return file_digest(self.rehearsal)

    def cells(self) -> list[Cell]:
        """All cells: the paper's table, then the one within a budget, in which `original` would be `replanning`."""
        plainly = [method for method in self.methods if self.unbounded or self.spare is None or not method.replans]
        first = [cell for base in self.bases for method in plainly for cell in self._cells(base, method, None) if self.first]
        if self.spare is None:
            return first
        again = [method for method in self.methods if method.name != "original"]
        return first + [cell for base in self.bases for method in again for cell in self._cells(base, method, self.spare)]

    def _cells(self, base: Base, method: Method, spare: int | None) -> list[Cell]:
        found = []
        for condition, count in itertools.product(self.conditions, self.counts):
            if not self.grid and condition != self.conditions[0] and count != min(self.counts):
                continue
            recipe = self._recipe(base, method, condition)
            model = str(base.path) if recipe is None else recipe.out
            head = (base.name, base.configuration, method, self.task, count, self.seed, model, spare)
            found.append(Cell(*head, condition))
        return found

    @property
    def queue(self) -> Queue:
        """Runs the cells."""
        return Queue(self.folder / "cells", self.trials)

    def report(self, problems: Problems | None = None) -> dict[str, object]:
        """Every cell, run or not, with comparisons, what each model learnt from, and provenance."""
        rows: list[Row] = []
        successes: dict[str, dict[str, dict[int, bool]]] = {}
        conditions: dict[str, dict[str, dict[int, bool]]] = {}
        for cell in self.cells():
            results = self.queue.results(cell) if Path(cell.model).exists() else Results((), 0.0)
            rows.append(self._row(cell, results, (problems or {}).get(cell.model, NOT_YET)))
            if results.trials:
                by_seed = {result.seed: result.success for result in results.trials}
                successes.setdefault(_group(cell), {})[cell.method.name] = by_seed
                conditions.setdefault(_otherwise(cell), {})[cell.condition.name] = by_seed
        compared = compare(successes.items())
        return {
            "table": self.name,
            "title": self.title,
            "axis": self.axis,
            "task": self.task,
            "rows": rows,
            "complete": all(row["complete"] for row in rows),
            "trial_seconds": self._seconds(),
            "comparisons": [comparison.to_dict() for comparison in compared],
            "conditions": [comparison.to_dict() for comparison in compare(conditions.items())],
            "claims": [str(comparison) for comparison in compared if comparison.shown],
            "detection_f1_over_all_trials": _pooled_detection(rows),
            "lessons": self._lessons(),
            "provenance": provenance(
                trials=self.trials, seed=self.seed, rounds=self.rounds, counts=self.counts, code=code_version(TRIAL)
            ),
        }

    def _row(self, cell: Cell, results: Results, reason: str) -> Row:
        done = len(results.trials)
        head: Row = {"base_model": cell.base, "configuration": cell.configuration, "method": cell.method.name}
        head |= {"replan": cell.replans, "spare": cell.spare, "objects": cell.objects, "condition": cell.condition.name}
        named = (self.task, cell.base.split("/")[0], cell.method.name, cell.objects, cell.condition.name)
        head["paper"] = paper.rate(*named) if cell.spare is None else None
        learns = cell.method.learns
        head |= {"samples": learns.samples if isinstance(learns, FromFailures) else None}
        head |= {"asked": self.trials, "complete": done == self.trials}
        if not done:
            return {**head, "model": None, "trials": 0, "rate": None, "ci95": None, "not_run": reason}
        head |= {"model": cell.digest, "cell": cell.key, "seconds": results.seconds}
        return {**head, **summarise(results.trials).to_dict(), **_by_seed(results.trials), "example": _example(results.trials)}

    def _seconds(self) -> float:
        """What workers took for the trials of this report, equal cells counted once."""
        cells = {cell.key: cell for cell in self.cells() if Path(cell.model).exists()}
        return sum(self.queue.results(cell).seconds for cell in cells.values())

    def _lessons(self) -> dict[str, object]:
        """The notes of the models that were made."""
        axes = itertools.product(self.bases, self.methods, self.conditions)
        made = ((base, method, condition, self._recipe(base, method, condition)) for base, method, condition in axes)
        paths = {
            f"{base.name}/{method.name}" + (f"/{condition.name}" if condition.learns else ""): Path(recipe.out)
            for base, method, condition, recipe in made
            if recipe is not None
        }
        return {name: read_note(path) for name, path in paths.items() if path.exists()}


def learn(
    studies: Iterable[Study],
    executor: Executor,
    progress: Progress = lambda name, done, total: None,
    known: Problems = MappingProxyType({}),
) -> Problems:
    """Make the models that studies lack, each in a worker; those that cannot be made, with the reason. `known` are left out."""
    asked = {recipe.out: recipe for study in studies for recipe in study.recipes()}
    recipes = [recipe for out, recipe in asked.items() if out not in known and not Path(out).exists()]
    problems: dict[str, str] = {}
    if not recipes:
        return problems
    progress("models", 0, len(recipes))
    for number, made in enumerate(executor.map_unordered(make, recipes), start=1):
        if made.problem:
            problems[made.out] = made.problem
        progress(f"models: {Path(made.out).stem.rsplit('_', 1)[0]}", number, len(recipes))
    return problems


def impossible(row: Row) -> bool:
    """Whether a report's cell has no trials because its model cannot be made; more work does not change that."""
    return not row["trials"] and row["not_run"] != NOT_YET


def _group(cell: Cell) -> str:
    """Cells that are compared with each other."""
    way = "" if cell.spare is None else f", within the shortest plan + {cell.spare}"
    seen = "" if cell.condition == USUAL else f", {cell.condition.name}"
    return f"{cell.base}, {cell.objects} objects{seen}{way}"


def _otherwise(cell: Cell) -> str:
    """Cells that are alike but for what trials are seen through."""
    way = "" if cell.spare is None else f", within the shortest plan + {cell.spare}"
    return f"{cell.base}, {cell.method.name}, {cell.objects} objects{way}"


def _by_seed(results: tuple[TrialResult, ...]) -> Row:
    failed = {str(result.seed): result.failed_step or "none" for result in results if not result.success}
    return {"successful_seeds": [result.seed for result in results if result.success], "failed_seeds": failed}


def _example(results: tuple[TrialResult, ...]) -> Row | None:
    """A trial without success, for a picture of how it ended."""
    failed = next((result for result in results if not result.success and result.ended), None)
    if failed is None:
        return None
    return {"seed": failed.seed, "step": failed.failed_step, "outcome": failed.outcome, "poses": failed.ended}


def _pooled_detection(rows: list[Row]) -> float:
    """F1 of saying that a skill failed, over the skills of all rows together."""
    run = [row["detection"] for row in rows if row["trials"]]
    return f1(*(sum(counts[key] for counts in run) for key in ("hits", "false_alarms", "misses")))


def comparisons(report: Mapping[str, object], of: str = "comparisons") -> list[Comparison]:
    """Those of a report, as they were made: of methods, or of "conditions" where it has any."""
    told = report.get(of)
    rows = told if isinstance(told, list) else []
    return [Comparison(**{key: value for key, value in row.items() if key != "shown"}) for row in rows]
