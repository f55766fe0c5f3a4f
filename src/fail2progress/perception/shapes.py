"""Boxes around what is seen, and which shape prior it looks like (paper A.12)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.objects import Shape
from fail2progress.core.outlines import circle, corners_of, rectangle
from fail2progress.core.quantiles import quantile
from fail2progress.core.scene import Array, pose

_BINS = 24
CATEGORY = {Shape.CUBOID: "cuboid", Shape.CYLINDER: "capsule", Shape.OPEN_BOX: "open_box", Shape.TABLE: "table"}
"""What a segment is called that only its shape is known of."""


@dataclass(frozen=True)
class Solid:
    """An upright box: pose (7,) of its middle, size (3,) m, and its shape prior."""

    pose: Array
    size: Array
    shape: Shape


def solid(points: Array, bottom: float, hollow: bool) -> Solid:
    """The box around (n, 3) points, which reaches down to a height (m) where it stands; n >= 1."""
    flat, top = points[:, :2], quantile(points[:, 2], 0.995)
    bottom = min(bottom, float(points[:, 2].min()))
    corners = corners_of(flat)
    middle, size, yaw = rectangle(corners)
    shape = Shape.OPEN_BOX if hollow else _shape(points, corners, middle, size, yaw)
    if shape is Shape.CYLINDER:
        middle, radius, _ = circle(_front(flat, corners))
        size, yaw = np.full(2, 2 * radius), 0.0
    height = max(top - bottom, 1e-3)
    return Solid(pose(middle[0], middle[1], bottom + height / 2, yaw), np.array([*np.maximum(size, 1e-3), height]), shape)


def local(points: Array, at: Array, size: Array) -> Array:
    """(n, 3) places of points (n, 3) in an upright box with a pose (7,) and full extents (3,): from -1 to 1 along its axes."""
    c, s = 1 - 2 * float(at[6]) ** 2, 2 * float(at[3] * at[6])
    turned = (np.asarray(points, float) - at[:3]) @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(turned / (np.maximum(size, 1e-6) / 2))


def _shape(points: Array, corners: Array, middle: Array, size: Array, yaw: float) -> Shape:
    front = _front(points[:, :2], corners)
    if len(front) < 5 or size.min() < 0.5 * size.max() or size.max() > 0.25:
        return Shape.CUBOID
    _, radius, round_misfit = circle(front)
    return Shape.CYLINDER if round_misfit < _box_misfit(front, middle, size, yaw) and radius < size.max() else Shape.CUBOID


def _front(flat: Array, corners: Array) -> Array:
    """(k, 2) outermost points in every direction from the middle, which of something upright is its outline from above."""
    offset = flat - (corners.min(axis=0) + corners.max(axis=0)) / 2
    bins = ((np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) + 0.5) * _BINS).astype(int) % _BINS
    radius = np.hypot(offset[:, 0], offset[:, 1])
    order = np.lexsort((radius, bins))
    last = np.flatnonzero(np.diff(bins[order], append=-1))
    return np.asarray(flat[order[last]])


def _box_misfit(points: Array, middle: Array, size: Array, yaw: float) -> float:
    """Mean distance (m) of points from the nearest side of a rectangle."""
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    local = np.abs((points - middle) @ turn.T)
    return float(np.abs(size / 2 - local).min(axis=1).mean())
