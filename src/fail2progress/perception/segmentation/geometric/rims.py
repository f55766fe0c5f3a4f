"""The rim of something open, seen from above: where it goes round, and where rays of sight cross its plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.region_adjacency import Table
from fail2progress.perception.segmentation.geometric.regions import Numbers

DIRECTIONS = 24
"""Around the middle of a rim, in which it is looked for."""


def directions(offsets: NDArray[np.floating]) -> Numbers:
    """(n,) which of the DIRECTIONS points (n, 2) are in, seen from the origin."""
    return np.asarray(((np.arctan2(offsets[:, 1], offsets[:, 0]) / (2 * np.pi) + 0.5) * DIRECTIONS).astype(np.int64) % DIRECTIONS)


def reaches(offsets: Array) -> Array:
    """(24,) distance (m) from the origin of points (n, 2) in each direction, to which nine in ten of them reach; 0 of none."""
    radius, ways = np.hypot(offsets[:, 0], offsets[:, 1]), directions(offsets)
    order = np.argsort(radius)
    order = order[np.argsort(ways[order].astype(np.int8), kind="stable")]
    counts = np.bincount(ways, minlength=DIRECTIONS)
    last = np.cumsum(counts) - 1
    return np.asarray(np.where(counts > 0, radius[order][np.maximum(last - counts // 10, 0)], 0.0))


def around_middle(offsets: Array) -> tuple[float, float]:
    """Median distance (m) of points (n, 2) from the origin over all directions, and the share of directions that have some."""
    reach = reaches(offsets)
    middle = float(np.median(reach[reach > 0]))
    return middle, float((reach > 0.6 * middle).mean())


def crossings(rows: Table, window: Numbers, high: float, centre: Array) -> Array:
    """(n,) metres from the middle (2,) of a rim `high` m above its support at which the rays of pixels (n,) cross its plane."""
    plane = rows.points[window, 2] - rows.heights[window] + high
    return np.asarray(np.hypot(*(crossed(rows.points[window], plane) - centre).T))


def crossed(points: NDArray[np.floating], plane: NDArray[np.floating] | float) -> Array:
    """(n, 2) m where the rays to points (n, 3), seen from the origin, cross level planes at heights (m)."""
    return np.asarray(points[:, :2] * (plane / np.minimum(points[:, 2], -1e-3))[:, None], float)
