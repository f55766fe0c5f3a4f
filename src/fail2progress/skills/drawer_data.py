"""What opening and closing a drawer have in common in data for pre-training."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.samplers import DataSampler


def data_sampler(skill: str, about: float) -> DataSampler:
    """Pulls or pushes in about a direction (rad), some too short and some too far."""

    def draw(rng: np.random.Generator, scene: Scene, name: str) -> SkillCall:
        direction = (about + rng.normal(0.0, 0.25) + np.pi) % (2 * np.pi) - np.pi
        return SkillCall(skill, name, (direction, rng.uniform(0.02, 0.18)))

    return DataSampler(0.5, draw)
