"""Samplers that opening and closing a drawer have in common."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.samplers import Boxes, DataSampler, PlannerSampler, Segments, Step

_ASLANT = 0.3
"""Radians that a planned pull or push is off its direction at most: the hand need not follow the rails exactly."""


def planner_sampler(about: float, distances: tuple[float, float]) -> PlannerSampler:
    """One number for the direction, about `about` (rad), and one for the distance within a range (m)."""

    def parameters(scene: Boxes, step: Step, unit: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
        direction = about + _ASLANT * (2 * unit[:, 0] - 1)
        direction = torch.remainder(direction + np.pi, 2 * np.pi) - np.pi
        distance = distances[0] + (distances[1] - distances[0]) * unit[:, 1]
        return torch.stack([direction, distance], dim=1), torch.zeros(len(unit), dtype=torch.bool)

    return PlannerSampler(2, parameters)


def data_sampler(skill: str, about: float) -> DataSampler:
    """Pulls or pushes in about a direction (rad), some too short and some too far."""

    def draw(rng: np.random.Generator, scene: Scene, name: str) -> SkillCall:
        direction = (about + rng.normal(0.0, 0.25) + np.pi) % (2 * np.pi) - np.pi
        return SkillCall(skill, name, (direction, rng.uniform(0.02, 0.18)))

    return DataSampler(0.5, draw)
