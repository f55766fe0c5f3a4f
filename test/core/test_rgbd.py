"""Frames: what no sensor can have read is no reading."""

import numpy as np
import pytest

from fail2progress.core.rgbd import Intrinsics, RgbdFrame


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_reading(nothing: float) -> None:
    depth = np.ones((6, 8), np.float32)
    depth[2, 3] = nothing
    frame = RgbdFrame(np.zeros((6, 8, 3), np.uint8), depth, Intrinsics(8, 6, 5.0, 5.0, 3.5, 2.5))
    assert frame.depth[2, 3] == 0.0 and frame.depth.dtype == np.float32 and (frame.depth > 0).sum() == 47
    assert depth[2, 3] != 0.0  # the array that was given stays
