"""What a guide is told of geometry."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fail2progress.perception.segmentation.geometric.guide import Geometry


@pytest.mark.parametrize(
    ("cut", "height", "up", "below"),
    [(True, -1.0, -0.9, True), (True, -1.0, -0.2, False), (True, 0.05, -0.9, False), (False, -1.0, -0.9, False)],
)
def test_what_the_border_cuts_below_every_surface_is_before_the_table(cut: bool, height: float, up: float, below: bool) -> None:
    """What is whole may stand in a tote of which no floor is seen; and a heap that nearly reaches the camera is over no surface,
    as far as heights above one are looked at, and not below them."""
    points = np.zeros((16, 3))
    points[:, 2] = up
    rows: Any = SimpleNamespace(meets_frame=lambda pixels: cut, points=points)
    scan: Any = SimpleNamespace(heights=np.full((4, 4), height, np.float32))
    geometry = Geometry(scan, rows, [], [], [], lambda found: found, lambda pixels: 1.0, lowest=0.8)
    assert geometry.below(np.array([1, 2, 5])) is below
