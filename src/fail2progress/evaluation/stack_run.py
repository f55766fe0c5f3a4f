"""What a stack of nodes did, read from the folder that it left: failures, reports, lessons, models, the result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fail2progress.core import runs, starts
from fail2progress.core.holds import RunError
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.lessons import Lessons
from fail2progress.failures.report import FailureReport
from fail2progress.failures.store import FailureStore, Lesson, that_count
from fail2progress.models.checkpoint import read_digest
from fail2progress.models.notes import CheckpointError
from fail2progress.models.store import Registry
from fail2progress.models.version_notes import noted_version

ENDS = {"failure": "stopped at a failure", "goal missed": "missed its goal"}
"""Outcomes of a task in words."""


@dataclass(frozen=True)
class Met:
    """One failure and what was learnt from it."""

    event: FailureEvent
    report: FailureReport | None
    lessons: Sequence[Lesson]
    """Attempts to learn from it that count: see `that_count`."""

    @property
    def lesson(self) -> Lesson | None:
        """The last attempt that gave a version, else the last."""
        return self.lessons[0] if self.lessons else None


@dataclass(frozen=True)
class StackRun:
    """Everything in the folder. `result` is what the task node wrote, empty where there was none."""

    folder: Path
    met: tuple[Met, ...]
    versions: tuple[tuple[str, dict[str, object]], ...]
    """Names and notes."""
    current: str
    result: dict[str, Any]
    damaged: tuple[str, ...] = ()
    """What is wrong with each failure that cannot be read, which is not in `met`."""
    damaged_beside: tuple[str, ...] = ()
    """The same of the versions, of the result, and of what is noted of the run."""
    provenance: Mapping[str, object] = field(default_factory=dict)
    """Of the code that the run began with; empty where that was not kept."""
    later: tuple[starts.Start, ...] = ()
    """The times that it was gone on with, oldest first."""

    @property
    def saved(self) -> str:
        """What learning changed in the trial that was carried out again, in one sentence; "" where none was."""
        return saved(self.result.get("rounds", []), any(met.lesson and met.lesson[0] for met in self.met))


class _Round(BaseModel):
    """One trial, as the task node tells it."""

    model_config = ConfigDict(strict=True)
    seed: int
    outcome: str
    error_code: int
    skills: int
    failures: list[str]
    model: str
    seconds: float
    learning_seconds: float = 0.0
    open_loop: bool = False


class _Result(BaseModel):
    """What is used of the file of the task node."""

    model_config = ConfigDict(strict=True)
    rounds: list[_Round] = []
    said: list[str] = []


def read_run(folder: Path) -> StackRun:
    """All that can be read; what is damaged is named. StoreError where the failures cannot be read at all."""
    store, registry = FailureStore(folder / "failures.sqlite"), Registry(folder / "models")
    lessons = Lessons.beside(store)
    met, wrong = store.readable(lambda name: Met(store.get(name), store.report(name), that_count(lessons.of(name))))
    versions, damaged = _versions(registry)
    result, reason = _result(folder / "result.json")
    about, unknown = _about(folder)
    beside = (*damaged, *filter(None, (reason, unknown)))
    failures = (tuple(met), tuple(versions), registry.in_use() or "", result, tuple(map(str, wrong.values())))
    return StackRun(folder, *failures, beside, about.provenance, about.later)


def _about(folder: Path) -> tuple[runs.Run, str]:
    """What is noted of the run, empty where that was not kept; and what is wrong with the file, "" for nothing."""
    unknown = runs.Run(folder, "run", "")
    try:
        return (runs.read_run(folder) if (folder / runs.ABOUT).is_file() else unknown), ""
    except RunError as error:
        return unknown, str(error)


def _versions(registry: Registry) -> tuple[list[tuple[str, dict[str, object]]], list[str]]:
    """Names and notes of those whose notes and weights are whole, and what is wrong with each of the others."""
    found, damaged = [], []
    for name in registry.versions():
        try:
            note = noted_version(registry.path(name))
            read_digest(registry.path(name))
        except CheckpointError as error:
            damaged.append(str(error))
        else:
            found.append((name, note))
    return found, damaged


def _result(path: Path) -> tuple[dict[str, Any], str]:
    """What the task node wrote, empty where there is nothing that can be read; and what is wrong with it, "" for nothing."""
    try:
        content = path.read_bytes()
        _Result.model_validate_json(content)
        return json.loads(content), ""
    except FileNotFoundError:
        return {}, ""
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return {}, f"{path}: not the result of a task ({f'{where}: ' if where else ''}{first['msg']})"
    except OSError as error:
        return {}, f"{path}: cannot be read ({error.strerror or error})"


def saved(rounds: Sequence[Mapping[str, Any]], learnt: bool) -> str:
    """What learning changed in a trial that was carried out again, in one sentence; "" where none was.

    learnt: whether a new model came of the trial's first failure.
    """
    same = [one for one in rounds if one["seed"] == rounds[-1]["seed"]]
    if len(same) < 2:
        return ""
    later = "with the new model" if learnt else "with the same model"
    told = [f"{'with the first model' if one is same[0] else later}, {_way(one)}, it {_end(one)}" for one in same]
    return f"Trial {same[0]['seed']}: {'; '.join(told)}."


def _way(one: Mapping[str, Any]) -> str:
    return "by its first plan alone" if one.get("open_loop") else "planned again after every skill"


def _end(one: Mapping[str, Any]) -> str:
    """How a round ended, without the time that was spent on learning."""
    how = "reached its goal" if one["error_code"] == 0 else ENDS.get(one["outcome"], f"ended with {one['outcome']!r}")
    seconds, failures = one["seconds"] - one.get("learning_seconds", 0.0), len(one["failures"])
    met = "no failure" if not failures else "1 failure" if failures == 1 else f"{failures} failures"
    return f"{how} after {one['skills']} skill{'s' * (one['skills'] != 1)}, {seconds:.0f} s and {met}"


def summary(run: StackRun) -> dict[str, object]:
    """For --json."""
    return {
        "failures": [
            {
                "event": met.event.id,
                "call": str(met.event.header.call.call()),
                "plan": [str(call.call()) for call in met.event.header.plan],
                "step": met.event.header.step,
                "seed": met.event.header.seed,
                "model": met.event.header.model,
                "mismatches": list(map(str, met.event.header.mismatches)),
                "class": met.report.category.value if met.report is not None else None,
                "confidence": met.report.confidence if met.report is not None else None,
                "version": met.lesson[0] if met.lesson is not None else None,
                "lesson": met.lesson[1] if met.lesson is not None else None,
                "later_lessons": [reason for _, reason in met.lessons[1:]],
            }
            for met in run.met
        ],
        "damaged": [*run.damaged, *run.damaged_beside],
        "models": {name: note.get("digest") for name, note in run.versions},
        "current": run.current,
        "rounds": run.result.get("rounds", []),
    }
