"""How much of an object is in view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.perception.segmentation.geometric.depth import Image

STEP = 0.02
"""Metres of depth from which one thing hides the other."""
_REACH = 3
"""Pixels across an edge, which cameras blur."""


def visibility(pixels: NDArray[np.int64], depth: Image) -> float:
    """Share of the outline of pixels (n,), flat indices, that neither something nearer (depth (H, W) in m, 0 unknown) nor the
    image's edge hides."""
    if not len(pixels):
        return 0.0
    height, width = depth.shape
    rows, columns = np.divmod(pixels, width)
    top, left = max(0, int(rows.min()) - _REACH), max(0, int(columns.min()) - _REACH)
    away = depth[top : int(rows.max()) + _REACH + 1, left : int(columns.max()) + _REACH + 1]
    mask = np.zeros(away.shape, bool)
    mask[rows - top, columns - left] = True
    band = ndimage.binary_dilation(mask, iterations=_REACH) & ~mask
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    hidden = (band & (away > 0) & (away < away[tuple(nearest)] - STEP)).sum()
    sides = ((rows == 0), (rows == height - 1), (columns == 0), (columns == width - 1))
    border = _REACH * sum(int(side.sum()) for side in sides)
    return 1.0 - float(hidden + border) / max(float(band.sum() + border), 1.0)
