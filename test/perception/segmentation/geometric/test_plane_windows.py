"""Planes fitted in windows are those that least squares gives, one window at a time."""

from __future__ import annotations

import numpy as np
import pytest

from fail2progress.core.rgbd import Intrinsics
from fail2progress.perception.segmentation.geometric.plane_windows import fits
from fail2progress.perception.segmentation.geometric.planes import find_planes
from fail2progress.perception.segmentation.geometric.support_surfaces import PlaneRules

CAMERA = Intrinsics(64, 48, 60.0, 55.0, 31.0, 22.0)


def image(seed: int) -> np.ndarray:
    """(48, 64) inverse depth of a bent surface with noise, a quarter of it not read."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:48, 0:64]
    inverted = 1.0 + 0.004 * columns - 0.002 * rows + 1e-5 * columns * rows + rng.normal(0, 0.002, (48, 64))
    return np.where(rng.random((48, 64)) < 0.25, 0.0, inverted).astype(np.float32)


@pytest.mark.parametrize("radius", [2, 3, 5])
def test_a_window_has_the_plane_of_least_squares(radius: int) -> None:
    inverted = image(radius)
    found = fits(inverted, (radius, radius), CAMERA, radius)
    for row, column in ((radius, radius), (20, 30), (47 - radius, 63 - radius)):
        y, x = np.mgrid[row - radius : row + radius + 1, column - radius : column + radius + 1]
        known = inverted[y, x] > 0
        u, v = (x[known] - CAMERA.cx) / CAMERA.fx, (y[known] - CAMERA.cy) / CAMERA.fy
        readings = inverted[y, x][known].astype(float)
        plane, *_ = np.linalg.lstsq(np.stack([u, v, np.ones(len(u))], axis=1), readings, rcond=None)
        at = row - radius, column - radius
        assert np.allclose([part[at] for part in (found.a, found.b, found.c)], plane, rtol=1e-4, atol=1e-4)
        assert found.spread[at] == pytest.approx(np.std(plane[0] * u + plane[1] * v + plane[2] - readings), rel=1e-3)


def test_where_little_was_read_there_is_no_plane() -> None:
    inverted = image(1)
    inverted[:, 20:40] = 0
    found = fits(inverted, (2, 2), CAMERA, 2)
    assert np.isinf(found.spread[:, 20:34]).all()
    assert not found.a[:, 20:34].any()


def test_planes_are_found_in_the_order_of_their_readings() -> None:
    camera = Intrinsics(640, 480, 600.0, 600.0, 320.0, 240.0)
    u, v = (np.arange(640) - 320) / 600, (np.arange(480)[:, None] - 240) / 600
    floor, wall = 0.6 + 0.8 * v + 0 * u, 0.5 + 0.3 * u + 0 * v
    inverted = np.where(np.arange(640) < 400, floor, wall)
    inverted += np.random.default_rng(0).normal(0, 0.002, inverted.shape)
    first, second = find_planes(inverted.astype(np.float32), camera, PlaneRules())[:2]
    assert np.allclose(first, (0.0, 0.8, 0.6), atol=0.01)
    assert np.allclose(second, (0.3, 0.0, 0.5), atol=0.01)
