"""Depth of one camera in the view of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array

_GAP = 1.02
"""Ratio of depths beside a gap up to which it is filled: what the denser view shows between readings."""


def registered(depth: NDArray[np.float32], own: Intrinsics, other: Intrinsics, to_other: Array) -> NDArray[np.float32]:
    """(H, W) m in the other camera's view, 0 for none, the nearest reading where there are several; to_other: (4, 4) between the
    optical frames, m."""
    rows, columns = np.nonzero(depth > 0)
    z = depth[rows, columns].astype(float)
    points = np.stack([(columns - own.cx) / own.fx * z, (rows - own.cy) / own.fy * z, z], axis=1)
    moved = points @ to_other[:3, :3].T + to_other[:3, 3]
    moved = moved[moved[:, 2] > 0.01]
    u = np.round(moved[:, 0] / moved[:, 2] * other.fx + other.cx).astype(np.int64)
    v = np.round(moved[:, 1] / moved[:, 2] * other.fy + other.cy).astype(np.int64)
    seen = (u >= 0) & (u < other.width) & (v >= 0) & (v < other.height)
    nearest = np.full(other.width * other.height, np.inf)
    np.minimum.at(nearest, (v * other.width + u)[seen], moved[seen, 2])
    return _filled(nearest.reshape(other.height, other.width))


def _filled(nearest: Array) -> NDArray[np.float32]:
    """Gaps of a pixel or two between readings of one surface are closed; infinite readings become 0."""
    for _ in range(2):
        low = ndimage.minimum_filter(nearest, 3)
        high = ndimage.maximum_filter(np.where(np.isfinite(nearest), nearest, 0.0), 3)
        count = ndimage.uniform_filter(np.isfinite(nearest).astype(float), 3) * 9
        nearest = np.where(~np.isfinite(nearest) & (count > 3.5) & (high < _GAP * low), low, nearest)
    return np.where(np.isfinite(nearest), nearest, 0.0).astype(np.float32)
