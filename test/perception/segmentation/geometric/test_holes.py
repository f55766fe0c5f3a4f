"""Readings that a sensor dropped are put back within surfaces, and nowhere else."""

import numpy as np
import pytest

from fail2progress.perception.segmentation.geometric.holes import REACH, closed


def test_holes_in_a_plane_are_closed_exactly() -> None:
    rows, columns = np.mgrid[0:40, 0:60]
    plane = (1.0 + 0.001 * rows - 0.0005 * columns).astype(np.float32)
    holed = np.where(np.random.default_rng(0).random(plane.shape) < 0.1, 0, plane).astype(np.float32)
    result = closed(holed)
    inner = (slice(REACH, -REACH), slice(REACH, -REACH))
    assert result[inner] == pytest.approx(plane[inner], abs=1e-6)
    assert (result[holed > 0] == holed[holed > 0]).all()


def test_shadows_and_wide_holes_stay() -> None:
    image = np.full((30, 40), 1.0, np.float32)
    image[:, 20:] = 1.2
    image[:, 18:20] = 0  # beside an edge
    image[10:20, 2:12] = 0
    result = closed(image)
    assert not result[:, 18:20].any() and not result[13:17, 5:9].any()
