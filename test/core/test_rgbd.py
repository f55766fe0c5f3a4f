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


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (64, 48), (4096, 3072)])
def test_cameras_that_there_are_are_neither_impossible_nor_doubtful(size: tuple[int, int]) -> None:
    for view in (3, 30, 87, 150):
        focal = max(size) / 2 / np.tan(np.radians(view / 2))
        k = Intrinsics(*size, focal, 1.1 * focal, 0.45 * size[0], 0.6 * size[1])
        assert (k.impossible, k.doubtful) == ("", "")


@pytest.mark.parametrize(("fx", "fy"), [(0.95, 1.27), (3.6, 3.6), (600.0, 1.27), (1e6, 1e6)])
def test_focal_lengths_in_other_units_are_impossible(fx: float, fy: float) -> None:
    told = Intrinsics(640, 480, fx, fy, 320.0, 240.0).impossible
    assert f"fx = {fx:g} and fy = {fy:g}" in told and "in pixels" in told


@pytest.mark.parametrize(("cx", "cy"), [(640.0, 480.0), (160.0, 120.0), (0.0, 0.0), (0.5, 0.5), (320.0, -240.0)])
def test_intrinsics_of_an_image_of_another_size_are_doubtful(cx: float, cy: float) -> None:
    k = Intrinsics(640, 480, 600.0, 600.0, cx, cy)
    assert not k.impossible and f"cx = {cx:g} and cy = {cy:g}" in k.doubtful


def test_intrinsics_of_an_image_that_was_turned_since_are_doubtful() -> None:
    assert "or of one that was turned since" in Intrinsics(480, 640, 600.0, 600.0, 322.5, 248.2).doubtful
    for k in (Intrinsics(640, 480, 600.0, 600.0, 322.5, 248.2), Intrinsics(500, 500, 600.0, 600.0, 250.0, 250.0)):
        assert not k.doubtful
