"""What planning to open and to close a drawer have in common."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fail2progress.skills.samplers import Boxes, PlannerSampler, Segments, Step

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
