"""Lessons from a gap between simulation and world: does it help to simulate with the physics that the failed motion tells?

Pushes of the pre-training kind in worlds that are more slippery than the simulation. From those whose motion tells the friction
is learnt twice: with D+ simulated with the ordinary friction, and with friction as a coordinate of particles, whose prior
is the posterior from the failed push. Both models meet executions like the failure that neither has seen, in the true world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.core.executor import Executor
from fail2progress.core.provenance import provenance
from fail2progress.core.scene import Array
from fail2progress.evaluation.item_failures import NoFailureError, failure_of
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.physics import SURFACE
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.learner import FineTuningResult, Learner
from fail2progress.learning.finetuning.rehearsal import load_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions, rebuilt, target
from fail2progress.learning.finetuning.worlds import told
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models import weights
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.models.training.metrics import evaluate
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.skills.registry import skill
from fail2progress.stein.states import NothingToVaryError
from fail2progress.tasks.pretraining import job

LOW, HIGH = 0.1, 0.22
"""The true shares of the ordinary friction: below these values the motion of many pushes tells it."""
MOVED = 0.005
_WAYS = {"nominal": (), "inferred": ("friction",)}
_FINETUNING = FinetuneOptions(adjusts="networks", epochs=120)
"""One rung of the ladder, the same for both."""
_UNSEEN = 70_000
"""Seed of executions that neither model has seen."""


@dataclass(frozen=True)
class Study:
    """The pushes among the first so many executions of a seed."""

    folder: Path
    executions: int = 600
    seed: int = 523

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """Carry out what is missing, and return the report. RowsError where the folder holds another study's rows."""
        rows = study_rows(self.folder, "gap-lessons", seed=self.seed)
        missing = [(self.seed, i) for i in range(self.executions) if str(i) not in rows.by_key]
        for row in executor.map_unordered(measure, missing):
            rows.add(row)
            progress(len(rows.by_key))
        found = [rows.by_key[str(i)] for i in range(self.executions)]
        return {**report(found), "provenance": provenance(executions=self.executions, seed=self.seed)}


def measure(item: tuple[int, int]) -> Row:
    """One push in a slippery world and what is learnt from it; no truth where there is no failure or its motion tells nothing."""
    wanted, none = job(*item), {"key": str(item[1]), "true": None}
    if skill(wanted.call.skill).carries or skill(wanted.call.skill).acts_on != "movable":
        return none
    true = float(np.exp(np.random.default_rng(item).uniform(np.log(LOW), np.log(HIGH))))
    with simulators.make() as simulator:
        world = simulator.execute(replace(wanted, disturbances=SURFACE.disturb(true)))
        if not world.stable:
            return none
        try:
            event = failure_of(world, str(item), item[1], _start().model, _start().digest)
            prior = told(event, rebuilt(event), simulator, _WAYS["inferred"], item[1])
            if not len(prior):
                return {**none, "reason": "the motion does not tell the friction", "share": true}
            known = {"found": float(np.exp(prior.likeliest[0])), "true": true}
            return {"key": str(item[1]), **known, **_lessons(event, simulator, true, item[1])}
        except (NoFailureError, NothingToVaryError, ValueError) as error:
            return {**none, "reason": str(error)}


@lru_cache(maxsize=1)
def _start() -> Checkpoint:
    return load_checkpoint(weights.path(weights.RELATIONAL))


def _lessons(event: FailureEvent, simulator: Simulator, true: float, seed: int) -> Row:
    """What D+ of either kind is off by in the true world, and what the models make of unseen executions there."""
    parent = _start().model
    learner = Learner(simulator, load_rehearsal(weights.path(weights.KEEPSAKE)), finetuning=_FINETUNING, patience=1.0)
    unseen = target(event, parent, simulator, TargetOptions(method="prior", acquisition="prior"), _UNSEEN + seed).outcomes
    there = from_outcomes(_in_world(unseen, simulator, true))
    found: dict[str, Any] = {"unseen": len(there), "parent": _quality(parent, there)}
    for way, physics in _WAYS.items():
        lesson = replace(learner, targeting=TargetOptions(physics=physics)).learn([event], parent, seed)
        found[way] = {**_quality(lesson.model, there), **_data(lesson, simulator, true)}
    return found


def _in_world(outcomes: Sequence[Outcome], simulator: Simulator, true: float) -> list[Outcome]:
    """The same scenes and calls in the true world."""
    jobs = [Job(o.before.scene, o.call, seed=k, disturbances=SURFACE.disturb(true)) for k, o in enumerate(outcomes)]
    return list(simulator.execute_all(jobs))


def _data(lesson: FineTuningResult, simulator: Simulator, true: float) -> dict[str, object]:
    """How far what moves in D+ ends from where it does in the true world, in mm, and whether the model passed its test."""
    made = [outcome for part in lesson.targeted for outcome in part.outcomes]
    off = []
    for outcome, real in zip(made, _in_world(made, simulator, true), strict=True):
        moved = np.linalg.norm(real.displacements, axis=1) > MOVED
        off += np.linalg.norm(outcome.displacements - real.displacements, axis=1)[moved].tolist()
    return {"data_off_mm": 1000.0 * float(np.mean(off)) if off else None, "passed": lesson.verdict.passed}


def _quality(model: SkillEffectModel, there: Any) -> dict[str, float]:
    quality = evaluate(model, there)
    return {"moved_mm": 1000.0 * quality.moved_error, "f1": quality.prediction_f1}


def report(rows: Sequence[Row]) -> dict[str, object]:
    """Means over the failures that were learnt from, and in how many the inferred physics was the better one."""
    learnt = [row for row in rows if row["true"] is not None]
    pushes = len(learnt) + sum("reason" in row for row in rows)
    found: dict[str, object] = {"pushes": pushes, "learnt_from": len(learnt)}
    if learnt:
        for way in ("parent", *_WAYS):
            found[way] = {name: _mean(_values(learnt, way, name)) for name in ("moved_mm", "f1")}
        for way in _WAYS:
            found[f"data_off_mm_{way}"] = _mean(_values(learnt, way, "data_off_mm"))
        for key, name in (("data_nearer", "data_off_mm"), ("motion_nearer", "moved_mm")):
            found[key] = int((_values(learnt, "inferred", name) < _values(learnt, "nominal", name)).sum())
    return {**found, "rows": learnt}


def _values(rows: Sequence[Row], way: str, name: str) -> Array:
    """(n,) NaN where there is none, as of data in which nothing moves."""
    return np.array([row[way][name] for row in rows], float)


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def markdown(found: dict[str, Any]) -> str:
    """The report as a page."""
    head = [
        "# Lessons from a gap in friction",
        "",
        f"{found['pushes']} pushes in slippery worlds, {found['learnt_from']} whose motion told it and that were learnt from.",
    ]
    if not found["learnt_from"]:
        return "\n".join([*head, ""])
    lines = ["", "| mean over failures | before | D+ with ordinary friction | D+ with inferred friction |", "|---|---|---|---|"]
    off = [f"{found[f'data_off_mm_{way}']:.1f}" for way in _WAYS]
    lines.append(f"| D+ beside the true world, mm off | - | {off[0]} | {off[1]} |")
    for name, says in (("moved_mm", "predicted motion, unseen, true world, mm off"), ("f1", "F1 of relations, the same")):
        digits = 1 if name == "moved_mm" else 3
        values = [f"{found[way][name]:.{digits}f}" for way in ("parent", *_WAYS)]
        lines.append(f"| {says} | {' | '.join(values)} |")
    better = f"D+ was nearer in {found['data_nearer']}, the predicted motion in {found['motion_nearer']} of them."
    return "\n".join([*head, *lines, "", better, "", "Made by `fail2progress reproduce gap-lessons`.", ""])
