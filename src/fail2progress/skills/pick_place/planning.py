"""Where the planner puts things: two numbers in [0, 1], a place within the target as it is predicted to lie then.

The height of release follows from what lies below.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fail2progress.core.contents import ABOVE
from fail2progress.skills.limits import STRETCH_RE2
from fail2progress.skills.placement import RELEASE
from fail2progress.skills.samplers import Boxes, PlannerSampler, Segments, Step

_EDGE = 0.015
"""Metres that a placement keeps from the edge of a table."""
_APART = 0.012
"""Metres that a placement keeps from other things."""
_CONTACT = 0.03
"""Metres within which the lowest visible point of an object is taken to stand on the surface below it."""
_NEAREST, _FARTHEST = torch.tensor(STRETCH_RE2.low), torch.tensor(STRETCH_RE2.high)


def place_parameters(scene: Boxes, step: Step, unit: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
    """(B, 2) numbers in [0, 1] to (B, 4) parameters, and (B,) whether the placement collides or is out of reach.

    `scene` holds B scenes. The object's lowest point is where it stands, also when its foot is hidden.
    """
    if step.target is None:
        raise ValueError("a placement needs a target")
    box = scene.box
    mine, target = box[:, step.object], box[:, step.target]
    half = (mine[:, 1] - mine[:, 0]) / 2
    low, high = _region(target, half, segments.is_container(step.target))
    place = low + unit * (high - low)
    carries = _carries(scene, segments)
    carried = _along(carries, step.object)
    top = _top_below(box, scene.mask & ~carried, step.target, place, half)
    foot = _foot(box, segments.surfaces(), mine)
    shift = torch.cat([place - mine[:, :, :2].mean(dim=1), (top + RELEASE - foot).unsqueeze(1)], dim=1)
    parameters = torch.cat([shift, torch.zeros(len(unit), 1)], dim=1)
    placed = mine + shift.unsqueeze(1)
    contents = _along(carries, step.target)
    return parameters, _collides(box, scene.mask & ~carried, step.target, placed, contents) | _out_of_reach(placed)


def possible(scene: Boxes, step: Step, segments: Segments) -> bool:
    """Whether an object may fit between the fingers, and some place on its target is within reach.

    A box around its points is up to sqrt(2) wider than a turned object.
    """
    wide = scene.box[0, step.object, 1, :2] - scene.box[0, step.object, 0, :2]
    if wide.min() > math.sqrt(2) * STRETCH_RE2.gripper_opening or step.target is None:
        return False
    mine, target = scene.box[:, step.object], scene.box[:, step.target]
    half = (mine[:, 1] - mine[:, 0]) / 2
    low, high = _region(target, half, segments.is_container(step.target))
    height = (target[:, 1, 2] + RELEASE + mine[:, :, 2].mean(dim=1) - _foot(scene.box, segments.surfaces(), mine)).unsqueeze(1)
    return not bool(_out_of_reach(torch.stack([torch.cat([low, height], dim=1), torch.cat([high, height], dim=1)], dim=1)).any())


SAMPLER = PlannerSampler(2, place_parameters, possible)


def _region(target: Tensor, half: Tensor, container: bool) -> tuple[Tensor, Tensor]:
    """(B, 2) corners of where an object's centre may go in x and y: of that part of it that is within reach, if there is one."""
    inset = half[:, :2] + (0.006 if container else _EDGE)
    low, high = target[:, 0, :2] + inset, target[:, 1, :2] - inset
    middle = target[:, :, :2].mean(dim=1)
    low, high = torch.minimum(low, middle), torch.maximum(high, middle)
    begin, end = torch.maximum(low, _NEAREST[:2]), torch.minimum(high, _FARTHEST[:2])
    return torch.where(begin <= end, begin, low), torch.where(begin <= end, end, high)


def _out_of_reach(placed: Tensor) -> Tensor:
    """(B,) whether the middle of boxes (B, 2, 3) is where the robot cannot put anything."""
    place = placed.mean(dim=1)
    return ((place < _NEAREST) | (place > _FARTHEST)).any(dim=1)


def _top_below(box: Tensor, there: Tensor, target: int, place: Tensor, half: Tensor) -> Tensor:
    """(B,) height in metres of the highest of the things `there` (B, N) below a footprint; at least the target's own top."""
    low, high = place - half[:, :2], place + half[:, :2]
    under = ((box[:, :, 0, :2] < high.unsqueeze(1)) & (box[:, :, 1, :2] > low.unsqueeze(1))).all(dim=2) & there
    under[:, target] = True
    return torch.where(under, box[:, :, 1, 2], -torch.inf).amax(dim=1)


def _carries(scene: Boxes, segments: Segments) -> Tensor:
    """(B, N, N) whether the first carries the second: `core.contents` for things of which no more is known than their boxes."""
    low, high = scene.box[:, :, 0], scene.box[:, :, 1]
    middle = (low + high) / 2
    inside = ((middle.unsqueeze(1) > low.unsqueeze(2)) & (middle.unsqueeze(1) < high.unsqueeze(2)))[..., :2].all(dim=3)
    hollow = torch.tensor([segments.is_container(row) for row in range(low.shape[1])])
    begin, height = low[..., 2], middle[..., 2]
    in_hollow = torch.where(hollow, begin, height).unsqueeze(1) > begin.unsqueeze(2)
    above = torch.where(hollow.unsqueeze(1), in_hollow, begin.unsqueeze(1) > height.unsqueeze(2))
    return inside & above & (begin.unsqueeze(1) <= high[..., 2].unsqueeze(2) + ABOVE) & scene.mask.unsqueeze(1)


def _along(carries: Tensor, index: int) -> Tensor:
    """(B, N) a thing, what it carries (B, N, N), and what that carries in turn."""
    along = torch.zeros(carries.shape[:2], dtype=torch.bool)
    along[:, index] = True
    while bool((more := (carries & along.unsqueeze(2)).any(dim=1) & ~along).any()):
        along = along | more
    return along


def _foot(box: Tensor, surfaces: Tensor, mine: Tensor) -> Tensor:
    """(B,) height in metres of the lowest point of an object: a surface just below it is what it stands on."""
    centre = mine[:, :, :2].mean(dim=1).unsqueeze(1)
    over = ((box[:, :, 0, :2] < centre) & (box[:, :, 1, :2] > centre)).all(dim=2) & surfaces
    gap = mine[:, 0, 2].unsqueeze(1) - box[:, :, 1, 2]
    standing = over & (gap < _CONTACT) & (gap > -_CONTACT)
    return mine[:, 0, 2] - torch.where(standing, gap, 0.0).sum(dim=1)


def _collides(box: Tensor, there: Tensor, target: int, placed: Tensor, contents: Tensor) -> Tensor:
    """(B,) whether a placed object would stand on or too near to something else `there` (B, N) than its target.

    What lies in the target is in the way: what is put on it may stick out. Where there is no room beside it, places are alike.
    """
    apart = (placed[:, None, 0, :2] - _APART > box[:, :, 1, :2]) | (placed[:, None, 1, :2] + _APART < box[:, :, 0, :2])
    level = (placed[:, None, 0, 2] - 0.02 < box[:, :, 1, 2]) & (placed[:, None, 1, 2] > box[:, :, 0, 2] + 0.01)
    hit = ~apart.any(dim=2) & (level | contents) & there
    hit[:, target] = False
    return hit.any(dim=1)
