"""Whether something that the camera has seen stands where the base is about to drive. Imports no ROS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array
from fail2progress.robots.stretch.reach import BODY_HEIGHT, BODY_RADIUS, FOOT_HEIGHT, FOOT_RADIUS

FLOOR = 0.06
"""Metres up to which points are the floor's, with a depth camera's noise at two metres and a camera that is a degree off."""
CELL = 0.04
"""Metres: points of one cube count once."""
FEW = 3
"""Occupied cubes that may be noise."""
SLACK = 0.02
"""Metres by which the way may be closer than the base's outline: what the plan has kept clear of is measured here once more."""
REACH = 3.0
"""Metres in x and y around the planning frame's origin that are looked at."""
BELOW = -0.10
"""Metres below which points are no floor, but readings gone wrong or a stairway."""
UNKNOWN, FREE, OCCUPIED = -1, 0, 100
"""Cells of an occupancy grid, as nav_msgs has them."""


def thinned(points: NDArray[np.float32], cell: float = CELL, reach: float = REACH) -> NDArray[np.float32]:
    """(M, 3) of (N, 3) points (m), one in each occupied cube, without the floor, the ceiling and what is far away."""
    near = (np.abs(points[:, :2]) < reach).all(axis=1) & (points[:, 2] > FLOOR) & (points[:, 2] < BODY_HEIGHT)
    kept = points[near]
    _, first = np.unique(np.floor(kept / cell).astype(np.int32), axis=0, return_index=True)
    return np.asarray(kept[np.sort(first)])


def occupancy(points: NDArray[np.float32]) -> NDArray[np.int8]:
    """(H, W) cells of CELL around the planning frame's origin, rows along y from -REACH, columns along x from -REACH.

    points: (N, 3) m, all that was seen, floor and all. Occupied where something stands between the floor and the robot's height,
    free where the floor was seen and nothing on it, unknown elsewhere: below a table top as well as behind it.
    """
    side = round(2 * REACH / CELL)
    near = (np.abs(points[:, :2]) < REACH).all(axis=1) & (points[:, 2] > BELOW) & (points[:, 2] < BODY_HEIGHT)
    rows = np.floor((points[near] + np.float32(REACH)) / CELL).astype(np.int64)
    cells = np.clip(rows[:, 1], 0, side - 1) * side + np.clip(rows[:, 0], 0, side - 1)
    low = points[near, 2] <= FLOOR
    grid = np.full(side * side, UNKNOWN, np.int8)
    grid[cells[low]] = FREE
    grid[cells[~low]] = OCCUPIED
    return grid.reshape(side, side)


def obstacle(points: Array, start: Array, end: Array, own: Array) -> Array | None:
    """(3,) the nearest thing seen in the way of the base's centre from `start` to `end`, both (2,) m; None where it is free.

    points: (N, 3) m in the planning frame. own: (K, 2) places at which the base stood when they were seen: what is within its
    outline there is itself.
    """
    if len(points) == 0:
        return None
    foot, body = points[:, 2] < FOOT_HEIGHT, points[:, 2] < BODY_HEIGHT
    away = _distance(points[:, :2], start, end)
    hit = (points[:, 2] > FLOOR) & ((foot & (away < FOOT_RADIUS - SLACK)) | (body & (away < BODY_RADIUS - SLACK)))
    for place in own:
        hit &= np.linalg.norm(points[:, :2] - place, axis=1) > FOOT_RADIUS + SLACK
    if np.count_nonzero(hit) <= FEW:
        return None
    blocked = points[hit]
    return np.asarray(blocked[np.linalg.norm(blocked[:, :2] - start, axis=1).argmin()])


def _distance(points: Array, start: Array, end: Array) -> Array:
    """(N,) m of (N, 2) points from a straight way."""
    along = end - start
    length = float(along @ along)
    share = np.clip((points - start) @ along / length, 0.0, 1.0) if length > 1e-12 else np.zeros(len(points))
    return np.asarray(np.linalg.norm(points - (start + share[:, None] * along), axis=1))
