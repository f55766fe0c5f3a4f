"""Colours as rooms have them: within bounds, the same of a seed, of every kind, and paler than any colours."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.paints import _by_parts, _laid_out, as_in_rooms, painted
from fail2progress.learning.segmentation.prints import several

RED = np.array([0.9, 0.1, 0.1])


@pytest.fixture(scope="module")
def places() -> Array:
    """(n, 3) m on a box of 6 x 10 x 20 cm."""
    found = np.random.default_rng(3).uniform(-1, 1, (4000, 3))
    axis = np.abs(found).argmax(axis=1)
    found[np.arange(len(found)), axis] = np.sign(found[np.arange(len(found)), axis])
    return np.asarray(found * np.array([0.03, 0.05, 0.1]))


def colourfulness(colours: Array) -> float:
    return float(np.ptp(colours, axis=1).mean())


@pytest.mark.parametrize("support", [True, False])
def test_colours_are_within_bounds_and_the_same_of_a_seed(places: Array, support: bool) -> None:
    for seed in range(20):
        made = as_in_rooms(places, RED, support, np.random.default_rng(seed))
        assert made.shape == places.shape and made.min() >= 0 and made.max() <= 1
        assert (made == as_in_rooms(places, RED, support, np.random.default_rng(seed))).all()


def test_they_are_paler_than_what_any_colours_give(places: Array) -> None:
    rooms, any_of_them = (
        np.mean([colourfulness(paint(places, RED, False, np.random.default_rng(seed))) for seed in range(40)])
        for paint in (as_in_rooms, several)
    )
    assert rooms < 0.7 * any_of_them


def test_some_things_are_of_one_material_and_some_have_labels(places: Array) -> None:
    spread = np.array([as_in_rooms(places, RED, False, np.random.default_rng(seed)).std(axis=0).max() for seed in range(60)])
    assert (spread < 0.05).mean() > 0.2 and (spread > 0.15).mean() > 0.2


def test_parts_of_a_thing_have_colours_of_their_own_that_hold_together(places: Array) -> None:
    near = cKDTree(places).query(places, k=2)[1][:, 1]
    for seed in range(20):
        tones = _by_parts(np.full(places.shape, 0.5), places, np.random.default_rng(seed))
        whole = (tones == 0.5).all(axis=1)
        assert tones.min() >= 0 and tones.max() <= 1 and (whole == whole[near]).mean() > 0.9
    several_tones = [_by_parts(np.full(places.shape, 0.5), places, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(0.05 < (tones == 0.5).all(axis=1).mean() < 0.95 for tones in several_tones) >= 12


def test_scenes_are_of_both_kinds() -> None:
    kinds = [painted(np.random.default_rng(seed)) for seed in range(100)]
    assert 50 < sum(kind is as_in_rooms for kind in kinds) < 80 and several in kinds
    assert all(painted(np.random.default_rng(seed), 0.0) is several for seed in range(20))
    assert all(painted(np.random.default_rng(seed), 1.0) is as_in_rooms for seed in range(20))


def test_what_is_laid_out_under_things_has_two_materials_or_planks(places: Array) -> None:
    flat = places * (1, 1, 0)
    tones = [
        np.unique(_laid_out(np.full(flat.shape, 0.5), flat, np.random.default_rng(seed)).round(2), axis=0) for seed in range(40)
    ]
    assert sum(len(tone) > 1 for tone in tones) >= 30


def test_some_supports_are_of_one_material(places: Array) -> None:
    made = [as_in_rooms(places * (1, 1, 0), RED, True, np.random.default_rng(seed)) for seed in range(60)]
    plain = np.mean([colours.std(axis=0).max() < 0.05 for colours in made])
    assert 0.15 < plain < 0.8
