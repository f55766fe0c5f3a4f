"""Outlines from above: the smallest rectangle and the best circle around points (n, 2), in metres."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from fail2progress.core.scene import Array, Scene


def corners_of(flat: Array) -> Array:
    """(k, 2) corners of the convex outline; the points themselves where they have none."""
    try:
        return np.asarray(flat[ConvexHull(flat).vertices])
    except (QhullError, ValueError):
        return flat


def rectangle(corners: Array) -> tuple[Array, Array, float]:
    """Middle (2,), full sides (2,) in m and angle in [-pi / 4, pi / 4) rad of the smallest rectangle around points (k, 2)."""
    edges = np.roll(corners, -1, axis=0) - corners
    angles = np.unique(np.round(np.mod(np.arctan2(edges[:, 1], edges[:, 0]), np.pi / 2), 4))
    axes = np.stack([np.stack([np.cos(angles), np.sin(angles)], -1), np.stack([-np.sin(angles), np.cos(angles)], -1)], 1)
    along = axes @ corners.T
    low, high = along.min(axis=2), along.max(axis=2)
    best = int(np.argmin(np.prod(high - low, axis=1)))
    middle = (low[best] + high[best]) / 2 @ axes[best]
    size, angle = high[best] - low[best], float(angles[best])
    return (middle, size[::-1], angle - np.pi / 2) if angle >= np.pi / 4 else (middle, size, angle)


_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])


def seen_from_above(middle: Array, turn: Array, size: Array) -> tuple[Array, Array, float]:
    """The same around a box in any attitude: its middle (3,), rotation (3, 3) and full extents (3,), in m."""
    corners = middle + (_CORNERS * size) @ turn.T
    return rectangle(corners_of(corners[:, :2]))


_UPRIGHT = np.cos(np.radians(1))
"""An axis nearer to the vertical than this stands upright, as far as outlines go."""
_SIDES = 64
_ROUND = 0.5 / np.cos(np.pi / _SIDES) * np.array([[np.cos(a), np.sin(a)] for a in np.arange(_SIDES) * 2 * np.pi / _SIDES])
"""A polygon about the circle of diameter 1."""
_CYLINDER = np.array([[x, y, z] for x, y in _ROUND for z in (-0.5, 0.5)])


def outline_of(scene: Scene, index: int) -> Array:
    """(k, 2) corners in order, in m about its middle, of the outline from above of an object in any attitude.

    Of what is round they are those of a polygon about it, up to 0.1 % larger.
    """
    solid = _CYLINDER if scene.rounded[index] else _CORNERS
    return corners_of((solid * scene.sizes[index] @ scene.turns[index].T)[:, :2])


def footprint_of(scene: Scene, index: int) -> tuple[Array, float]:
    """Full sides (2,) in m and angle (rad) of the smallest rectangle around that outline; of upright things their own x and y."""
    turn = scene.turns[index]
    if abs(turn[2, 2]) > _UPRIGHT:
        return scene.sizes[index, :2], float(np.arctan2(turn[1, 0], turn[0, 0]))
    _, size, angle = rectangle(outline_of(scene, index))
    return size, angle


def circle(points: Array) -> tuple[Array, float, float]:
    """Centre (2,), radius and mean distance from it in m, of the circle through (k, 2) points (Kasa's fit); k >= 3."""
    terms = np.column_stack([2 * points, np.ones(len(points))])
    solved = np.linalg.lstsq(terms, (points**2).sum(axis=1), rcond=None)[0]
    centre = solved[:2]
    radius = float(np.sqrt(max(solved[2] + centre @ centre, 0.0)))
    return centre, radius, float(np.abs(np.hypot(*(points - centre).T) - radius).mean())
