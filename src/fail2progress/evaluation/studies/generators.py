"""Which 20 samples: Stein against gradient, sampling and the prior, and measures of information, on the same failure.

Judged by what the model then predicts of loaded containers that it has not met: the displacement error of the contents for one to
three contents, and held-out F1 on what worked before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fail2progress.core.provenance import provenance
from fail2progress.core.scene import Scene
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.evaluation.trials import run_trial
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.learner import FineTuningResult, Learner
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import Checkpoint
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.skills.base import call_moving
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.layout import DoesNotFitError, Layout
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import LEARNING_SEEDS

VARIANTS = (
    TargetOptions(method="stein", acquisition="mutual-information"),
    TargetOptions(method="stein", acquisition="entropy"),
    TargetOptions(method="stein", acquisition="log-entropy"),
    TargetOptions(method="stein", acquisition="prior"),
    TargetOptions(method="stein", acquisition="mutual-information", scope="support"),
    TargetOptions(method="gradient", acquisition="mutual-information"),
    TargetOptions(method="sampling", acquisition="mutual-information"),
    TargetOptions(method="prior"),
)


def name(options: TargetOptions) -> str:
    """Names a row."""
    return f"{options.method}/{options.acquisition}/{options.scope}"


@dataclass(frozen=True)
class Comparison:
    """Every variant learns from the same failures, one for each seed. Rows are kept as they are done."""

    folder: Path
    seeds: int = 3
    tests: int = 40

    def run(self, start: Checkpoint, learner: Learner, progress: Callable[[str], None]) -> dict[str, object]:
        """Carry out what is missing and return the report. RowsError where the folder holds rows of another model or setting."""
        how = {"finetuning": asdict(learner.finetuning), "patience": learner.patience}
        kept = study_rows(self.folder, "generators", model=start.digest, tests=self.tests, **how)
        tests = {contents: list(loaded(learner.simulator, contents, self.tests)) for contents in (1, 2, 3)}
        rows = []
        for seed in range(self.seeds):
            event = meet(start, seed, learner.simulator)
            for options in VARIANTS:
                key = f"{name(options)}, seed {seed}"
                if key not in kept.by_key:
                    progress(key)
                    lesson = replace(learner, targeting=options).learn([event], start.model, seed)
                    kept.add({"key": key, **self._row(options, seed, lesson, tests)})
                rows.append({column: value for column, value in kept.by_key[key].items() if column != "key"})
        before = {str(n): contents_error(start.model, outcomes) for n, outcomes in tests.items()}
        return {
            "table": "generators",
            "before_contents_error_m": before,
            "rows": rows,
            "means": _means(rows),
            "provenance": provenance(model=start.digest, seeds=self.seeds, tests=self.tests),
        }

    def _row(
        self, options: TargetOptions, seed: int, lesson: FineTuningResult, tests: dict[int, list[Outcome]]
    ) -> dict[str, object]:
        errors = {str(n): contents_error(lesson.model, outcomes) for n, outcomes in tests.items()}
        return {"variant": name(options), "seed": seed, "contents_error_m": errors, **lesson.to_dict()}


def meet(start: Checkpoint, seed: int, simulator: Simulator | None = None) -> FailureEvent:
    """The first failure in the learning trials of a seed. ValueError where none is met in 20 trials."""
    for number in range(20):
        trial = task(DEFAULT).trial(3, LEARNING_SEEDS + 1000 * seed + number)
        _, events, _, _ = run_trial(start.model, start.digest, trial, simulator=simulator)
        if events:
            return events[0]
    raise ValueError(f"no failure met in 20 trials of seed {seed}")


def loaded(simulator: Simulator, contents: int, count: int) -> Iterator[Outcome]:
    """Executions that carry a cup with so many capsules in it to a random place on the other table."""
    jobs: list[Job] = []
    number = 0
    while len(jobs) < count:
        number += 1
        rng = np.random.default_rng([contents, number, 9])
        try:
            jobs.append(_loaded_job(rng, contents))
        except DoesNotFitError:
            continue
    yield from (outcome for outcome in simulator.execute_all(jobs) if outcome.stable)


def _loaded_job(rng: np.random.Generator, contents: int) -> Job:
    start = task(DEFAULT).trial(7, int(rng.integers(2**31))).scene
    layout = Layout(rng)
    for spec, pose in zip(start.objects, start.poses, strict=True):
        if spec.category != "capsule":
            layout.add(spec, pose)
    for spec in [o for o in start.objects if o.category == "capsule"][:contents]:
        layout.drop_in(spec, "cup_1")
    scene: Scene = layout.scene()
    here, there = _tables(scene)
    table = scene.bounds()[scene.index(there)]
    place = rng.uniform(table[0, :2] + 0.08, table[1, :2] - 0.08)
    shift = place - scene.position("cup_1")[:2]
    rise = table[1, 2] - scene.bounds()[scene.index(here), 1, 2] + 0.012
    call = call_moving("cup_1", np.array([*shift, rise]), there)
    return Job(scene, call, seed=int(rng.integers(2**31)))


def _tables(scene: Scene) -> tuple[str, str]:
    """The first table, which the cups stand on, and the other one."""
    first, second = [spec.name for spec in scene.objects if spec.category == "table"]
    return first, second


def contents_error(model: SkillEffectModel, outcomes: list[Outcome]) -> float:
    """Median displacement error (m) of what is in the cup that is carried."""
    errors = []
    for outcome in outcomes:
        _, shift, _ = predict_effect(model, encode_observation(model, outcome.before.cloud), outcome.call)
        rows = [i for i, spec in enumerate(outcome.before.scene.objects) if spec.category == "capsule"]
        known = [i for i in rows if outcome.before.cloud.seen[i]]
        errors += np.linalg.norm(shift - outcome.displacements, axis=1)[known].tolist()
    return float(np.median(errors))


def _means(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Means over the seeds."""
    flat = pd.json_normalize(rows)
    columns = [c for c in flat.columns if c not in ("variant", "seed", "gate.reason")]
    flat[columns] = flat[columns].astype(float)
    means: list[dict[str, object]] = flat.groupby("variant", sort=False)[columns].mean().reset_index().to_dict("records")
    return means
