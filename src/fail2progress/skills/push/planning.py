"""Pushes that a planner tries: all around, most of them towards what the step aims at."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fail2progress.skills.samplers import Boxes, PlannerSampler, Segments, Step

_LONGEST = 0.4
_BESIDE = 0.01
"""Metres by which the gripper is wider than what it pushes, at least."""


def push_parameters(scene: Boxes, step: Step, unit: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
    """(B, 2) numbers in [0, 1] to (B, 2) direction (rad) and distance (m), and (B,) whether that leads where it must not.

    Directions are dense about the bearing of the target. Off the table and into fixed things must not be pushed.
    """
    mine = scene.box[:, step.object]
    about = torch.zeros(len(unit))
    if step.target is not None:
        away = (scene.box[:, step.target] - mine).mean(dim=1)
        about = torch.atan2(away[:, 1], away[:, 0])
    direction = about + math.pi * (2 * unit[:, 0] - 1) ** 3
    direction = torch.remainder(direction + math.pi, 2 * math.pi) - math.pi
    distance = _LONGEST * unit[:, 1]
    shift = torch.stack([distance * direction.cos(), distance * direction.sin()], dim=1)
    blocked = _leaves(scene, mine, shift, segments) | _meets_fixed(scene, step.object, shift, segments)
    return torch.stack([direction, distance], dim=1), blocked


SAMPLER = PlannerSampler(2, push_parameters)


def _leaves(scene: Boxes, mine: Tensor, shift: Tensor, segments: Segments) -> Tensor:
    """(B,) whether the middle of the object would no longer be over the surface that it is over now."""
    surfaces = segments.surfaces() & scene.mask
    now, then = mine[:, :, :2].mean(dim=1), mine[:, :, :2].mean(dim=1) + shift
    low, high = scene.box[:, :, 0, :2], scene.box[:, :, 1, :2]
    over = ((low < now.unsqueeze(1)) & (high > now.unsqueeze(1))).all(dim=2) & surfaces
    stays = ((low < then.unsqueeze(1)) & (high > then.unsqueeze(1))).all(dim=2)
    return over.any(dim=1) & ~(over & stays).any(dim=1)


def _meets_fixed(scene: Boxes, row: int, shift: Tensor, segments: Segments) -> Tensor:
    """(B,) whether something that cannot be pushed stands where the object would go."""
    fixed = torch.tensor([not (segments.is_movable(i) or segments.is_surface(i)) for i in range(len(segments.names))])
    mine = scene.box[:, row]
    low = torch.minimum(mine[:, 0, :2], mine[:, 0, :2] + shift) - _BESIDE
    high = torch.maximum(mine[:, 1, :2], mine[:, 1, :2] + shift) + _BESIDE
    meets = ((scene.box[:, :, 0, :2] < high.unsqueeze(1)) & (scene.box[:, :, 1, :2] > low.unsqueeze(1))).all(dim=2)
    level = (scene.box[:, :, 0, 2] < mine[:, None, 1, 2]) & (scene.box[:, :, 1, 2] > mine[:, None, 0, 2] + 0.005)
    return (meets & level & fixed & scene.mask).any(dim=1)
