"""How much of an object is in view."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from fail2progress.perception.depth import Image
from fail2progress.world.relations import Mask

STEP = 0.02
"""Metres of depth from which one thing hides the other."""
_REACH = 3
"""Pixels across an edge, which cameras blur."""


def visibility(mask: Mask, depth: Image) -> float:
    """Share of the outline of a mask (H, W) that neither something nearer (depth in m, 0 unknown) nor the image's edge hides."""
    around = ndimage.binary_dilation(mask, iterations=_REACH)
    rows, columns = np.flatnonzero(around.any(axis=1)), np.flatnonzero(around.any(axis=0))
    if not len(rows):
        return 0.0
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    small, away = mask[window], depth[window]
    band = around[window] & ~small
    nearest = ndimage.distance_transform_edt(~small, return_distances=False, return_indices=True)
    known = band & (away > 0)
    hidden = (known & (away < away[tuple(nearest)] - STEP)).sum()
    border = _REACH * int(mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum())
    return 1.0 - float(hidden + border) / max(float(band.sum() + border), 1.0)
