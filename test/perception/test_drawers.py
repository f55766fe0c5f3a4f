"""The way in which a drawer is shut, by points made by hand of a cabinet and of a drawer in it, turned by any angle."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from fail2progress.perception.drawers import way_in

Points = NDArray[np.float32]
RNG = np.random.default_rng(0)
AHEAD = np.array([1.0, 0.0])
TRIM = 0.01


def _between(low: tuple[float, float, float], high: tuple[float, float, float]) -> Points:
    return RNG.uniform(low, high, (400, 3)).astype(np.float32)


def _cabinet(deep: float = 0.125) -> Points:
    """Its top and its front towards -x, as a camera before it sees them."""
    return np.concatenate(
        [_between((-deep, -0.15, 0.149), (deep, 0.15, 0.15)), _between((-deep, -0.15, 0), (0.002 - deep, 0.15, 0.15))]
    )


def _drawer(opening: float, shown: float = 0.0) -> Points:
    """Its front, and its floor as far as it is `shown` (m) behind that."""
    front = _between((-0.123, -0.13, 0.02), (-0.12, 0.13, 0.13))
    floor = _between((-0.123, -0.13, 0.02), (-0.123 + shown, 0.13, 0.022))
    return np.concatenate([front, floor] if shown else [front]) - np.array([opening, 0, 0], np.float32)


def _turned(points: Points, degrees: float) -> Points:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]), np.float32)


@pytest.mark.parametrize("degrees", range(0, 360, 30))
@pytest.mark.parametrize(("opening", "shown"), [(0.0, 0.0), (0.04, 0.04), (0.04, 0.22), (0.16, 0.16)])
def test_the_way_in_is_told_by_the_side_at_which_the_front_is(degrees: float, opening: float, shown: float) -> None:
    drawer, cabinet = (_turned(points, degrees) for points in (_drawer(opening, shown), _cabinet()))
    inwards, across = way_in(drawer, cabinet, AHEAD, TRIM)
    angle = np.radians(degrees)
    assert inwards @ [np.cos(angle), np.sin(angle)] > 0.99
    assert across == pytest.approx([-inwards[1], inwards[0]])


@pytest.mark.parametrize(("opening", "shown"), [(0.0, 0.0), (0.04, 0.22), (0.16, 0.16)])
def test_what_is_seen_to_be_as_thought_is_as_thought_to_the_last_digit(opening: float, shown: float) -> None:
    for degrees in (0.0, 5.0):
        drawer, cabinet = (_turned(points, degrees) for points in (_drawer(opening, shown), _cabinet()))
        assert (way_in(drawer, cabinet, AHEAD, TRIM)[0] == AHEAD).all()


def test_what_cannot_be_told_is_as_thought() -> None:
    """Of a cabinet that is seen straight from ahead there is a plane, which has a shut drawer's front at both of its sides; and
    what is beside all of a cabinet is no drawer at any of its sides."""
    for thought in (AHEAD, -AHEAD):
        assert (way_in(_drawer(0.0) + np.array([0.123, 0, 0], np.float32), _cabinet(0.001), thought, TRIM)[0] == thought).all()
        assert (way_in(_drawer(0.0) + np.array([0.4, 0.4, 0], np.float32), _cabinet(), thought, TRIM)[0] == thought).all()


@pytest.mark.parametrize("columns", [2, 5, 8])
@pytest.mark.parametrize("degrees", [0, 10, 40])
def test_of_a_wide_front_alone_no_column_is_at_a_side_of_it(columns: int, degrees: float) -> None:
    """What is pulled out there is, as what is pulled out of the front."""
    front = _between((0.0, -0.4, 0.0), (0.002, 0.4, 0.3))
    edges = np.linspace(-0.4, 0.4, columns + 1)
    for low, high in itertools.pairwise(edges):
        for pulled in (0.0, 0.1):
            drawer = _between((-0.002 - pulled, low + 0.005, 0.1), (-pulled, high - 0.005, 0.2))
            seen = way_in(_turned(drawer, degrees), _turned(front, degrees), AHEAD, TRIM)[0]
            thought = np.radians(degrees if pulled and degrees else 0)
            assert seen @ [np.cos(thought), np.sin(thought)] > 0.98
    aside = _between((-0.001, 0.42, 0.1), (0.003, 0.5, 0.2))
    assert (
        way_in(_turned(aside, degrees), _turned(front, degrees), AHEAD, TRIM)[0] @ _turned(np.array([[0, -1, 0]]), degrees)[0, :2]
        > 0.98
    )
