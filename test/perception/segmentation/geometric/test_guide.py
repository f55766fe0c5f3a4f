"""What a guide is told of geometry."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fail2progress.perception.segmentation.geometric.guide import Geometry


@pytest.mark.parametrize(("cut", "height", "below"), [(True, -1.0, True), (True, 0.05, False), (False, -1.0, False)])
def test_what_the_border_cuts_below_every_surface_is_before_the_table(cut: bool, height: float, below: bool) -> None:
    """What is whole may stand in a tote of which no floor is seen."""
    rows: Any = SimpleNamespace(meets_frame=lambda pixels: cut)
    scan: Any = SimpleNamespace(heights=np.full((4, 4), height, np.float32))
    geometry = Geometry(scan, rows, [], [], [], lambda found: found, lambda pixels: 1.0)
    assert geometry.below(np.array([1, 2, 5])) is below
