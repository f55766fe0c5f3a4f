"""The four losses of paper A.11.2 (detection, latent regularisation, position, prediction) and that of growing boxes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.models.base import Action, Effect, Falls, LatentState, RelationLogits, SkillEffectModel
from fail2progress.models.layers import pairs_of
from fail2progress.models.training.transitions import Batch, Transitions, encoded

_EDGE = 0.02
"""Metres over which it is doubtful whether a thing falls."""


@dataclass(frozen=True)
class LossWeights:
    """How the losses are added up. Displacements in metres.

    The paper's position loss b * sqrt(a * |error|) (a = 12, b = 5) makes "nothing moves" a strong attractor; `paper_position`
    selects it, the default is MSE plus L1 (docs/decisions/0001).
    """

    mse: float = 300.0
    l1: float = 20.0
    latent: float = 0.1
    detection: float = 1.0
    """0 where nothing that is adjusted has a part in detecting: it then is not computed."""
    growth: float = 10.0
    """Of the mean absolute error of the boxes' growth, of models that predict one."""
    falling: float = 0.3
    """Of whether things fall, of models that have learnt of falls."""
    paper_position: bool = False


@dataclass(frozen=True)
class Views:
    """Both sides of a batch as latent states, and the prediction between them."""

    now: LatentState
    later: LatentState
    effect: Effect


def view(
    model: SkillEffectModel, source: Transitions, batch: Batch, shift: Tensor, codes: Tensor | None, half: bool = False
) -> Views:
    """Encode a batch and predict. `shift` (B, 3) moves whole scenes (augmentation); `codes` (U, C) spares the encoding.

    half: whether the networks after the encoder multiply in bfloat16.
    """
    now, later = sides(model, source, batch, shift, codes, half)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        return Views(now, later, model.predict(now, action(batch)))


def sides(
    model: SkillEffectModel, source: Transitions, batch: Batch, shift: Tensor, codes: Tensor | None, half: bool
) -> tuple[LatentState, LatentState]:
    """Both sides of a batch; see `view`."""
    used, place = torch.unique(batch.cloud, return_inverse=True)
    code = encoded(model, source, used) if codes is None else codes[used]
    code, box = code[place], source.box[used][place] + shift[:, None, None, None]
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        now = model.embed(code[:, :, 0], box[:, :, 0], batch.ids, batch.mask)
        later = model.embed(code[:, :, 1], box[:, :, 1], batch.ids, batch.seen.all(dim=-1))
    return now, later


def action(batch: Batch) -> Action:
    """The skill calls of a batch."""
    return Action(batch.skill, batch.object, batch.parameters)


def losses(model: SkillEffectModel, views: Views, batch: Batch, weights: LossWeights) -> dict[str, Tensor]:
    """The losses by name, weighted; their sum is what is minimised. Of what a model does not predict there is none."""
    later = views.later.mask
    found = {"prediction": relation_loss(views.effect.relations, batch.unary[:, :, 1], batch.binary[..., 1, :], batch.mask)}
    if weights.detection:
        detection = relation_loss(detected(model, views), batch.unary[:, :, 0], batch.binary[..., 0, :], batch.mask)
        detection = detection + relation_loss(model.detect(views.later), batch.unary[:, :, 1], batch.binary[..., 1, :], later)
        found["detection"] = weights.detection * detection
    if views.effect.displacement is not None:
        found["position"] = position_loss(views.effect.displacement, batch.shift, batch.mask, weights)
    if views.effect.latent is not None:
        latent = ((views.later.tokens - views.effect.latent) ** 2).mean(dim=-1)
        found["latent"] = weights.latent * _mean(latent, later)
    if views.effect.growth is not None:
        found["growth"] = weights.growth * growth_loss(views, views.effect.growth)
    if views.effect.falls is not None:
        found["falling"] = weights.falling * falling_loss(views.effect.falls, batch.shift, batch.mask)
    return found


def detected(model: SkillEffectModel, views: Views) -> RelationLogits:
    """The relations before the skill, not computed twice where the prediction has them."""
    return views.effect.detected or model.detect(views.now)


def growth_loss(views: Views, growth: Tensor) -> Tensor:
    """Mean absolute error (m) of (B, N, 3) by how much the boxes of what was seen before and after have grown."""
    now, later = (side.box[:, :, 1] - side.box[:, :, 0] for side in (views.now, views.later))
    return _mean((growth - (later - now)).abs().mean(dim=-1), views.now.mask & views.later.mask)


def falling_loss(falls: Falls, shift: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of whether those fell that could, by their way to where things begin to fall and by their shift (B, N, 3), m.

    What is surely foreseen to fall and stays has a slope here, so that its edge comes back; in its motion it has none.
    """
    fell = (shift[..., 2] < falls.half).to(shift.dtype)
    off = functional.binary_cross_entropy_with_logits(falls.short / _EDGE, fell, reduction="none")
    return (off * (falls.open & mask)).sum() / mask.sum().clamp(min=1)


def relation_loss(logits: RelationLogits, unary: Tensor, binary: Tensor, mask: Tensor) -> Tensor:
    """Mean cross-entropy over the pairs and segments present, unary and binary relations alike."""
    rows = pairs_of(mask).flatten().nonzero().squeeze(1)
    said, true = (values.flatten(0, 2).index_select(0, rows) for values in (logits.binary, binary))
    both = functional.binary_cross_entropy_with_logits(said, true, reduction="sum") / max(said.numel(), 1)
    single = functional.binary_cross_entropy_with_logits(logits.unary, unary, reduction="none").mean(dim=-1)
    return both + 0.3 * _mean(single, mask)


def position_loss(predicted: Tensor, true: Tensor, mask: Tensor, weights: LossWeights) -> Tensor:
    """L_pos over the segments present; (B, N, 3) metres."""
    error = predicted - true
    if weights.paper_position:
        return 5.0 * torch.sqrt(12.0 * _mean(error.abs().mean(dim=-1), mask))
    clipped = error.clamp(-0.5, 0.5)  # what falls to the floor shall not outweigh everything else
    return weights.mse * _mean((clipped**2).mean(dim=-1), mask) + weights.l1 * _mean(error.abs().mean(dim=-1), mask)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)
