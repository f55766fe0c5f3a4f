"""Parts of a plane, and points within outlines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from fail2progress.core.rgbd import Intrinsics
from fail2progress.perception.segmentation.geometric.support_surfaces import (
    Level,
    PlaneRules,
    beyond,
    corners_of,
    outline,
    patches,
    scattered,
    within,
)

CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
DOWN = Level(np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]))


@pytest.mark.parametrize(("between", "columns"), [("hidden", 160), ("beyond", 100)])
def test_a_strip_behind_something_belongs_to_its_table(between: str, columns: int) -> None:
    """A plane 1 m below the camera; 24 of its columns show something nearer, or the floor: what is behind is 0.06 m^2 or less."""
    expected = np.ones((120, 160), np.float32)
    inverted = expected.copy()
    inverted[:, 100:124] = 1.25 if between == "hidden" else 0.5
    mask = np.abs(inverted - expected) < 0.01
    rules = PlaneRules(area=0.25)
    (found,) = patches(mask, expected, inverted, DOWN, CAMERA, rules)
    np.testing.assert_array_equal(found, mask & (np.arange(160) < columns))


def test_a_strip_at_the_image_s_edge_goes_on_beyond_it_however_narrow_it_is() -> None:
    """Two rows, of which none is a fourth one: its middle was once that of no reading."""
    strip, inverted = np.zeros((120, 160), bool), np.ones((120, 160), np.float32)
    strip[118:] = True
    sides = outline(strip, inverted, DOWN, CAMERA)
    further = beyond(strip, sides, inverted, DOWN, CAMERA, PlaneRules())
    assert len(further) > 100 and np.isfinite(further).all()


def test_two_large_parts_stay_two() -> None:
    expected = np.ones((120, 160), np.float32)
    inverted = expected.copy()
    inverted[:, 60:100] = 1.25
    found = patches(np.abs(inverted - expected) < 0.01, expected, inverted, DOWN, CAMERA, PlaneRules())
    assert len(found) == 2 and not (found[0] & found[1]).any()


@given(seed=st.integers(0, 2**31), margin=st.floats(-0.2, 0.2))
def test_within_is_what_all_sides_say(seed: int, margin: float) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.normal(size=(8, 2)) * rng.uniform(0.1, 2.0, 2)
    points = rng.normal(size=(50, 2)).astype(np.float32)
    sides = ConvexHull(corners).equations
    depth = (points @ sides[:, :2].T + sides[:, 2]).max(axis=1)
    clear = np.abs(depth - margin) > 1e-4
    np.testing.assert_array_equal(within(corners, points, margin)[clear], (depth < margin)[clear])


def test_a_surface_that_fills_the_image_has_an_outline() -> None:
    """Straight down from a metre, 90 degrees wide: a square of two metres."""
    camera, full = Intrinsics(40, 40, 20.0, 20.0, 19.5, 19.5), np.ones((40, 40), bool)
    corners = outline(full, np.ones((40, 40), np.float32), Level(np.diag([1.0, -1.0, -1.0])), camera)
    np.testing.assert_allclose(np.abs(corners), 0.975, atol=1e-6)
    assert len(corners) == 4


def test_a_surface_goes_on_outside_the_image_only_within_its_own_edges() -> None:
    """Straight down on a table whose right edge is in the image, from the upper left to the lower right."""
    rows, columns = np.mgrid[:120, :160]
    mask, ones = columns < 60 + rows / 2, np.ones((120, 160), np.float32)
    sides = outline(mask, ones, DOWN, CAMERA)
    further = beyond(mask, sides, ones, DOWN, CAMERA, PlaneRules())
    across, down = 150 * -further[:, 1] + 79.5, 150 * -further[:, 0] + 59.5
    assert (across < -10).any() and (down > 130).any(), "to the left and below it may go on"
    assert (across < 60.5 + down / 2).all(), "but not past the edge that is seen"


@pytest.mark.parametrize(("share", "expected"), [(0.1, True), (0.3, True), (0.8, False), (1.0, False)])
def test_a_patch_with_few_of_the_readings_where_it_is_is_scattered(share: float, expected: bool) -> None:
    near = np.zeros((120, 160), bool)
    near[20:90, 30:120] = True
    patch = near & (np.random.default_rng(0).random(near.shape) < share)
    nowhere = np.zeros_like(near)
    for above in (nowhere, near):  # the others are all below it, or all above
        assert scattered(patch, near, above, PlaneRules()) is expected
    assert scattered(patch, patch, nowhere, PlaneRules()) is False  # nothing else is as high there


@pytest.mark.parametrize(("above", "expected"), [(0.1, True), (0.5, False), (0.9, True)])
def test_a_patch_in_the_middle_of_what_its_sensor_reads_with_noise_is_a_surface(above: float, expected: bool) -> None:
    near, rng = np.ones((120, 160), bool), np.random.default_rng(0)
    patch = rng.random(near.shape) < 0.4
    assert scattered(patch, near, rng.random(near.shape) < above, PlaneRules()) is expected


@pytest.mark.parametrize(("count", "corners"), [(0, 0), (1, 1), (2, 1), (3, 3)])
def test_few_points_have_as_many_corners_as_an_outline_of_them(count: int, corners: int) -> None:
    assert len(corners_of(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[:count])) == corners
