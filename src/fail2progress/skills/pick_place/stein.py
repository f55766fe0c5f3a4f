"""Action particles of pick-and-place: a place (x, y) on the tables."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import SkillDefinition
from fail2progress.skills.placement import RELEASE, release_height
from fail2progress.skills.samplers import Around, Bounds, SteinSampler, Tables

_APART = 0.015
"""Metres that a placement keeps from other things."""
_OVERLAP = 2000.0
"""Nats per square metre that sticking out of the table or into something costs."""


def _bounds(definition: SkillDefinition, tables: Tables) -> Bounds:
    return Bounds(tables.low.tolist(), tables.high.tolist(), [False, False])


def _parameters(particles: Tensor, around: Around) -> Tensor:
    half, middle = _footprint(around)
    rise = around.tables.height(particles, half) - around.tables.height(middle, half) + RELEASE
    return torch.cat([particles - middle, rise.unsqueeze(1), torch.zeros(len(particles), 1)], dim=1)


def _footprint(around: Around) -> tuple[Tensor, Tensor]:
    """(M, 2) half extents and middle of the object."""
    mine = around.box[:, around.object]
    return (mine[:, 1] - mine[:, 0])[:, :2] / 2, mine.mean(dim=1)[:, :2]


def _log_prior(particles: Tensor, around: Around) -> Tensor:
    """Uniform over placements on a table where nothing else stands."""
    half, _ = _footprint(around)
    off = around.tables.off_table(particles, half)
    total = torch.zeros(len(particles))
    for row in around.obstacles:
        other = around.box[:, row, :, :2]
        over = torch.minimum(particles + half, other[:, 1]) - torch.maximum(particles - half, other[:, 0])
        total = total + functional.relu(over + _APART).amin(dim=1) ** 2
    return -_OVERLAP * (off + total)


def _in_scene(scene: Scene, call: SkillCall, values: Array) -> Array:
    """Let go just above what lies below then."""
    index = scene.index(call.object)
    values = values.copy()
    low = scene.bounds()[index, 0, 2]
    values[2] = release_height(scene, index, scene.poses[index, :2] + values[:2]) + RELEASE - low
    return values


SAMPLER = SteinSampler(_bounds, _parameters, _log_prior, _in_scene, places=True)
