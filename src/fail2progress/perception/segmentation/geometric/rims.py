"""The rim of something open, seen from above: where it goes round, and where rays of sight cross its plane."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.region_adjacency import Table
from fail2progress.perception.segmentation.geometric.regions import Numbers

_BINS = 24
"""Directions around the middle of a rim in which it is looked for."""


def around_middle(offsets: Array) -> tuple[float, float]:
    """Median distance (m) of points (n, 2) from the origin over all directions, and the share of directions that have some."""
    radius = np.hypot(offsets[:, 0], offsets[:, 1])
    bins = ((np.arctan2(offsets[:, 1], offsets[:, 0]) / (2 * np.pi) + 0.5) * _BINS).astype(int) % _BINS
    # The 0.9 quantile of every direction, to the nearest reading below.
    order = np.lexsort((radius, bins))
    counts = np.bincount(bins, minlength=_BINS)
    last = np.cumsum(counts) - 1
    reach = np.where(counts > 0, radius[order][np.maximum(last - counts // 10, 0)], 0.0)
    middle = float(np.median(reach[reach > 0]))
    return middle, float((reach > 0.6 * middle).mean())


def crossings(rows: Table, window: Numbers, high: float, centre: Array) -> Array:
    """(n,) metres from the middle (2,) of a rim `high` m above its support at which the rays of pixels (n,) cross its plane."""
    rim = rows.points[window, 2] - rows.heights[window] + high
    crossing = rows.points[window, :2] * (rim / np.minimum(rows.points[window, 2], -1e-3))[:, None]
    return np.asarray(np.hypot(*(crossing - centre).T))
