"""Masks grow and shrink as by SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from fail2progress.perception.segmentation.geometric.crosses import grown, shrunk


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (40, 61)])
@pytest.mark.parametrize("times", [1, 2, 5])
def test_masks_grow_and_shrink_as_by_scipy(shape: tuple[int, int], times: int) -> None:
    rng = np.random.default_rng(0)
    for share in (0.02, 0.5, 0.98, 1.0):
        mask = rng.random(shape) < share
        assert np.array_equal(grown(mask, times), ndimage.binary_dilation(mask, iterations=times))
        assert np.array_equal(shrunk(mask, times), ndimage.binary_erosion(mask, iterations=times))
