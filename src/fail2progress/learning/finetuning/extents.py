"""Scenes in which things have other extents, and stand where they stood (docs/decisions/0111)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fail2progress.core.scene import Scene

_FACTOR = 2.0
"""By which an extent is longer or shorter, at most."""


def with_other_extents(scene: Scene, names: Sequence[str], rng: np.random.Generator) -> Scene:
    """A scene with the named things of other extents, each axis by itself, up to twice and down to half as long; their lowest
    points stay as high as they are, below middles that stay where they are as seen from above."""
    objects, poses = list(scene.objects), scene.poses.copy()
    for name in names:
        row = scene.index(name)
        new = np.array(objects[row].size) * _FACTOR ** rng.uniform(-1.0, 1.0, 3)
        objects[row] = replace(objects[row], size=(float(new[0]), float(new[1]), float(new[2])))
    made = Scene(tuple(objects), poses, dict(scene.openings))
    poses[:, 2] += scene.bounds()[:, 0, 2] - made.bounds()[:, 0, 2]
    return made.with_poses(poses)
