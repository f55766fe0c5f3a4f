"""Names in a picture: none covers another, nor what is named, and lines lead to what is not beside them."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.labels import leader, placed
from fail2progress.core.scene import Array

ROOM = np.array([[0.0, 0.0], [640.0, 400.0]])
NAME = np.array([70.0, 14.0])


def boxes(middles: Array, sizes: Array) -> Array:
    return np.stack([middles - sizes / 2, middles + sizes / 2], axis=1)


def apart(one: Array, other: Array) -> bool:
    return bool((np.minimum(one[1], other[1]) <= np.maximum(one[0], other[0]) + 1e-6).any())


def test_names_stay_where_they_are_wanted_if_nothing_is_in_the_way() -> None:
    wanted = np.array([[100.0, 50.0], [100.0, 70.0], [400.0, 50.0]])
    np.testing.assert_allclose(placed(np.tile(NAME, (3, 1)), wanted, ROOM), wanted)
    assert placed(np.empty((0, 2)), np.empty((0, 2)), ROOM).shape == (0, 2)


@given(st.lists(st.tuples(st.floats(-50, 700), st.floats(-50, 450)), min_size=1, max_size=12))
def test_no_name_covers_another_or_leaves_the_picture(wanted: list[tuple[float, float]]) -> None:
    sizes = np.tile(NAME, (len(wanted), 1))
    found = boxes(placed(sizes, np.array(wanted), ROOM), sizes)
    assert all(apart(one, other) for one, other in itertools.combinations(found, 2))
    assert (found[:, 0] >= ROOM[0] - 1e-6).all() and (found[:, 1] <= ROOM[1] + 1e-6).all()


def test_things_and_texts_that_are_there_are_left_free() -> None:
    thing, text = np.array([[80.0, 40.0], [120.0, 60.0]]), np.array([[60.0, 60.0], [140.0, 80.0]])
    at = placed(NAME[None], np.array([[100.0, 50.0]]), ROOM, [thing], [text])
    (box,) = boxes(at, NAME[None])
    assert apart(box, thing) and apart(box, text) and np.linalg.norm(at[0] - [100.0, 50.0]) < 30


def test_a_small_thing_is_not_hidden_by_a_long_name() -> None:
    thing = np.array([[98.0, 48.0], [102.0, 52.0]])
    (box,) = boxes(placed(NAME[None], np.array([[100.0, 50.0]]), ROOM, [thing]), NAME[None])
    assert apart(box, thing)


def test_a_name_too_long_for_the_picture_is_written_all_the_same() -> None:
    (at,) = placed(np.array([[900.0, 14.0]]), np.array([[100.0, 50.0]]), ROOM)
    assert np.isfinite(at).all() and at[1] == 50.0


def test_a_line_leads_to_what_is_away_or_beside_something_else() -> None:
    name = np.array([[100.0, 100.0], [170.0, 114.0]])
    below, away, hidden = (np.array([[120.0, top], [140.0, top + 20.0]]) for top in (116.0, 200.0, 118.0))
    assert leader(name, 0, [below]) is None and leader(name, 0, [below, away]) is None
    line = leader(name, 1, [below, away])
    assert line is not None
    np.testing.assert_allclose(line, [[130.0, 114.0], [130.0, 210.0]])
    assert leader(name, 1, [below, hidden]) is not None
