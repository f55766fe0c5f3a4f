"""Two things of one colour each are parted; prints, faces of a box and hollow things are not."""

import numpy as np
import pytest

from fail2progress.perception.segmentation.geometric.colour_bins import CHROMA
from fail2progress.perception.segmentation.geometric.colour_splitting import ToneRules, part
from fail2progress.perception.segmentation.geometric.region_adjacency import Table

RED, BLUE = 6 * CHROMA + 2, 2 * CHROMA + 2
SIZE = 60
PITCH = 0.002
NOBODY = np.zeros(SIZE * SIZE, bool)


def seen(colours: np.ndarray, normals: np.ndarray | None = None, rise: float = 0.0) -> tuple[Table, np.ndarray]:
    """A level square seen from 1 m above, and its pixels; `rise` (m) of its right half."""
    y, x = np.mgrid[:SIZE, :SIZE]
    heights = np.where(x < SIZE // 2, 0.02, 0.02 + rise).astype(np.float32)
    points = np.stack([x * PITCH, y * PITCH, heights - 1.02], axis=-1).astype(np.float32)
    up = np.broadcast_to(np.array([0.0, 0.0, 1.0], np.float32), (SIZE, SIZE, 3)) if normals is None else normals
    flat = np.ones(SIZE * SIZE, np.float32)
    table = Table(points.reshape(-1, 3), up.reshape(-1, 3).copy(), heights.ravel(), flat, colours.ravel(), SIZE, PITCH)
    return table, np.arange(SIZE * SIZE)


def halves() -> np.ndarray:
    return np.where(np.mgrid[:SIZE, :SIZE][1] < SIZE // 2, RED, BLUE)


def test_two_plain_halves_are_two_things() -> None:
    colours = halves()
    colours[10, 10] = colours[50, 50] = 0  # of neither colour
    rows, pixels = seen(colours)
    one, other = part(rows, pixels, NOBODY, ToneRules())
    assert sorted(np.concatenate([one, other])) == list(pixels)
    assert {frozenset(np.unique(side % SIZE // 30)) for side in (one, other)} == {frozenset({0}), frozenset({1})}


def prints() -> np.ndarray:
    colours = np.full((SIZE, SIZE), RED)
    colours[18:42, 18:42] = BLUE
    return colours


def stripes() -> np.ndarray:
    return np.where(np.mgrid[:SIZE, :SIZE][1] // 15 % 2 == 0, RED, BLUE)


def many() -> np.ndarray:
    return np.random.default_rng(0).integers(0, CHROMA * CHROMA, (SIZE, SIZE))


def alike() -> np.ndarray:
    return np.where(halves() == RED, RED, RED + 1)


@pytest.mark.parametrize("colours", [prints, stripes, many, alike])
def test_prints_and_shades_are_of_one_thing(colours) -> None:  # type: ignore[no-untyped-def]
    rows, pixels = seen(colours())
    assert len(part(rows, pixels, NOBODY, ToneRules())) == 1


def test_faces_of_a_box_are_of_one_thing() -> None:
    normals = np.zeros((SIZE, SIZE, 3), np.float32)
    normals[:, : SIZE // 2] = (0.0, 0.0, 1.0)
    normals[:, SIZE // 2 :] = (1.0, 0.0, 0.0)
    rows, pixels = seen(halves(), normals)
    assert len(part(rows, pixels, NOBODY, ToneRules())) == 1


def test_what_does_not_reach_the_surface_is_no_thing_beside_another() -> None:
    rows, pixels = seen(halves(), rise=0.1)
    assert len(part(rows, pixels, NOBODY, ToneRules())) == 1
