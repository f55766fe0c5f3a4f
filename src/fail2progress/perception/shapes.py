"""Boxes around what is seen, and which shape prior it looks like (paper A.12)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.objects import Shape
from fail2progress.core.quantiles import quantile
from fail2progress.core.scene import Array, pose
from fail2progress.perception.footprints import FootprintRules, footprint

CATEGORY = {Shape.CUBOID: "cuboid", Shape.CYLINDER: "capsule", Shape.OPEN_BOX: "open_box", Shape.TABLE: "table"}
"""What a segment is called that only its shape is known of."""


@dataclass(frozen=True)
class Solid:
    """An upright box: pose (7,) of its middle, size (3,) m, and its shape prior."""

    pose: Array
    size: Array
    shape: Shape


def solid(points: Array, normals: NDArray[np.floating], eye: Array, bottom: float, hollow: bool) -> Solid:
    """The box around (n, 3) points with unit normals (n, 3), seen from (3,), which reaches down to a height (m) where it stands;
    n >= 1."""
    top = quantile(points[:, 2], 0.995)
    bottom = min(bottom, float(points[:, 2].min()))
    found = footprint(points, normals, eye, hollow, FootprintRules())
    shape = Shape.OPEN_BOX if hollow else Shape.CYLINDER if found.round else Shape.CUBOID
    height = max(top - bottom, 1e-3)
    at = pose(found.middle[0], found.middle[1], bottom + height / 2, found.yaw)
    return Solid(at, np.array([*np.maximum(found.size, 1e-3), height]), shape)


def local(points: Array, at: Array, size: Array) -> Array:
    """(n, 3) places of points (n, 3) in an upright box with a pose (7,) and full extents (3,): from -1 to 1 along its axes."""
    c, s = 1 - 2 * float(at[6]) ** 2, 2 * float(at[3] * at[6])
    turned = (np.asarray(points, float) - at[:3]) @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(turned / (np.maximum(size, 1e-6) / 2))
