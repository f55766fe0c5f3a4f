"""A compiled scene, and rays cast in it by MuJoCo."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array

_FAR = 10.0
"""Metres beyond which a hit does not count."""


@dataclass(frozen=True)
class Bodies:
    """A compiled scene: the model, its state, and which object every geom belongs to (-1: none)."""

    model: mujoco.MjModel
    data: mujoco.MjData
    owner: NDArray[np.int64]

    def cast(self, eye: Array, directions: Array) -> tuple[NDArray[np.int64], Array]:
        """See looking.Cast; one call for all rays."""
        n = len(directions)
        geoms, distances = np.empty(n, np.int32), np.empty(n)
        mujoco.mj_multiRay(self.model, self.data, eye, directions.ravel(), None, True, -1, geoms, distances, None, n, _FAR)
        return self.owner[geoms], distances  # the last owner, of what no geom is hit by, is -1
