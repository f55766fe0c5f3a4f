"""What planning knows of predicted drawers without a model: what they are, and how far out of their cabinets they stand.

Of a drawer the camera sees more as it opens, and that is behind its front: a box that is predicted to grow or shrink does so
there. Skills change neither what is a drawer nor what can be moved, and whether a drawer is open is said by where its front is
predicted to stand as well as by the model, which has seen few drawers with something in them (docs/decisions/0062).
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from fail2progress.core.objects import Shape, kind_of
from fail2progress.core.relations import DEFAULT, UNARY
from fail2progress.models.base import Effect, LatentState, RelationLogits, SkillEffectModel, expected_motion
from fail2progress.skills.samplers import Segments

_SUREST = 4.0
"""Log-odds from which the certainty of either counts no more."""
_SPREAD = 0.004
"""Metres by which the fronts of drawers and cabinets are uncertain."""
_MOVABLE, _DRAWER, _OPEN = (UNARY.index(relation) for relation in ("movable", "drawer", "open"))


def anchored(model: SkillEffectModel, before: LatentState, effect: Effect, segments: Segments) -> LatentState:
    """The state after a skill: fronts of B scenes' drawers are where the predicted motion takes them, whatever is seen then."""
    drawers = segments.drawers()
    if not drawers:
        return effect.state
    after, motion, box = effect.state, expected_motion(before, effect), effect.state.box.clone()
    for row in drawers:
        front = before.box[:, row, 0, 0] + motion[:, row, 0]
        box[:, row, :, 0] += (front - box[:, row, 0, 0]).unsqueeze(1)
    placed = model.embed(after.code, box, after.ids, after.mask)
    return replace(after, box=box, tokens=placed.tokens)


def with_drawers(relations: RelationLogits, state: LatentState, segments: Segments) -> RelationLogits:
    """The relations of B predicted scenes, corrected for their drawers."""
    drawers = segments.drawers()
    if not drawers:
        return relations
    unary = relations.unary.clone()
    for row in drawers:
        unary[:, row, _MOVABLE], unary[:, row, _DRAWER] = -_SUREST, _SUREST
        out = _pulled_out(state, row, segments)
        if out is not None:
            place = ((out - DEFAULT.drawer_open) / _SPREAD).clamp(-_SUREST, _SUREST)
            unary[:, row, _OPEN] = unary[:, row, _OPEN].clamp(-_SUREST, _SUREST) + place
    return RelationLogits(relations.binary, unary)


def _pulled_out(state: LatentState, row: int, segments: Segments) -> Tensor | None:
    """(B,) metres by which a drawer's front stands out of its cabinet's, towards the robot; None where either was not seen."""
    mask, centre = state.mask[0], state.box[0].mean(dim=1)
    kinds = [kind_of(category).shape for category in segments.categories]
    cabinets = [other for other, kind in enumerate(kinds) if kind is Shape.SHELF and bool(mask[other])]
    if not cabinets or not bool(mask[row]):
        return None
    cabinet = min(cabinets, key=lambda other: float((centre[other] - centre[row]).norm()))
    return state.box[:, cabinet, 0, 0] - state.box[:, row, 0, 0]
