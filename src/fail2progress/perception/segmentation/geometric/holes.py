"""Readings that a sensor dropped within a surface, put back from both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import NOISE
from fail2progress.perception.segmentation.geometric.depth import Image

REACH = 3
"""Pixels to the nearest reading on each side."""
SAME = 2 * NOISE
"""1 / m by which the two may differ: more is the shadow between a near thing and a far one."""


def closed(inverted: Image) -> Image:
    """(H, W) inverse depth in which narrow holes are filled between the readings on both sides, along rows, columns or both.

    A plane is linear in inverse depth, so that what lies between two readings of one is exact.
    """
    wide = np.pad(inverted, REACH)
    missing = np.flatnonzero((wide == 0) & (np.pad(np.ones(inverted.shape, bool), REACH)))
    if len(missing) == 0:
        return inverted
    flat = wide.ravel()
    along = [_between(flat, missing, step) for step in (1, wide.shape[1])]
    known = [(values > 0).astype(np.float32) for values in along]
    count = known[0] + known[1]
    result = wide.copy()
    result.ravel()[missing] = np.where(count > 0, (along[0] + along[1]) / np.maximum(count, 1), 0)
    return np.ascontiguousarray(result[REACH:-REACH, REACH:-REACH])


def _between(flat: Image, missing: NDArray[np.int64], step: int) -> Image:
    """(n,) values between the nearest readings on two sides, 0 where one is out of reach or they are not of one surface."""
    (before, far), (after, near) = (_nearest(flat, missing, side * step) for side in (-1, 1))
    mixed = (before * near + after * far) / np.maximum(far + near, 1)
    same = np.abs(before - after) <= SAME
    return np.where((before > 0) & (after > 0) & same, mixed, 0).astype(np.float32)


def _nearest(flat: Image, missing: NDArray[np.int64], step: int) -> tuple[Image, Image]:
    """(n,) the nearest reading in steps of so many pixels, 0 for none within reach; and how many steps it is away."""
    value, away = np.zeros((2, len(missing)), np.float32)
    for distance in range(1, REACH + 1):
        beside = flat[missing + distance * step]
        new = (value == 0) & (beside > 0)
        value[new], away[new] = beside[new], distance
    return value, away
