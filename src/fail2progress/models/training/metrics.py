"""How good a skill effect model is: F1 per relation, now and after one skill, and displacement errors in metres."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.models.base import Capability, SkillEffectModel, expected_motion
from fail2progress.models.training.losses import Views, view
from fail2progress.models.training.transitions import Batch, Transitions

MOVED = 0.002
"""Metres from which an object counts as moved."""


@dataclass(frozen=True)
class Quality:
    """F1 by relation for detection and one-step prediction, mean errors (m) of what moved and of what stayed.

    `motion` says what these errors are of: predicted displacements, or the motion that predicted relations imply.
    """

    detection: dict[str, float]
    prediction: dict[str, float]
    moved_error: float
    still_error: float
    executions: int
    motion: str = "predicted"
    often: tuple[str, ...] = ()
    """Relations that hold after at least every other execution, over all pairs."""

    @property
    def worst(self) -> float:
        """The lowest F1 of prediction among relations that hold often."""
        return min((self.prediction[name] for name in self.often), default=1.0)

    @property
    def detection_f1(self) -> float:
        """Mean over relations that hold somewhere; 1 where none does, as then none is missed."""
        return _mean(self.detection.values())

    @property
    def prediction_f1(self) -> float:
        """Mean over relations that hold somewhere; 1 where none does."""
        return _mean(self.prediction.values())

    def to_dict(self) -> dict[str, object]:
        """For reports."""
        return {
            "executions": self.executions,
            "detection_f1": self.detection_f1,
            "prediction_f1": self.prediction_f1,
            "detection": self.detection,
            "prediction": self.prediction,
            "moved_error_m": self.moved_error,
            "still_error_m": self.still_error,
            "motion": self.motion,
        }


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values) if values else 1.0


PairFilter = Callable[[Batch], Tensor]
"""(B, N, N) which pairs to count."""


def evaluate(
    model: SkillEffectModel,
    source: Transitions,
    codes: Tensor | None = None,
    pairs: PairFilter | None = None,
    chunk: int = 100,
) -> Quality:
    """Quality over all executions of a set."""
    counts = torch.zeros(2, 3, len(BINARY))
    errors = torch.zeros(2, 2)
    generator = torch.Generator().manual_seed(0)
    model.eval()
    with torch.no_grad():
        for chosen in torch.arange(len(source)).split(chunk):
            batch = source.batch(chosen, generator)
            views = view(model, source, batch, torch.zeros(len(chosen), 3), codes)
            wanted = pairs(batch) if pairs is not None else torch.ones_like(batch.binary[..., 0, 0], dtype=torch.bool)
            counts += _count(model, views, batch, wanted)
            errors += _errors(views, batch)
    f1 = 2 * counts[:, 0] / (2 * counts[:, 0] + counts[:, 1] + counts[:, 2]).clamp(min=1)
    present = (counts[:, 0] + counts[:, 2]) > 0
    detection, prediction = ({name: float(f1[t, k]) for k, name in enumerate(BINARY) if present[t, k]} for t in range(2))
    means = errors[:, 0] / errors[:, 1].clamp(min=1)
    motion = "predicted" if Capability.DISPLACEMENT in model.capabilities else "implied by relations"
    held = (counts[1, 0] + counts[1, 2]).tolist()
    often = tuple(name for name, count in zip(BINARY, held, strict=True) if 2 * count >= max(len(source), 1))
    return Quality(detection, prediction, float(means[0]), float(means[1]), len(source), motion, often)


def _count(model: SkillEffectModel, views: Views, batch: Batch, wanted: Tensor) -> Tensor:
    """(2, 3, 9): true positives, false positives and misses, for detection and for prediction."""
    mask = batch.mask.unsqueeze(1) & batch.mask.unsqueeze(2) & ~torch.eye(batch.mask.shape[1], dtype=torch.bool) & wanted
    sides = []
    for logits, truth in ((model.detect(views.now).binary, 0), (views.effect.relations.binary, 1)):
        true, said = batch.binary[..., truth, :][mask] > 0.5, logits[mask] > 0
        sides.append(torch.stack([(said & true).sum(0), (said & ~true).sum(0), (~said & true).sum(0)]))
    return torch.stack(sides).float()


def _errors(views: Views, batch: Batch) -> Tensor:
    """(2, 2): sum of displacement errors (m) and number of segments, for those that moved and those that did not."""
    error = (expected_motion(views.now, views.effect) - batch.shift).norm(dim=-1)
    moved = batch.shift.norm(dim=-1) > MOVED
    rows = [(error[batch.mask & which].sum(), (batch.mask & which).sum()) for which in (moved, ~moved)]
    return torch.tensor([[float(total), float(number)] for total, number in rows])
