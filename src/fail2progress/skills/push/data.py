"""Pushes in the pre-training distribution: of single objects, never of two at once."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.push.definition import SKILL
from fail2progress.skills.push.geometry import push_start
from fail2progress.skills.samplers import DataSampler


def random_push(rng: np.random.Generator, scene: Scene, name: str) -> SkillCall | None:
    """A push along which nothing else stands: within the corridor of the gripper and the object."""
    call = SkillCall(SKILL.name, name, (rng.uniform(-np.pi, np.pi), rng.uniform(0.03, 0.25)))
    start, yaw = push_start(scene, call)
    bounds = scene.bounds()
    low, high = bounds[:, 0], bounds[:, 1]
    corners = np.stack([np.where(mask, high[:, :2], low[:, :2]) for mask in ((0, 0), (0, 1), (1, 0), (1, 1))], axis=1)
    forward, side = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    along, across = (corners - start[:2]) @ forward, (corners - start[:2]) @ side
    index = scene.index(name)
    width = max(0.07, np.abs(across[index]).max()) + 0.02
    length = along[index].max() + call.parameters[1] + 0.04
    touches = (along.max(1) > -0.05) & (along.min(1) < length) & (across.max(1) > -width) & (across.min(1) < width)
    same_level = (low[:, 2] < high[index, 2] + 0.01) & (high[:, 2] > low[index, 2] + 0.003)
    hit = touches & same_level
    hit[index] = False
    return None if hit.any() or _inside_any(scene, index) else call


SAMPLER = DataSampler(0.12, random_push)


def _inside_any(scene: Scene, index: int) -> bool:
    bounds = scene.bounds()
    inside = (bounds[index, 0] >= bounds[:, 0]).all(axis=1) & (bounds[index, 1] <= bounds[:, 1]).all(axis=1)
    inside[index] = False
    return bool(inside.any())
