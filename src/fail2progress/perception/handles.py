"""What of an open vessel is its body, and what only sticks out of it: the handle of a pan holds nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from fail2progress.core.scene import Array

_CELL = 0.005
"""Metres of a cell of the vessel as seen from above."""
_WIDTH = 0.035
"""Metres across a handle, at most."""
_LONG = 0.03
"""Metres by which it sticks out, at least."""
_NEAR = 0.008
"""Metres off the body up to which a wall belongs to it."""
_OUTWARD = 0.7
"""Cosine of the angle between a handle and the way to the middle of the body, at least."""
_MARGIN = 5
"""Cells around what is seen, more than anything here reaches."""


def body(points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) which of a vessel's points (n, 3) m, as dense as a camera sees them, are none of a handle; all where there is none.

    As seen from above a handle is narrow and straight, and leads away from what is wide; walls that are narrow, as far as what
    stands before them hides the rest, are bent or lead around it.
    """
    kept = np.ones(len(points), bool)
    if len(points) == 0:
        return kept
    cells = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / _CELL).astype(np.int64) + _MARGIN
    shown = np.zeros(cells.max(axis=0) + _MARGIN + 1, bool)
    shown[tuple(cells.T)] = True
    whole = ndimage.binary_fill_holes(ndimage.binary_closing(shown, _disc(1.5)))
    wide, count = ndimage.label(ndimage.binary_opening(whole, _disc(_WIDTH / 2 / _CELL)))
    if count == 0:
        return kept
    largest = np.argwhere(wide == 1 + int(np.argmax(np.bincount(wide.ravel())[1:])))
    rest = np.argwhere(whole)
    beyond = np.zeros_like(whole)
    beyond[tuple(rest[_off(largest.astype(float), rest.astype(float)) > _NEAR / _CELL].T)] = True
    pieces, count = ndimage.label(beyond, np.ones((3, 3)))
    own = pieces[tuple(cells.T)]
    for number in range(1, count + 1):
        if _sticks_out(np.asarray(np.argwhere(pieces == number) * _CELL, float), largest.mean(axis=0) * _CELL):
            kept[own == number] = False
    return kept


def _sticks_out(places: Array, middle: Array) -> bool:
    """Whether places (n, 2) m are as long and as narrow as what sticks out of a handle, and point to the middle (2,) m of the
    body: what runs around that is a wall."""
    if len(places) < 4:
        return False
    away = places - places.mean(axis=0)
    along, across = np.linalg.svd(away, full_matrices=False)[2]
    long, wide = (float(np.ptp(away @ way)) + _CELL for way in (along, across))
    out = places.mean(axis=0) - middle
    outward = abs(float(out @ along)) >= _OUTWARD * float(np.linalg.norm(out))
    return long >= _LONG and wide <= _WIDTH and long > wide and outward


def _off(inner: Array, places: Array) -> Array:
    """(n,) how far places (n, 2) are outside of the convex outline of inner ones (m, 2), 0 within; and where these have none."""
    try:
        sides = ConvexHull(inner).equations
    except QhullError:
        return np.zeros(len(places))
    return np.asarray((places @ sides[:, :2].T + sides[:, 2]).max(axis=1).clip(min=0.0))


def _disc(radius: float) -> NDArray[np.bool_]:
    """A round structure of a radius in cells."""
    reach = np.arange(-int(radius), int(radius) + 1)
    return np.asarray(reach[:, None] ** 2 + reach**2 <= radius**2)
