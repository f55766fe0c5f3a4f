"""Completed boxes: what things stand on and lie in, on hand-made views."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.objects import Shape
from fail2progress.core.scene import pose
from fail2progress.perception.completion import Thresholds, complete
from fail2progress.perception.segmentation.base import Perceived, Segment

RNG = np.random.default_rng(0)


def segment(name: str, points: np.ndarray, shape: Shape, category: str = "cuboid") -> Segment:
    return Segment(name, category, shape, points.astype(np.float32), np.arange(len(points)), pose(0, 0, 0), np.ones(3), 1.0)


def table(x: float = 0.0, width: float = 0.8) -> Segment:
    points = np.column_stack([RNG.uniform(-width / 2, width / 2, (3000, 2)) + np.array([x, 0.0]), np.full(3000, 0.5)])
    return segment("table", points, Shape.TABLE, "table")


def top(name: str, x: float, z: float, width: float = 0.05) -> Segment:
    """The upper side of a box: all that is seen of it."""
    points = np.column_stack([RNG.uniform(-width / 2, width / 2, (400, 2)) + np.array([x, 0.0]), np.full(400, z)])
    return segment(name, points, Shape.CUBOID)


def cup(name: str, x: float, low: float, high: float, width: float = 0.12) -> Segment:
    """Four walls."""
    points = np.column_stack([RNG.uniform(-width / 2, width / 2, (800, 2)), RNG.uniform(low, high, 800)])
    side = RNG.integers(2, size=800)
    points[np.arange(800), side] = np.sign(points[np.arange(800), side]) * width / 2
    points[:, 0] += x
    return segment(name, points, Shape.OPEN_BOX, "cup")


def rows(*parts: Segment) -> tuple[list[int], list[int], np.ndarray]:
    surfaces = tuple(part for part in parts if part.shape is Shape.TABLE)
    others = tuple(part for part in parts if part.shape is not Shape.TABLE)
    done = complete(Perceived(others, surfaces, np.eye(4), 640, 480), Thresholds())
    return done.support.tolist(), done.container.tolist(), done.bounds


def test_a_stack_of_three_stands_one_on_the_other() -> None:
    support, container, bounds = rows(table(), top("c", 0.0, 0.65, 0.04), top("a", 0.0, 0.55, 0.08), top("b", 0.0, 0.6, 0.06))
    assert support == [-1, 3, 0, 2] and container == [-1] * 4
    assert bounds[1:, 0, 2] == pytest.approx([0.6, 0.5, 0.55], abs=2e-3)


def test_a_content_stands_on_its_containers_floor() -> None:
    support, container, bounds = rows(table(), cup("cup", 0.0, 0.5, 0.6), top("ball", 0.01, 0.54))
    assert support == [-1, 0, 1] and container == [-1, -1, 1]
    assert bounds[2, 0, 2] == pytest.approx(0.506, abs=3e-3)


def test_what_stands_on_a_content_is_in_the_same_container() -> None:
    support, container, _ = rows(table(), cup("cup", 0.0, 0.5, 0.6), top("low", 0.0, 0.53), top("high", 0.0, 0.57, 0.04))
    assert support == [-1, 0, 1, 2] and container == [-1, -1, 1, 1]


def test_what_lies_across_the_rim_is_not_inside() -> None:
    support, container, _ = rows(table(), cup("cup", 0.0, 0.5, 0.6), top("lid", 0.0, 0.62, 0.2))
    assert support == [-1, 0, 1] and container == [-1, -1, -1]


def test_what_is_seen_on_the_outside_of_a_wall_is_not_inside() -> None:
    patch = np.column_stack([RNG.uniform(-0.06, -0.058, 300), RNG.uniform(-0.02, 0.02, 300), RNG.uniform(0.55, 0.6, 300)])
    _, container, _ = rows(table(), cup("cup", 0.0, 0.5, 0.6), segment("label", patch, Shape.CUBOID))
    assert container == [-1, -1, -1]


def test_what_is_nowhere_seen_below_the_rim_is_not_inside() -> None:
    _, container, _ = rows(table(), cup("cup", 0.0, 0.5, 0.6), top("bird", 0.0, 0.62))
    assert container == [-1, -1, -1]


def test_what_a_container_is_turned_over_is_not_inside_it() -> None:
    under = segment("box", RNG.uniform((-0.03, -0.03, 0.5), (0.03, 0.03, 0.6), (400, 3)), Shape.CUBOID)
    _, container, _ = rows(table(), cup("bowl", 0.0, 0.56, 0.66), under)
    assert container == [-1, -1, -1]


def test_what_is_closed_on_top_holds_nothing_however_low_a_thing_on_it_was_seen() -> None:
    # A carton on a book whose readings reach down over the book's edge, as those of neighbours do where cameras smear depth.
    smeared = np.column_stack([RNG.uniform(-0.03, 0.03, (400, 2)), RNG.uniform(0.52, 0.65, 400)])
    carton = segment("carton", smeared, Shape.CUBOID)
    _, container, _ = rows(table(), top("book", 0.0, 0.55, 0.2), carton)
    assert container == [-1, -1, -1]


def test_what_stands_on_the_low_end_of_something_that_leans_stands_on_it() -> None:
    flat = RNG.uniform(-0.1, 0.1, (2000, 2))
    book = segment("book", np.column_stack([flat, 0.56 + 0.3 * flat[:, 0]]), Shape.CUBOID)
    support, container, bounds = rows(table(), book, top("can", -0.06, 0.62, 0.04))
    sides = np.column_stack([RNG.uniform(-0.08, -0.04, 400), RNG.uniform(-0.02, 0.02, 400), RNG.uniform(0.545, 0.62, 400)])
    assert support == [-1, 0, 1] and container == [-1] * 3
    support, _, bounds = rows(table(), book, segment("can", sides, Shape.CUBOID))
    assert support == [-1, 0, 1] and bounds[2, 0, 2] == pytest.approx(0.545, abs=0.02)


def test_an_object_beside_what_is_seen_of_a_table_still_stands_on_it() -> None:
    support, _, bounds = rows(table(), top("near", 0.5, 0.56), top("far", 0.8, 0.56))
    assert support == [-1, 0, -1]
    assert bounds[1, 0, 2] == pytest.approx(0.5, abs=2e-3) and bounds[2, 0, 2] == pytest.approx(0.56)


def test_the_height_of_a_table_withstands_noise() -> None:
    flat = table()
    noisy = segment("table", flat.points + 0.01 * RNG.standard_normal(flat.points.shape), Shape.TABLE, "table")
    _, _, bounds = rows(noisy)
    assert bounds[0, 1, 2] == pytest.approx(0.505, abs=3e-3)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(list(Shape)), st.integers(0, 60)), max_size=5), st.integers(0, 1000))
def test_boxes_stay_boxes_and_nothing_is_in_or_on_itself(parts: list[tuple[Shape, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    given_parts = [segment(str(i), rng.uniform(-0.2, 0.2, (count, 3)), shape) for i, (shape, count) in enumerate(parts)]
    support, container, bounds = rows(*given_parts)
    assert (bounds[:, 0] <= bounds[:, 1] + 1e-9).all()
    assert all(row != i for i, row in enumerate(support)) and all(row != i for i, row in enumerate(container))


def test_what_stands_under_an_overhanging_wall_is_seen_beside_the_mouth_and_not_inside() -> None:
    angles, high = RNG.uniform(0, 2 * np.pi, 1200), RNG.uniform(0.0, 0.1, 1200)
    reach = 0.04 + 0.6 * high  # a bowl, wider at its rim by 6 cm on every side
    wall = np.column_stack([reach * np.cos(angles), reach * np.sin(angles), 0.5 + high])
    bowl = segment("bowl", wall, Shape.OPEN_BOX, "cup")
    low = RNG.uniform((-0.08, -0.02, 0.5), (-0.06, 0.02, 0.53), (300, 3))
    eye = np.eye(4)
    eye[:3, 3] = (-0.5, 0.0, 1.2)

    def container(points: np.ndarray) -> int:
        frame = Perceived((bowl, segment("thing", points, Shape.CUBOID)), (table(),), eye, 640, 480)
        return int(complete(frame, Thresholds()).container[2])

    assert container(low) == -1
    assert container(low + np.array([0.09, 0.0, 0.02])) == 1


def test_what_is_remembered_in_a_container_stays_there_though_the_camera_could_not_see_it_now() -> None:
    deep = cup("box", 0.0, 0.5, 0.65, 0.2)
    content = segment("block", RNG.uniform((-0.03, -0.03, 0.52), (0.03, 0.03, 0.57), (300, 3)), Shape.CUBOID)
    eye = np.eye(4)
    eye[:3, 3] = (-1.5, 0.0, 0.8)  # past the wall it sees no more than the opposite one

    def container(content: Segment) -> int:
        return int(complete(Perceived((deep, content), (table(),), eye, 640, 480), Thresholds()).container[2])

    assert container(content) == -1
    assert container(replace(content, pixels=np.empty(0, np.int64), visibility=0.0)) == 1


def block(name: str, x: float, size: tuple[float, float, float], z: float = 0.5, front: bool = False) -> Segment:
    """All sides of a box that stands at a height (m) but its lower one; front: only the one towards -y."""
    points = RNG.uniform(-0.5, 0.5, (1500, 3))
    axis = np.full(1500, 1) if front else RNG.integers(3, size=1500)
    points[np.arange(1500), axis] = np.where(axis == 2, 0.5, -0.5 if front else np.sign(points[np.arange(1500), axis]) * 0.5)
    readings = (points + np.array([0, 0, 0.5])) * size + np.array([x, 0, z])
    return segment(name, readings + 3e-4 * RNG.standard_normal(readings.shape), Shape.CUBOID)


@pytest.mark.parametrize("gap", [0.06, 0.14, 0.24])
@pytest.mark.parametrize("front", [False, True])
def test_what_bridges_two_things_stands_on_both_and_not_on_the_table(gap: float, front: bool) -> None:
    off = gap / 2 + 0.03
    piers = [block(name, x, (0.06, 0.06, 0.08), front=front) for name, x in (("left", -off), ("right", off))]
    plank = block("plank", 0.0, (gap + 0.1, 0.07, 0.02), 0.58)
    done = complete(Perceived((*piers, plank), (table(),), np.eye(4), 640, 480), Thresholds())
    assert done.bounds[3, 0, 2] == pytest.approx(0.58, abs=4e-3) and done.carried[3].tolist() == [False, True, True, False]
    assert done.support[1:3].tolist() == [0, 0] and done.carried[1:3].tolist() == [[True, False, False, False]] * 2


def test_of_a_bridge_only_the_top_of_which_is_seen_the_piers_carry_it() -> None:
    piers = [block(name, x, (0.06, 0.08, 0.08)) for name, x in (("left", -0.1), ("right", 0.1))]
    support, _, bounds = rows(table(), *piers, top("plank", 0.0, 0.61, 0.24))
    assert support[3] in (1, 2) and bounds[3, 0, 2] == pytest.approx(0.58, abs=4e-3)


def test_the_top_of_a_pyramid_one_base_of_which_is_hidden_stands_on_the_other() -> None:
    base, above = block("base", -0.05, (0.08, 0.08, 0.06)), block("above", 0.01, (0.08, 0.08, 0.05), 0.56)
    support, _, bounds = rows(table(), base, above)
    assert support == [-1, 0, 1] and bounds[2, 0, 2] == pytest.approx(0.56, abs=2e-3)


def test_what_stands_beside_a_thing_or_a_card_stands_on_the_table() -> None:
    tall, low = block("tall", 0.0, (0.06, 0.06, 0.2)), block("low", 0.061, (0.06, 0.06, 0.1))
    support, _, bounds = rows(table(), tall, low, block("card", -0.05, (0.06, 0.06, 0.003)))
    assert support == [-1, 0, 0, 0] and bounds[1:, 0, 2] == pytest.approx(0.5, abs=2e-3)


def test_what_bridges_two_things_in_a_box_is_in_the_box() -> None:
    piers = [block(name, x, (0.04, 0.06, 0.04), 0.506) for name, x in (("left", -0.06), ("right", 0.06))]
    plank = block("plank", 0.0, (0.14, 0.05, 0.02), 0.546)
    support, container, bounds = rows(table(), cup("box", 0.0, 0.5, 0.6, 0.2), *piers, plank)
    assert support[4] in (2, 3) and container == [-1, -1, 1, 1, 1] and bounds[4, 0, 2] == pytest.approx(0.546, abs=4e-3)
