"""Studies without learning and trials: an executor that answers by a script, and a study of small untrained models."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from fail2progress.core.executor import Executor
from fail2progress.evaluation.studies.bases import base
from fail2progress.evaluation.studies.methods import METHODS, Made, Recipe
from fail2progress.evaluation.studies.table3 import Study
from fail2progress.evaluation.trials import TrialResult
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.tasks.registry import task

BASES = ("points2plans", "points2plans/plain")
NAMES = ("original", "replanning", "gradient", "fail2progress")


@dataclass
class Scripted(Executor):
    """Instead of learning and trials, results: what has learned by Stein succeeds, the rest with even seeds only. Last first."""

    work: list[Any] = field(default_factory=list)
    fails: str = ""
    unlike: str = ""
    """A segmenter on whose segments nothing succeeds."""

    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for item in reversed(list(items)):
            self.work.append(item)
            yield self._make(item) if isinstance(item, Recipe) else self._trial(item)

    def _make(self, recipe: Recipe) -> Made:
        if self.fails and self.fails in recipe.out:
            return Made(recipe.out, "nothing to learn from: no failure")
        note = {"parent": load_checkpoint(Path(recipe.base)).digest}
        save_checkpoint(made(len(self.work) + 9, "plain" not in recipe.out), Path(recipe.out), note)
        return Made(recipe.out)

    def _trial(self, item: Any) -> tuple[str, TrialResult, float]:
        job = item.job
        blind = job.embodiment.segmenter == self.unlike
        success = not blind and ("fail2progress_" in job.model or job.seed % 2 == 0)
        step = "" if success else "put"
        said = (0, 0, 0, 5)
        values = (job.seed, job.objects, success, "done", 5, 1, 0.9, step, said, float("nan"), 0.01, (9, 1, 0), (8, 1, 1))
        start = task(job.task).trial(job.objects, job.seed).scene
        ended = () if success else tuple(tuple(pose) for pose in start.poses.tolist())
        result = TrialResult(*values, gap=10 * job.camera.noise if job.gap else float("nan"), ended=ended)
        return item.key, result, 2.0


def made(seed: int, relational: bool = False) -> Points2Plans:
    torch.manual_seed(seed)
    return Points2Plans(Points2PlansConfig(relational, identity=16, layers=1, feedforward=8, hidden=8))


def small_study(folder: Path) -> Study:
    """Two base models, four methods, two numbers of objects."""
    for name, relational in (("relational", True), ("plain", False)):
        save_checkpoint(made(0, relational), folder / "weights" / f"{name}.safetensors", {})
    bases = tuple(base(name, folder / "weights") for name in BASES)
    methods = tuple(map(METHODS.get, NAMES))
    return Study(folder / "study", bases, weights.path(weights.KEEPSAKE), methods, counts=(3, 5), trials=4)


def unpictured(report: dict[str, Any]) -> dict[str, Any]:
    """Without pictures of failures, which take time."""
    return {**report, "rows": [{**row, "example": None} for row in report["rows"]]}
