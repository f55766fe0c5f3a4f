"""Meshes that are made of a few numbers."""

import numpy as np
import pytest

from fail2progress.learning.segmentation.meshes import tube


@pytest.mark.parametrize("turned", [0.0, 0.4, 2.0])
def test_a_tube_is_as_thick_half_way_between_its_sections_as_at_them_also_where_it_goes_straight_up(turned: float) -> None:
    angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
    path = np.column_stack([np.cos(turned) * np.cos(angles), np.sin(turned) * np.cos(angles), np.sin(angles)]) * 0.04
    rings = tube(path, 0.005).vertices.reshape(-1, 8, 3)[1:-1]
    for ring in (rings, (rings[1:] + rings[:-1]) / 2):
        thick = np.linalg.norm(ring - ring.mean(axis=1, keepdims=True), axis=2)
        assert thick.min() > 0.0045 and thick.max() < 0.00501
