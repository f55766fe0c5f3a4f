"""Cells of a study and the queue that runs them: every trial of every cell is one piece of work, kept as soon as it is done.

A cell's address is a hash of all that decides its result: the weights, the task, how the robot acts, the seeds, and the source of
the rooms that take part. Equal cells are run once; after a change of any of these a cell has another address, so nothing stale is
shown. The number of trials is not part of it: more trials go on where fewer ended.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from fail2progress.core.executor import Executor
from fail2progress.core.provenance import EVERYTHING, code_version
from fail2progress.evaluation.evaluate import TrialJob, carry_out, jobs
from fail2progress.evaluation.rows import Row, Rows, RowsError
from fail2progress.evaluation.studies.conditions import USUAL, Condition
from fail2progress.evaluation.studies.methods import Method
from fail2progress.evaluation.trials import TrialResult, from_row
from fail2progress.models.checkpoint import read_digest
from fail2progress.tasks.registry import task

ACTING = ("core", "skills", "simulation", "tasks", "perception", "models", "planning", "failures", "robots", "agent")
"""Rooms whose source decides how a trial goes."""
TRIALS = (
    *(f"evaluation/{name}.py" for name in ("evaluate", "trials", "predictions", "embodiment", "budget", "gap")),
    *(f"weights/*.{kind}.json" for kind in ("monitor", "combination", "joins")),
    "weights/segmenter*.json",
    "weights/boxes.json",
    "stein/concerned.py",
)
"""Files beside these that decide how a trial goes."""
TRIAL = (*ACTING, *TRIALS)
"""All that decides how one goes."""
TURN = 5
"""Pieces of one cell that follow each other, so that a worker seldom reads other weights."""
LEARNING = (
    *(*TRIAL, "stein", "learning", "evaluation/lifelong.py"),
    *(f"evaluation/studies/{name}.py" for name in ("methods", "true_data")),
)
"""Rooms and files that decide which model a method makes: it learns from trials."""


def study_rows(folder: Path, study: str, **about: object) -> Rows:
    """The rows of a study that a folder keeps. RowsError where it holds those of another study, or of other code."""
    return Rows(folder / "rows.jsonl", {"study": study, **about, "code": code_version(EVERYTHING)})


def address(content: dict[str, object]) -> str:
    """A hash of what decides a result."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def task_content(name: str) -> str:
    """A task of the package by its name, whose file the code's version covers; one from a file by what the file says."""
    path = Path(task(name).reference)
    return file_digest(path) if path.is_file() else path.name


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Cell:
    """Trials of one base model and one method with so many objects. `model` is the path of the weights that act."""

    base: str
    configuration: str
    method: Method
    task: str
    objects: int
    seed: int
    model: str
    spare: int | None = None
    """Skills beyond the shortest plan within which the robot plans again after every skill; None: as the method says."""
    condition: Condition = USUAL

    @property
    def replans(self) -> bool:
        """Whether the robot plans again after every skill."""
        return self.method.replans or self.spare is not None

    @property
    def name(self) -> str:
        """Names the cell for people."""
        way = "" if self.spare is None else f"/within shortest + {self.spare}"
        seen = "" if self.condition == USUAL else f"/{self.condition.name}"
        return f"{self.base}/{self.method.name}/{self.objects}{seen}{way}"

    @cached_property
    def digest(self) -> str:
        """Of the weights that act."""
        return read_digest(Path(self.model))

    @property
    def identity(self) -> dict[str, object]:
        """All that decides the result."""
        acts: dict[str, object] = {"model": self.digest, "task": task_content(self.task), "objects": self.objects}
        acts |= {"condition": self.condition.to_dict(), "replan": self.replans, "spare": self.spare}
        return {**acts, "seed": self.seed, "code": code_version(TRIAL)}

    @cached_property
    def key(self) -> str:
        """The cell's address."""
        return address(self.identity)

    @property
    def work(self) -> Callable[[TrialJob], TrialResult]:
        """See AnyCell."""
        return carry_out

    def read(self, row: Row) -> TrialResult:
        """See AnyCell."""
        return trial_result(row)

    def jobs(self, trials: int) -> list[TrialJob]:
        """Its trials."""
        work = jobs(Path(self.model), self.task, self.objects, trials, self.seed, self.replans)
        seen = self.condition
        return [replace(one, spare=self.spare, camera=seen.camera, gap=seen.gap, embodiment=seen.embodiment) for one in work]


class Piece(Protocol):
    """One piece of a cell's work."""

    @property
    def seed(self) -> int:
        """Names it within its cell."""


class AnyCell(Protocol):
    """What the queue needs of a cell: pieces of work by seed, the function that does one in a worker, and how to read its row."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def key(self) -> str:
        """A hash of the identity."""

    @property
    def identity(self) -> dict[str, object]:
        """All that decides the result."""

    @property
    def work(self) -> Callable[[Any], Any]:
        """From a piece to a result that has `to_dict`."""

    def jobs(self, trials: int) -> Sequence[Piece]:
        """The first so many pieces."""

    def read(self, row: Row) -> Any:
        """A result from its row."""


@dataclass(frozen=True)
class _Item:
    key: str
    job: Piece
    work: Callable[[Any], Any]


def _carry(item: _Item) -> tuple[str, Any, float]:
    """One piece, in a worker, with its seconds."""
    start = time.perf_counter()
    return item.key, item.work(item.job), time.perf_counter() - start


@dataclass(frozen=True)
class Results:
    """What is known of a cell: its results by seed, and the seconds that workers took for them."""

    trials: tuple[Any, ...]
    seconds: float


Progress = Callable[[str, int, int], None]
"""Told of the cell's name, and of the trials done and asked for over all cells."""


@dataclass(frozen=True)
class Queue:
    """Runs cells and keeps their trials, a file for each cell in a folder."""

    folder: Path
    trials: int

    def run(self, cells: Sequence[AnyCell], executor: Executor, progress: Progress = lambda name, done, total: None) -> None:
        """Carry out the trials that are missing. Those that are finished are kept, whatever ends the rest."""
        names = {cell.key: cell.name for cell in reversed(cells)}
        rows = {key: self._rows(cell) for key, cell in _distinct(cells).items()}
        items = [
            _Item(cell.key, one, cell.work)
            for cell, one in _in_turns(_distinct(cells).values(), self.trials)
            if str(one.seed) not in rows[cell.key].by_key
        ]
        total = len(rows) * self.trials
        done = total - len(items)
        progress("", done, total)
        if not items:
            return
        for key, result, seconds in executor.map_unordered(_carry, items):
            if str(result.seed) in rows[key].by_key:
                continue  # a worker that was lost may have done it too
            rows[key].add({"key": str(result.seed), "seconds": seconds, **result.to_dict()})
            done += 1
            progress(names[key], done, total)

    def results(self, cell: AnyCell) -> Results:
        """The trials of a cell that are kept, of those asked for, by seed."""
        wanted = [str(one.seed) for one in cell.jobs(self.trials)]
        kept = self._rows(cell).by_key if self._path(cell).exists() else {}
        found = [kept[seed] for seed in wanted if seed in kept]
        return Results(tuple(map(cell.read, found)), sum(float(row["seconds"]) for row in found))

    def _path(self, cell: AnyCell) -> Path:
        return self.folder / f"{cell.key}.jsonl"

    def _rows(self, cell: AnyCell) -> Rows:
        return Rows(self._path(cell), cell.identity)


def trial_result(row: Row) -> TrialResult:
    """A trial from its row. RowsError where values are missing."""
    try:
        return from_row(row)
    except KeyError as error:
        raise RowsError(f"a row of a trial without {error}: delete the folder of cells to start again") from error


def _in_turns(cells: Iterable[AnyCell], trials: int) -> Iterator[tuple[AnyCell, Piece]]:
    """All pieces, a few of every cell in each turn: a study that is cut short tells something of every cell."""
    work = [(cell, cell.jobs(trials)) for cell in cells]
    longest = max((len(pieces) for _, pieces in work), default=0)
    for start in range(0, longest, TURN):
        for cell, pieces in work:
            yield from ((cell, piece) for piece in pieces[start : start + TURN])


def _distinct(cells: Iterable[AnyCell]) -> dict[str, AnyCell]:
    """One cell for every address, in order."""
    found: dict[str, AnyCell] = {}
    for cell in cells:
        found.setdefault(cell.key, cell)
    return found
