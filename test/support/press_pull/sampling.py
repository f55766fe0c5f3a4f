"""Where its parameters come from, in plans and in data."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.samplers import Boxes, DataSampler, PlannerSampler, Segments, Step
from support.press_pull.definition import SKILL

_LONGEST = 0.3


def _parameters(scene: Boxes, step: Step, unit: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
    """All around, up to the longest; what leads off the table is marked."""
    direction, distance = 2 * math.pi * unit[:, 0] - math.pi, _LONGEST * unit[:, 1]
    shift = torch.stack([distance * direction.cos(), distance * direction.sin()], dim=1)
    then = scene.box[:, step.object, :, :2].mean(dim=1) + shift
    tables = scene.box[:, segments.surfaces()]
    over = ((tables[:, :, 0, :2] < then.unsqueeze(1)) & (tables[:, :, 1, :2] > then.unsqueeze(1))).all(dim=2).any(dim=1)
    return torch.stack([direction, distance], dim=1), ~over


def _draw(rng: np.random.Generator, scene: Scene, name: str) -> SkillCall:
    return SkillCall(SKILL.name, name, (float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(0.05, 0.2))))


PLANNER = PlannerSampler(2, _parameters)
DATA = DataSampler(0.2, _draw)
