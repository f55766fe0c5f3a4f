"""Whether things rest, by where they were."""

import numpy as np
import pytest
from transforms3d.quaternions import axangle2quat, qmult

from fail2progress.simulation.rest import SETTLES, STIRS, at_rest, stay

HERE = np.array([[0.5, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0]])
LYING = axangle2quat([0, 1, 0], np.pi / 2)


def turned(axis: list[float], by: float) -> np.ndarray:
    return np.concatenate([HERE[0, :3], axangle2quat(axis, by)])[None]


def shifted(by: float) -> np.ndarray:
    return np.concatenate([HERE[0, :3] + [0.0, by, 0.0], HERE[0, 3:]])[None]


def test_the_farthest_and_the_most_turned_thing_decides() -> None:
    flat = [False]
    assert stay(HERE, shifted(0.029), flat, SETTLES) and not stay(HERE, shifted(-0.031), flat, SETTLES)
    for axis in ([1, 0, 0], [0, 0, 1]):
        assert stay(HERE, turned(axis, 0.29), flat, SETTLES) and not stay(HERE, turned(axis, -0.31), flat, SETTLES)
    both = np.concatenate([HERE, turned([0, 1, 0], 1.5)])
    assert not stay(np.concatenate([HERE, HERE]), both, [False, False], SETTLES)


def test_what_is_round_may_turn_about_its_own_axis_standing_and_rolling() -> None:
    assert stay(HERE, turned([0, 0, 1], 2.0), [True], SETTLES) and not stay(HERE, turned([1, 0, 0], 0.5), [True], SETTLES)
    rolled = [np.concatenate([HERE[0, :3], qmult(LYING, axangle2quat([0, 0, 1], by))])[None] for by in (0.0, 1.0)]
    assert stay(*rolled, [True], SETTLES) and not stay(*rolled, [False], SETTLES)


def test_an_orientation_need_not_be_of_unit_length() -> None:
    assert stay(HERE * [[1, 1, 1, 0.9, 1, 1, 1]], HERE, [False], STIRS)


@pytest.mark.parametrize(
    ("asked", "earlier", "settled", "rests"),
    [
        (HERE, HERE, HERE, True),
        (HERE, HERE, turned([1, 0, 0], 0.05), False),
        (HERE, turned([1, 0, 0], 0.4), turned([1, 0, 0], 0.4), False),
        (HERE, *[turned([1, 0, 0], 0.2)] * 2, True),
        *[(HERE * [[1, 1, z, 1, 1, 1, 1]],) * 3 + (False,) for z in (0.0, -1.0)],
    ],
)
def test_at_rest_is_where_it_was_put_on_something_and_still(
    asked: np.ndarray, earlier: np.ndarray, settled: np.ndarray, rests: bool
) -> None:
    assert at_rest(asked, earlier, settled, [False]) is rests


def test_nothing_rests() -> None:
    nothing = np.zeros((0, 7))
    assert at_rest(nothing, nothing, nothing, [])
