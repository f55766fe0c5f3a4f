"""Executions of a failure's kind that were held back, and how well a model predicts what of them is not chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.camera import Camera
from fail2progress.core.relations import BINARY
from fail2progress.failures.surprise import CLOSE
from fail2progress.learning.finetuning.chance import MOVED, bounced, certain, shifted, spread
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.base import SkillEffectModel, expected_motion
from fail2progress.models.training.losses import Views, view
from fail2progress.models.training.transitions import Batch, Transitions
from fail2progress.simulation.base import Disturbances, Job, Outcome, Simulator

_CHUNK = 100


@dataclass(frozen=True)
class HeldBack:
    """E executions of at most N segments; what is certain of relations and of motion."""

    executions: Transitions
    relations: Tensor
    """(E, N, N, 9) that are no chance."""
    luck: Tensor
    """(E, N, 3) metres by which things end elsewhere by chance, each axis by itself: so far no motion is asked for."""
    calm: float
    """Share of the executions in which all motion is certain."""


@dataclass(frozen=True)
class KindScores:
    """Of what is certain: F1 over all relations of what moved, and the lowest of one kind that holds often; median error in
    metres of what moved; the error of all that moved below which nine of ten are; the same of what stayed where it was; and that
    of all that moved as far as it is more than chance."""

    f1: float
    worst: float
    error: float
    far: float
    still: float
    beyond: float
    grain: float
    """F1 of a single relation."""


def plain(executions: Transitions) -> HeldBack:
    """Executions of which nothing is known to be chance."""
    size = int(executions.count.max())
    relations = torch.ones(len(executions), size, size, len(BINARY), dtype=torch.bool)
    return HeldBack(executions, relations, torch.zeros(len(executions), size, 3), 1.0)


def held_back(outcomes: Sequence[Outcome], worlds: Sequence[Disturbances], simulator: Simulator, seed: int) -> HeldBack:
    """Executions, each repeated in its world with starts shifted to opposite sides, and where things bounce, so that chance is
    told from rule."""
    done, pairs = shifted(outcomes, worlds, simulator, seed), zip(outcomes, worlds, strict=True)
    aside = bounced([Job(o.before.scene, o.call, Camera(), seed=seed, disturbances=w) for o, w in pairs], simulator)
    found = plain(from_outcomes(outcomes))
    calm = []
    for row, outcome in enumerate(outcomes):
        again = [other for other in (*done[row], aside[row]) if other is not None and other.stable]
        luck, count = spread(outcome, again), len(outcome.displacements)
        found.relations[row, :count, :count] = torch.from_numpy(certain(outcome, again))
        found.luck[row, :count] = torch.from_numpy(luck)
        calm.append(bool((np.linalg.norm(luck, axis=1) < CLOSE).all()))
    return HeldBack(found.executions, found.relations, found.luck, float(np.mean(calm)))


@torch.no_grad()
def measured(model: SkillEffectModel, held: HeldBack, codes: Tensor | None = None) -> KindScores:
    """How well a model predicts them. `codes`: the shape codes of their clouds, where they are at hand."""
    counts, errors, stayed = torch.zeros(3, len(BINARY)), list[Tensor](), list[Tensor]()
    generator, source = torch.Generator().manual_seed(0), held.executions
    model.eval()
    for chosen in torch.arange(len(source)).split(_CHUNK):
        batch = source.batch(chosen, generator)
        views = view(model, source, batch, torch.zeros(len(chosen), 3), codes)
        size = batch.mask.shape[1]
        counts += _counts(views, batch, held.relations[chosen, :size, :size])
        moved = batch.mask & (batch.shift.norm(dim=-1) > MOVED)
        wrong, luck = (expected_motion(views.now, views.effect) - batch.shift).abs(), held.luck[chosen, :size]
        quiet = luck.norm(dim=-1) < CLOSE
        off, beyond = wrong.norm(dim=-1), (wrong - luck).clamp(min=0.0).norm(dim=-1)
        errors.append(torch.stack([off, beyond, quiet.float()])[:, moved])
        stayed.append(off[batch.mask & ~moved & quiet])
    off, beyond, quiet = torch.cat(errors, dim=1)
    hold = counts[0] + counts[2]
    often = [k for k in range(len(BINARY)) if 2 * hold[k] >= max(len(source), 1)]
    worst = min((_f1(counts[:, k]) for k in often), default=1.0)
    error = _quantile(off[quiet > 0] if bool((quiet > 0).any()) else off, 0.5)
    far, more, still = _quantile(off, 0.9), _quantile(beyond, 0.9), _quantile(torch.cat(stayed), 0.9)
    return KindScores(_f1(counts.sum(dim=1)), worst, error, far, still, more, 0.5 / max(float(hold.sum()), 1.0))


def _counts(views: Views, batch: Batch, known: Tensor) -> Tensor:
    """(3, 9): true positives, false positives and misses, over pairs with something that moved."""
    moved = batch.mask & (batch.shift.norm(dim=-1) > MOVED)
    apart = ~torch.eye(batch.mask.shape[1], dtype=torch.bool)
    pairs = (moved.unsqueeze(1) | moved.unsqueeze(2)) & batch.mask.unsqueeze(1) & batch.mask.unsqueeze(2) & apart
    asked = pairs.unsqueeze(-1) & known
    said, true = views.effect.relations.binary > 0, batch.binary[..., 1, :] > 0.5
    return torch.stack([(one & asked).sum(dim=(0, 1, 2)) for one in (said & true, said & ~true, ~said & true)]).float()


def _f1(counts: Tensor) -> float:
    """From true positives, false positives and misses; 1 where nothing was there and nothing was said."""
    hit, wrong, missed = counts.tolist()
    return 2 * hit / (2 * hit + wrong + missed) if hit + wrong + missed else 1.0


def _quantile(values: Tensor, share: float) -> float:
    return float(values.quantile(share)) if len(values) else 0.0
