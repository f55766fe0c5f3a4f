"""Which relations of a failure the detector only imagined: no settled scene shows them (docs/decisions/0026)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.relations import Mask, RelationState
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Simulator

_COPIES = 40
"""Blocks of a row that are pushed together touch in a sixth of the copies only, since nothing presses them together before: six
copies showed none in every third row, whose blocks were then drawn apart (docs/decisions/0086)."""
_SHIFT = 0.002
"""Metres (standard deviation) by which things are shifted in all copies but the first: contact hangs on a millimetre."""


def doubted(relations: RelationState, scene: Scene, simulator: Simulator, seed: int) -> Mask:
    """(N, N, 9) relations that are believed to hold, and that hold in no settled copy of the rebuilt `scene`.

    Of what the scene leaves out nothing is doubted.
    """
    rng = np.random.default_rng(seed)
    free = np.array([spec.movable and not spec.is_drawer for spec in scene.objects])
    shown = np.zeros(np.shape(relations.binary), bool)
    for number in range(_COPIES):
        poses = scene.poses.copy()
        poses[free, :2] += _SHIFT * (number > 0) * rng.standard_normal((int(free.sum()), 2))
        settled = simulator.settle(scene.with_poses(poses), Camera(), seed)
        shown |= np.asarray(settled.relations.of(relations.names).binary, float) > 0.5
    known = np.array([name in scene.names for name in relations.names])
    both = known[:, None] & known[None]
    return np.asarray((np.asarray(relations.binary, float) > 0.5) & ~shown & both[..., None], dtype=bool)


def without(relations: RelationState, unsure: Mask) -> RelationState:
    """The relations with those that are doubted left out."""
    return replace(relations, binary=np.where(unsure, 0.0, np.asarray(relations.binary, float)))
