"""Whether something that was seen stands where the base is about to drive."""

import numpy as np
import pytest

from fail2progress.robots.stretch.free_space import FEW, FREE, OCCUPIED, UNKNOWN, obstacle, occupancy, thinned
from fail2progress.robots.stretch.real.states import State, StretchError, Trouble
from fail2progress.skills.base import SkillCall
from support.driving import robot

HERE, AHEAD = np.zeros(2), np.array([0.0, 1.0])
OWN = np.zeros((1, 2))


def pole(x: float, y: float, low: float = 0.1, high: float = 0.6, count: int = 12) -> np.ndarray:
    """(N, 3)."""
    return np.stack([np.full(count, x), np.full(count, y), np.linspace(low, high, count)], axis=1)


@pytest.mark.parametrize(
    ("points", "free"),
    [
        (pole(0.0, 0.6), False),
        (pole(0.15, 0.6), False),
        (pole(0.0, 1.25, 0.1, 0.15), False),
        (pole(0.0, 1.4), True),
        (pole(0.25, 0.6, 0.3, 1.0), True),
        (pole(0.25, 0.6, 0.1, 0.15), False),
        (pole(0.1, 0.1), True),
        (pole(0.0, 0.6, 0.0, 0.05), True),
        (pole(0.0, 0.6, 1.5, 2.0), True),
        (pole(0.0, 0.6, count=FEW), True),
        (np.empty((0, 3)), True),
    ],
    ids=["ahead", "beside its middle", "low at the end", "behind the end", "a table over the foot", "low at the edge", "itself",
         "the floor", "the ceiling", "noise", "nothing"],
)  # fmt: skip
def test_what_stands_within_the_outline_on_the_way_blocks_it(points: np.ndarray, free: bool) -> None:
    found = obstacle(points, HERE, AHEAD, OWN)
    assert (found is None) == free
    if found is not None:
        assert np.linalg.norm(found[:2] - points[0, :2]) < 1e-9


def test_a_cloud_is_thinned_without_floor_and_what_is_far_away() -> None:
    rng = np.random.default_rng(0)
    cloud = np.concatenate(
        [rng.uniform([-1, -1, 0.5], [1, 1, 0.6], (5000, 3)), rng.uniform([-9, -9, -0.1], [9, 9, 0.05], (500, 3))]
    )
    few = thinned(cloud.astype(np.float32))
    assert 100 < len(few) < 5000 and (few[:, 2] >= 0.5).all()


@pytest.mark.parametrize("at", [0.55, 0.8])
def test_a_robot_says_what_is_in_its_way_and_goes_on_when_it_is_clear(at: float) -> None:
    made, body = robot("cup", "table")
    made.around = lambda: pole(0.0, at)
    made.observe()
    if at > 0.7:
        made.execute(SkillCall("push", "cup", (0.7, 0.1)))
        return
    with pytest.raises(StretchError, match=r"in the base's way at x, y, z = 0.00, 0.55.*: clear the way") as caught:
        made.execute(SkillCall("push", "cup", (0.7, 0.1)))
    assert caught.value.trouble is Trouble.BLOCKED and made.state is State.IDLE
    assert not [command for command in body.commands if command.joint == "translate"]
    made.around = lambda: np.empty((0, 3))
    made.observe()
    made.execute(SkillCall("push", "cup", (0.7, 0.1)))


def test_cells_are_free_only_where_the_floor_was_seen() -> None:
    """x to the right in columns, y upwards in rows, 0.04 m a cell from -3 m."""
    points = [
        [0.5, 0.02, 0.01],
        [0.5, 0.9, 0.0],
        [0.5, 0.9, 0.4],
        [-2.99, 2.99, 0.0],
        [1.0, 1.0, 2.5],
        [1.1, 1.1, -0.5],
        [3.2, 0, 0],
    ]
    cells = occupancy(np.array(points, np.float32))
    assert cells.shape == (150, 150)
    assert cells[75, 87] == FREE and cells[97, 87] == OCCUPIED and cells[149, 0] == FREE
    assert (cells != UNKNOWN).sum() == 3, "what hangs above the robot, lies below the floor or is far away tells nothing"
    assert (occupancy(np.empty((0, 3), np.float32)) == UNKNOWN).all()
