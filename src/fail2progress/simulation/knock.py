"""Somebody knocks an object some hands' breadths aside, whoever carries out the skill."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array, Scene


def knocked(scene: Scene, name: str, rng: np.random.Generator) -> tuple[str, Array] | None:
    """The object that is knocked, another one where it cannot be moved, and its velocity (2,) in m/s. None where none can."""
    movable = [spec.name for spec in scene.objects if spec.movable]
    if not movable:
        return None
    chosen = name if name in movable else movable[int(rng.choice(len(movable)))]
    angle = rng.uniform(0.0, 2 * np.pi)
    return chosen, rng.uniform(1.5, 2.5) * np.array([np.cos(angle), np.sin(angle)])
