"""Boxes around what is seen, and the shape that it looks like."""

import numpy as np
import pytest

from fail2progress.core.objects import Shape
from fail2progress.perception.shapes import solid

RNG = np.random.default_rng(0)


def walls(count: int, width: float, depth: float, yaw: float) -> np.ndarray:
    """Readings of the front (width, m) and of the side (depth, m) that meets it, of a box 8 cm high: nothing of its top."""
    along, high = RNG.uniform(0, width + depth, count), RNG.uniform(0, 0.08, count)
    flat = np.column_stack([np.minimum(along, width), np.maximum(along - width, 0.0)])
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    return np.column_stack([flat @ turn.T, high]) + 5e-4 * RNG.standard_normal((count, 3))


@pytest.mark.parametrize("depth", [0.04, 0.055, 0.06])
@pytest.mark.parametrize("yaw", [-0.6, 0.0, 0.3, 0.7])
def test_two_sides_that_meet_are_those_of_a_box_and_not_of_one_askew_nor_a_cylinder(depth: float, yaw: float) -> None:
    found = solid(walls(2000, 0.06, depth, yaw), 0.0, hollow=False)
    turned = (2 * np.arctan2(found.pose[6], found.pose[3]) - yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4
    assert found.shape is Shape.CUBOID and turned == pytest.approx(0.0, abs=0.05)
    assert sorted(found.size[:2]) == pytest.approx([depth, 0.06], abs=4e-3)


@pytest.mark.parametrize("thick", [0.0005, 0.002])
def test_a_flat_front_with_two_upright_edges_is_no_cylinder(thick: float) -> None:
    points = np.column_stack([RNG.uniform(0, 0.06, 800), thick * RNG.standard_normal(800), RNG.uniform(0, 0.08, 800)])
    assert solid(points, 0.0, hollow=False).shape is Shape.CUBOID


@pytest.mark.parametrize("seen", [0.5, 0.8, 1.0])
def test_half_of_a_round_wall_and_more_is_a_cylinders(seen: float) -> None:
    angle = RNG.uniform(-np.pi * seen, np.pi * seen, 1500)
    points = np.column_stack([0.035 * np.cos(angle), 0.035 * np.sin(angle), RNG.uniform(0, 0.1, 1500)])
    found = solid(points + 5e-4 * RNG.standard_normal(points.shape), 0.0, hollow=False)
    assert found.shape is Shape.CYLINDER and found.size[:2] == pytest.approx(0.07, abs=3e-3)


def test_what_was_read_on_a_line_or_at_one_point_has_a_box() -> None:
    line = np.column_stack([np.linspace(0, 0.05, 300), np.zeros(300), np.full(300, 0.1)])
    assert solid(line, 0.0, hollow=False).size == pytest.approx([0.05, 0.001, 0.1], abs=1e-6)
    assert (solid(np.zeros((1, 3)), 0.0, hollow=False).size == 1e-3).all()
