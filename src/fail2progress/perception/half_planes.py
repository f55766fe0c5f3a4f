"""Where clouds end, without outliers, and their convex outlines from above as half planes.

An outline is (k, 3) half planes: normal x, y and offset (m), negative inside; (0, 3) of what has none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from fail2progress.core.quantiles import quantile_of_upper, quantiles
from fail2progress.core.scene import Array

_ENOUGH = 4000
"""Points that a segment's box is made from, at least where it has so many."""
_GROUP = 16
"""Points of which the furthest is looked at first."""


def sparse(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(m, 3) as many of (n, 3) points as are enough."""
    return points[:: 1 + len(points) // _ENOUGH]


def box_around(points: NDArray[np.float32], trim: float) -> Array:
    """(2, 3) ends of a cloud in metres, outliers left out; zeros where there is none."""
    if len(points) == 0:
        return np.zeros((2, 3))
    low, high = quantiles(points, (trim, 1.0 - trim))
    stretch = (high - low) * trim / (1.0 - 2.0 * trim)
    return np.asarray(np.stack([low - stretch, high + stretch]), float)


def outline(points: NDArray[np.float32], trim: float) -> Array:
    """(k, 3) half planes of the convex outline from above, without the `trim` outermost points in every direction."""
    flat = points[:, :2].astype(float)
    if len(flat) < 4:
        return np.empty((0, 3))
    try:
        hull = flat[ConvexHull(flat).vertices]
    except QhullError:
        return np.empty((0, 3))
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-9)[:, None]
    angles = np.arange(16) * np.pi / 8
    normals = np.concatenate([normals, np.stack([np.cos(angles), np.sin(angles)], axis=1)])
    return np.concatenate([normals, -_nearly_furthest(flat @ normals.T, 1.0 - trim / 4)[:, None]], axis=1)


def _nearly_furthest(values: Array, share: float) -> Array:
    """(k,) quantiles of values (n, k), of a share near 1: only what is as large as the largest of many groups of values has to be
    put in order."""
    count = len(values)
    more = count - int((count - 1) * share)  # values from the one before the quantile upwards
    groups = count // _GROUP
    if more > groups:
        return np.asarray(quantiles(values, (share,))[0])
    lanes = np.ascontiguousarray(values.T)
    most = lanes[:, : groups * _GROUP].reshape(len(lanes), groups, _GROUP).max(axis=2)
    least = np.partition(most, groups - more, axis=1)[:, groups - more]
    upper = [np.sort(lane[lane >= bound])[-more:] for lane, bound in zip(lanes, least, strict=True)]
    return quantile_of_upper(np.stack(upper, axis=1), count, share)


def ends_along(points: NDArray[np.float32], axes: Array, trim: float) -> Array:
    """(2, 2) m: ends of a cloud (n, 3) along two level axes (2, 2), outliers left out."""
    return box_around(np.concatenate([points[:, :2] @ axes.T, points[:, 2:]], axis=1).astype(np.float32), trim)[:, :2]


def rectangle(ends: Array, axes: Array) -> Array:
    """(4, 3) half planes of a rectangle with ends (2, 2) m along two level axes (2, 2)."""
    normals = np.concatenate([-axes, axes])
    return np.concatenate([normals, np.concatenate([ends[0], -ends[1]])[:, None]], axis=1)


def depth_in(outline: Array, points: Array) -> Array:
    """(n,) metres that points (n, 2) lie within an outline, negative outside."""
    if len(outline) == 0:
        return np.full(len(points), -np.inf)
    return np.asarray(-(points @ outline[:, :2].T + outline[:, 2]).max(axis=1))
