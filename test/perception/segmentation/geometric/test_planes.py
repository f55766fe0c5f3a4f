"""Level planes of a camera whose pose is known: as many as noise lets be told apart, and one of one table."""

import numpy as np
import pytest

from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.planes import level_planes
from fail2progress.perception.segmentation.geometric.support_surfaces import Level, PlaneRules

CAMERA = Intrinsics(320, 240, 300.0, 300.0, 159.5, 119.5)
HALF = np.sqrt(0.5)
TILTED = Level(np.array([[0.0, -HALF, HALF], [-1.0, 0.0, 0.0], [0.0, -HALF, -HALF]]))
"""Of a camera that looks down at 45 degrees."""


def heights_below(lower: float, apart: float, share: float = 0.5, noise: float = 0.0) -> list[float]:
    """Metres below the camera of the level planes found, of a table so low and another beside it that is higher, on so large a
    share of the columns; noise: standard deviation of inverse depth (1 / m)."""
    u, v = np.meshgrid((np.arange(320) - 159.5) / 300, (np.arange(240) - 119.5) / 300)
    sink = -(np.stack([u, v, np.ones_like(u)], axis=-1) @ TILTED.up)
    below = np.where(np.arange(320) < 320 * (1 - share), lower, lower - apart)
    inverted = sink / below + np.random.default_rng(0).normal(0, noise, sink.shape)
    normals: Array = np.broadcast_to(TILTED.up, (*sink.shape, 3))
    planes = level_planes(TILTED, normals.astype(np.float32), inverted.astype(np.float32), CAMERA, PlaneRules())
    return [float(1 / np.linalg.norm(plane)) for plane in planes]


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
