"""Ends of clouds without outliers; outlines, and how deep something lies in them."""

import numpy as np
import pytest

from fail2progress.perception.half_planes import box_around, depth_in, ends_along, outline, rectangle

RNG = np.random.default_rng(0)


def test_outliers_do_not_make_a_box() -> None:
    points = np.concatenate([RNG.uniform(0, 1, (2000, 3)), [[9.0, 9.0, 9.0]]]).astype(np.float32)
    assert box_around(points, 0.01) == pytest.approx(np.array([[0.0] * 3, [1.0] * 3]), abs=0.02)
    assert not box_around(np.empty((0, 3), np.float32), 0.01).any()


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0])
def test_ends_and_the_rectangle_of_a_turned_box_are_along_its_own_axes(degrees: float) -> None:
    angle = np.radians(degrees)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    flat = RNG.uniform((-0.2, -0.05), (0.3, 0.05), (3000, 2)) @ axes
    points = np.column_stack([flat, RNG.uniform(0, 0.1, 3000)]).astype(np.float32)
    ends = ends_along(points, axes, 0.01)
    assert ends == pytest.approx(np.array([[-0.2, -0.05], [0.3, 0.05]]), abs=0.01)
    for around in (rectangle(ends, axes), outline(points, 0.01)):
        depths = depth_in(around, np.array([[0.05, 0.0], [0.05, 0.08], [0.33, 0.0]]) @ axes)
        assert depths == pytest.approx([0.05, -0.03, -0.03], abs=0.01)


def test_nothing_lies_in_the_outline_of_too_few_points() -> None:
    assert len(outline(np.zeros((3, 3), np.float32), 0.01)) == 0
    assert (depth_in(np.empty((0, 3)), np.zeros((2, 2))) == -np.inf).all()


@pytest.mark.parametrize("count", [4, 100, 2500])
def test_an_outline_is_without_the_outermost_points_in_every_direction(count: int) -> None:
    points = np.random.default_rng(1).standard_normal((count, 3)).astype(np.float32)
    for trim in (0.0, 0.01, 0.2):
        found = outline(points, trim)
        along = points[:, :2].astype(float) @ found[:, :2].T
        assert found[:, 2] == pytest.approx(-np.quantile(along, 1 - trim / 4, axis=0), abs=1e-12)
