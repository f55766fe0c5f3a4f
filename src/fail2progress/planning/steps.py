"""Steps of a plan skeleton and the continuous parameters that are searched for each.

A step puts an object into a container or onto a surface. Its free parameters are two numbers in [0, 1], a place within the
target as it is predicted to lie then; the height of release follows from what lies below.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.objects import CATEGORIES
from fail2progress.core.relations import BINARY
from fail2progress.models.base import Action, LatentState, RelationLogits
from fail2progress.models.prediction import SKILL_NAMES

RELEASE = 0.012
"""Metres above what lies below at which an object is let go."""
_EDGE = 0.015
"""Metres that a placement keeps from the edge of a table."""
_APART = 0.012
"""Metres that a placement keeps from other things."""
_CONTACT = 0.03
"""Metres within which the lowest visible point of an object is taken to stand on the surface below it."""


@dataclass(frozen=True)
class Step:
    """One skill of a skeleton: an object (row) and where it shall go (row)."""

    object: int
    target: int
    skill: str = "pick_place"


@dataclass(frozen=True)
class Segments:
    """What planning knows of the segments besides their latent state."""

    names: tuple[str, ...]
    categories: tuple[str, ...]

    def is_container(self, row: int) -> bool:
        """Whether things can be put inside."""
        return CATEGORIES[self.categories[row]].container

    def surfaces(self) -> Tensor:
        """(N,) which segments are tables."""
        return torch.tensor([name == "table" for name in self.categories])


def atom_rows(atom: Atom, names: tuple[str, ...]) -> tuple[int, int, int, bool]:
    """Subject, other, relation and wanted value as numbers; ValueError for an object that was not seen."""
    for name in (atom.subject, atom.other):
        if name not in names:
            raise ValueError(f"the goal names {name!r}, which was not seen; seen: {', '.join(names)}")
    return names.index(atom.subject), names.index(atom.other), BINARY.index(atom.relation), atom.holds


def atom_log_probabilities(relations: RelationLogits, goal: Goal, names: tuple[str, ...]) -> Tensor:
    """(B, atoms) ln P of every atom of a goal; their sum is ln P(G)."""
    rows = [atom_rows(atom, names) for atom in goal.atoms]
    logits = torch.stack([relations.binary[:, i, j, k] * (1.0 if holds else -1.0) for i, j, k, holds in rows], dim=1)
    return torch.nn.functional.logsigmoid(logits)


def place_parameters(state: LatentState, step: Step, unit: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
    """(B, 2) numbers in [0, 1] to (B, 4) parameters of pick_place, and (B,) whether the placement collides.

    `state` holds B scenes. The object's lowest point is where it stands, also when its foot is hidden.
    """
    box = state.box
    mine, target = box[:, step.object], box[:, step.target]
    half = (mine[:, 1] - mine[:, 0]) / 2
    low, high = _region(target, half, segments.is_container(step.target))
    place = low + unit * (high - low)
    top = _top_below(box, state.mask, step, place, half)
    foot = _foot(box, segments.surfaces(), mine)
    shift = torch.cat([place - mine[:, :, :2].mean(dim=1), (top + RELEASE - foot).unsqueeze(1)], dim=1)
    parameters = torch.cat([shift, torch.zeros(len(unit), 1)], dim=1)
    return parameters, _collides(state, step, mine + shift.unsqueeze(1), mine)


def action(step: Step, parameters: Tensor) -> Action:
    """One step with its parameters for B scenes."""
    count = len(parameters)
    skill = torch.full((count,), SKILL_NAMES.index(step.skill))
    return Action(skill, torch.full((count,), step.object), parameters)


def _region(target: Tensor, half: Tensor, container: bool) -> tuple[Tensor, Tensor]:
    """(B, 2) corners of where an object's centre may go in x and y."""
    inset = half[:, :2] + (0.006 if container else _EDGE)
    low, high = target[:, 0, :2] + inset, target[:, 1, :2] - inset
    middle = target[:, :, :2].mean(dim=1)
    return torch.minimum(low, middle), torch.maximum(high, middle)


def _top_below(box: Tensor, mask: Tensor, step: Step, place: Tensor, half: Tensor) -> Tensor:
    """(B,) height in metres of the highest thing below an object's footprint; at least the target's own top."""
    low, high = place - half[:, :2], place + half[:, :2]
    under = ((box[:, :, 0, :2] < high.unsqueeze(1)) & (box[:, :, 1, :2] > low.unsqueeze(1))).all(dim=2) & mask
    under &= ~_within(box, box[:, step.object])
    under[:, step.object] = False
    under[:, step.target] = True
    return torch.where(under, box[:, :, 1, 2], -torch.inf).amax(dim=1)


def _within(box: Tensor, outer: Tensor) -> Tensor:
    """(B, N) whose centre lies in a box (B, 2, 3), seen from above: what an object carries does not lie in its way."""
    centre = box.mean(dim=2)
    inside = (centre[..., :2] > outer[:, None, 0, :2]) & (centre[..., :2] < outer[:, None, 1, :2])
    return inside.all(dim=2) & (centre[..., 2] > outer[:, None, 0, 2]) & (centre[..., 2] < outer[:, None, 1, 2] + 0.02)


def _foot(box: Tensor, surfaces: Tensor, mine: Tensor) -> Tensor:
    """(B,) height in metres of the lowest point of an object: a surface just below it is what it stands on."""
    centre = mine[:, :, :2].mean(dim=1).unsqueeze(1)
    over = ((box[:, :, 0, :2] < centre) & (box[:, :, 1, :2] > centre)).all(dim=2) & surfaces
    gap = mine[:, 0, 2].unsqueeze(1) - box[:, :, 1, 2]
    standing = over & (gap < _CONTACT) & (gap > -_CONTACT)
    return mine[:, 0, 2] - torch.where(standing, gap, 0.0).sum(dim=1)


def _collides(state: LatentState, step: Step, placed: Tensor, mine: Tensor) -> Tensor:
    """(B,) whether a placed object would stand on or too near to something else than its target."""
    box = state.box
    apart = (placed[:, None, 0, :2] - _APART > box[:, :, 1, :2]) | (placed[:, None, 1, :2] + _APART < box[:, :, 0, :2])
    level = (placed[:, None, 0, 2] - 0.02 < box[:, :, 1, 2]) & (placed[:, None, 1, 2] > box[:, :, 0, 2] + 0.01)
    hit = ~apart.any(dim=2) & level & state.mask & ~_within(box, mine) & ~_within(box, box[:, step.target])
    hit[:, step.object] = False
    hit[:, step.target] = False
    return hit.any(dim=1)
