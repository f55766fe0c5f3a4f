"""How much of an object is in view, and on which of its sides something hides more of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.scene import Array
from fail2progress.perception.pixels import rows_and_columns
from fail2progress.perception.segmentation.geometric.crosses import grown
from fail2progress.perception.segmentation.geometric.depth import Image

STEP = 0.02
"""Metres of depth from which one thing hides the other."""
_REACH = 3
"""Pixels across an edge, which cameras blur."""
_SHADOW = 12
"""Pixels around an object within which the nearest reading is looked for."""
_SIDE = 0.7
"""Share of the way from the middle of a box to its side, from which an outline belongs to that side."""


@dataclass(frozen=True)
class Outline:
    """What lies around an object's pixels in the image: beside (n,) flat indices of its own pixels, each next to one outside;
    hidden (n,) whether something nearer, or the image's edge, is there; behind (n,) the same, where what was not read counts as
    the nearest reading beyond it: sensors read nothing in the shadow of an edge."""

    beside: NDArray[np.int64]
    hidden: NDArray[np.bool_]
    behind: NDArray[np.bool_]

    @property
    def visibility(self) -> float:
        """Share that nothing hides."""
        return 1.0 - float(self.hidden.sum()) / max(len(self.hidden), 1)

    def sides(self, places: Array) -> Array:
        """(6,) share of the outline at each side (low and high x, y, z) of a box that is hidden, 0 where there is no outline.
        places: (n, 3) of the pixels `beside`, from -1 to 1 in the box."""
        shares = np.zeros(6)
        for side in range(6):
            at = places[:, side // 2] * (1 if side % 2 else -1) > _SIDE
            if at.any():
                shares[side] = self.behind[at].mean()
        return shares


def outline(pixels: NDArray[np.int64], depth: Image) -> Outline:
    """Of flat indices (n,) in an image with depth (H, W) in m, 0 unknown."""
    if not len(pixels):
        return Outline(pixels, np.zeros(0, bool), np.zeros(0, bool))
    height, width = depth.shape
    rows, columns = rows_and_columns(pixels, width)
    top, left = max(0, int(rows.min()) - _SHADOW), max(0, int(columns.min()) - _SHADOW)
    away = depth[top : int(rows.max()) + _SHADOW + 1, left : int(columns.max()) + _SHADOW + 1]
    mask = np.zeros(away.shape, bool)
    mask[rows - top, columns - left] = True
    band = grown(mask, _REACH) & ~mask
    y, x = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    hidden = (away > 0) & (away < away[y, x] - STEP)
    behind = np.zeros(mask.shape, bool)
    if (around := ~mask & (away > 0)).any():
        beyond = ndimage.distance_transform_edt(~around, return_distances=False, return_indices=True)
        behind = away[tuple(beyond)] < away[y, x] - STEP
    own = (y[band] + top) * width + x[band] + left
    edges = [pixels[at] for at in ((rows == 0), (rows == height - 1), (columns == 0), (columns == width - 1))]
    border = np.repeat(np.concatenate(edges), _REACH)
    cut = np.ones(len(border), bool)
    return Outline(np.concatenate([own, border]), np.concatenate([hidden[band], cut]), np.concatenate([behind[band], cut]))


def visibility(pixels: NDArray[np.int64], depth: Image) -> float:
    """Share of the outline of pixels (n,) that neither something nearer nor the image's edge hides; 0 of none."""
    return outline(pixels, depth).visibility if len(pixels) else 0.0
