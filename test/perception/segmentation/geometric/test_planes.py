"""Level planes of a camera whose pose is known: as many as noise lets be told apart, and one of one table."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.planes import find_surfaces, level_planes
from fail2progress.perception.segmentation.geometric.support_surfaces import Level, PlaneRules

CAMERA = Intrinsics(320, 240, 300.0, 300.0, 159.5, 119.5)
HALF = np.sqrt(0.5)
TILTED = Level(np.array([[0.0, -HALF, HALF], [-1.0, 0.0, 0.0], [0.0, -HALF, -HALF]]))
"""Of a camera that looks down at 45 degrees."""


SINK = -(
    np.stack([*np.meshgrid((np.arange(320) - 159.5) / 300, (np.arange(240) - 119.5) / 300), np.ones((240, 320))], -1) @ TILTED.up
)
"""(H, W) m by which a ray sinks for each metre along the optical axis."""


def inverse_depth(below: Array, noise: float) -> NDArray[np.float32]:
    """(H, W) 1 / m of what lies so many metres below the camera in each column (W,), with noise of so much (1 / m)."""
    return np.asarray(SINK / below + np.random.default_rng(0).normal(0, noise, SINK.shape), np.float32)


def planes_in(inverted: NDArray[np.float32]) -> list[Array]:
    return level_planes(TILTED, facing_up(inverted), inverted, CAMERA, PlaneRules())


def facing_up(inverted: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.broadcast_to(TILTED.up, (*inverted.shape, 3)).astype(np.float32)


def heights_below(lower: float, apart: float, share: float = 0.5, noise: float = 0.0) -> list[float]:
    """Metres below the camera of the level planes found, of a table so low and another beside it that is higher, on so large a
    share of the columns; noise: standard deviation of inverse depth (1 / m)."""
    below = np.where(np.arange(320) < 320 * (1 - share), lower, lower - apart)
    return [float(1 / np.linalg.norm(plane)) for plane in planes_in(inverse_depth(below, noise))]


@pytest.mark.parametrize("share", [0.5, 0.2])
@pytest.mark.parametrize("noise", [0.0, 0.001])
def test_tops_14_mm_apart_are_two(share: float, noise: float) -> None:
    found = heights_below(0.62, 0.014, share, noise)
    assert len(found) == 2 and sorted(found) == pytest.approx([0.606, 0.62], abs=0.002)
    assert found[0] == pytest.approx(0.62, abs=0.002) or share == 0.5  # the larger first


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.002])
@pytest.mark.parametrize("low", [0.4, 0.7, 1.2, 2.0])
def test_one_table_with_noise_is_one(noise: float, low: float) -> None:
    assert heights_below(low, 0.0, noise=noise) == pytest.approx([low], abs=0.003)


def test_what_noise_hides_is_one() -> None:
    assert len(heights_below(1.6, 0.006, noise=0.002)) == 1


def test_noise_of_a_table_nearly_as_high_is_no_table_in_its_place() -> None:
    """Tables side by side, and noise that brings a sixth of one's readings to the other's plane: each is found as a whole."""
    column = np.arange(320)
    inverted = inverse_depth(np.where(column < 120, 0.8, 0.775), 0.0035)
    inverted[:, 120:200] = 0.0
    low, high = sorted(
        find_surfaces(planes_in(inverted), TILTED, facing_up(inverted), inverted, CAMERA, PlaneRules()),
        key=lambda surface: -surface.camera_height,
    )
    for surface, height, own in ((low, 0.8, column < 120), (high, 0.775, column >= 200)):
        assert surface.camera_height == pytest.approx(height, abs=0.002)
        assert surface.mask[:, own].mean() > 0.95 and not surface.mask[:, ~own].any()


@pytest.mark.parametrize("noise", [0.016, 0.02, 0.03])
def test_a_table_that_its_sensor_reads_with_much_noise_is_one(noise: float) -> None:
    """As by time of flight a hand's breadth away: less than half of the readings lie in a plane's band."""
    inverted = inverse_depth(np.full(320, 0.5), noise)
    (found,) = find_surfaces(planes_in(inverted), TILTED, facing_up(inverted), inverted, CAMERA, PlaneRules())
    assert found.camera_height == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize(("lean", "count"), [(0.0, 2), (-0.02, 1)])
def test_a_plane_that_leans_through_a_table_is_none(lean: float, count: int) -> None:
    columns = np.arange(320)
    low = 0.65 if lean == 0.0 else 0.62
    inverted = inverse_depth(np.where(columns < 180, 0.62, low + lean * (columns - 250) / 70), 0.0005)
    u, v = np.meshgrid((columns - 159.5) / 300, (np.arange(240) - 119.5) / 300)
    sides = columns < 180, columns >= 180
    terms = np.stack([u, v, np.ones_like(u)], -1)
    planes = [np.linalg.lstsq(terms[:, own].reshape(-1, 3), inverted[:, own].ravel(), rcond=None)[0] for own in sides]
    found = find_surfaces(planes, TILTED, facing_up(inverted), inverted, CAMERA, PlaneRules(tilt=np.radians(10)))
    assert len(found) == count and found[0].camera_height == pytest.approx(0.62, abs=0.002)
