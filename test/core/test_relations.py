from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.relations import (
    BINARY,
    Mask,
    RelationState,
    Thresholds,
    binary_relations,
    ground_truth,
    ground_truths,
    unary_relations,
)
from fail2progress.core.scene import Scene, pose
from fail2progress.tasks.pretraining import job

LEFT, RIGHT, FRONT, BEHIND, ABOVE, BELOW, CONTACT, BOUNDARY, INSIDE = range(len(BINARY))
# Multiples of 1/64 m: sums and differences are exact, so that ties occur and an invariance means equality.
GRID = 64.0
place = st.integers(-40, 40)
half = st.integers(1, 16)
boxes = st.lists(st.tuples(place, place, place, half, half, half), min_size=1, max_size=6).map(
    lambda rows: np.array([[np.subtract(r[:3], r[3:]), np.add(r[:3], r[3:])] for r in rows]) / GRID
)


def box(centre: tuple[float, float, float], size: tuple[float, float, float]) -> list[list[float]]:
    return [[c - s / 2 for c, s in zip(centre, size, strict=True)], [c + s / 2 for c, s in zip(centre, size, strict=True)]]


def relations(*bounds: list[list[float]], thresholds: Thresholds | None = None) -> Mask:
    none = np.zeros((len(bounds), len(bounds)), bool)
    return binary_relations(np.array(bounds), none, thresholds or Thresholds())


def untouched(bounds: NDArray[np.float64]) -> Mask:
    return binary_relations(bounds, np.zeros((len(bounds), len(bounds)), bool))


@given(boxes)
def test_directions_mirror_each_other_and_never_hold_both_ways(bounds: NDArray[np.float64]) -> None:
    r = untouched(bounds)
    for one, other in ((LEFT, RIGHT), (FRONT, BEHIND), (ABOVE, BELOW)):
        assert (r[..., one] == r[..., other].T).all()
        assert not (r[..., one] & r[..., one].T).any()


@given(boxes)
def test_nothing_is_related_to_itself(bounds: NDArray[np.float64]) -> None:
    own = np.arange(len(bounds))
    assert not binary_relations(bounds, np.ones((len(bounds), len(bounds)), bool))[own, own].any()


@given(boxes, st.integers(0, 2**32))
def test_contact_is_symmetric_and_what_the_simulator_said(bounds: NDArray[np.float64], seed: int) -> None:
    touching = np.random.default_rng(seed).random((len(bounds), len(bounds))) < 0.3
    contact = binary_relations(bounds, touching)[..., CONTACT]
    assert (contact == contact.T).all()
    apart = ~np.eye(len(bounds), dtype=bool)
    assert (contact == ((touching | touching.T) & apart)).all()


@given(boxes)
def test_inside_implies_containment_and_never_holds_both_ways(bounds: NDArray[np.float64]) -> None:
    inside = untouched(bounds)[..., INSIDE]
    assert not (inside & inside.T).any()
    for i, j in np.argwhere(inside):
        assert (bounds[i, 0] >= bounds[j, 0] - 0.002).all() and (bounds[i, 1] <= bounds[j, 1] + 0.002).all()


@given(boxes)
def test_boundary_implies_above_and_a_large_surface(bounds: NDArray[np.float64]) -> None:
    r = untouched(bounds)
    assert not (r[..., BOUNDARY] & ~r[..., ABOVE]).any()
    small = ((bounds[:, 1] - bounds[:, 0])[:, :2] <= 0.2).any(axis=1)
    assert not r[:, small, BOUNDARY].any()


@given(boxes)
def test_a_quarter_turn_maps_directions_onto_each_other(bounds: NDArray[np.float64]) -> None:
    """Counter-clockwise about z, (x, y) -> (-y, x): what was behind is then left, what was left is then in front."""
    low, high = bounds[:, 0], bounds[:, 1]
    turned = np.stack(
        [np.stack([-high[:, 1], low[:, 0], low[:, 2]], -1), np.stack([-low[:, 1], high[:, 0], high[:, 2]], -1)], axis=1
    )
    r, t = untouched(bounds), untouched(turned)
    for before, after in ((BEHIND, LEFT), (LEFT, FRONT), (FRONT, RIGHT), (RIGHT, BEHIND)):
        assert (r[..., before] == t[..., after]).all(), BINARY[before]
    for same in (ABOVE, BELOW, BOUNDARY, INSIDE):
        assert (r[..., same] == t[..., same]).all(), BINARY[same]


@given(boxes, st.tuples(place, place, place))
def test_moving_the_whole_scene_changes_nothing(bounds: NDArray[np.float64], shift: tuple[int, int, int]) -> None:
    assert (untouched(bounds) == untouched(bounds + np.array(shift) / GRID)).all()


@given(boxes, st.randoms())
def test_the_order_of_objects_does_not_matter(bounds: NDArray[np.float64], random: Random) -> None:
    order = list(range(len(bounds)))
    random.shuffle(order)
    assert (untouched(bounds)[np.ix_(order, order)] == untouched(bounds[order])).all()


@pytest.mark.parametrize(
    ("offset", "relation"),
    [
        ((0.0, 0.3, 0.0), LEFT),
        ((0.0, -0.3, 0.0), RIGHT),
        ((-0.3, 0.0, 0.0), FRONT),
        ((0.3, 0.0, 0.0), BEHIND),
        ((0.0, 0.0, 0.3), ABOVE),
        ((0.0, 0.0, -0.3), BELOW),
    ],
)
def test_each_direction_alone(offset: tuple[float, float, float], relation: int) -> None:
    r = relations(box(offset, (0.1, 0.1, 0.1)), box((0, 0, 0), (0.1, 0.1, 0.1)))
    assert np.flatnonzero(r[0, 1]).tolist() == [relation]


@pytest.mark.parametrize(("sideways", "holding"), [(0.19, [BEHIND]), (0.21, [LEFT])])
def test_the_cone_opens_by_45_degrees_from_the_corners(sideways: float, holding: list[int]) -> None:
    """0.2 m behind the other's back edge, and so far beyond its left edge."""
    small = box((0.05 + 0.2, 0.05 + sideways, 0.0), (0.02, 0.02, 0.1))
    assert np.flatnonzero(relations(small, box((0, 0, 0), (0.1, 0.1, 0.1)))[0, 1]).tolist() == holding


def test_the_wider_cone_of_the_reference_code_lets_both_hold() -> None:
    pair = box((0.25, 0.24, 0.0), (0.02, 0.02, 0.1)), box((0, 0, 0), (0.1, 0.1, 0.1))
    wide = relations(*pair, thresholds=Thresholds(cone=np.pi / 2.25))
    assert np.flatnonzero(wide[0, 1]).tolist() == [LEFT, BEHIND]


def test_overlapping_neighbours_have_no_direction() -> None:
    assert not relations(box((0.02, 0.02, 0), (0.1, 0.1, 0.1)), box((0, 0, 0), (0.1, 0.1, 0.1)))[0, 1].any()


@pytest.mark.parametrize(
    ("to_edge", "surface", "expected"),
    [(0.099, 0.5, True), (0.101, 0.5, False), (0.05, 0.201, True), (0.05, 0.199, False), (0.001, 0.5, True)],
)
def test_the_boundary_is_a_tenth_of_a_metre_on_surfaces_over_two_tenths(to_edge: float, surface: float, expected: bool) -> None:
    table = box((0, 0, 0), (surface, 0.6, 0.04))
    cube = box((surface / 2 - to_edge, 0.0, 0.04), (0.03, 0.03, 0.04))
    assert relations(cube, table)[0, 1, BOUNDARY] == expected


def test_beside_a_table_is_not_on_its_boundary() -> None:
    assert not relations(box((0.23, 0, -0.3), (0.03, 0.03, 0.04)), box((0, 0, 0), (0.5, 0.5, 0.04)))[0, 1, BOUNDARY]


@pytest.mark.parametrize(("raised", "expected"), [(0.0, True), (0.0019, True), (0.0021, False)])
def test_inside_forgives_the_compliance_of_contacts(raised: float, expected: bool) -> None:
    cup, capsule = box((0, 0, 0), (0.08, 0.08, 0.07)), box((0, 0, 0.035 - 0.015 + raised), (0.03, 0.03, 0.03))
    assert relations(capsule, cup)[0, 1, INSIDE] == expected


def test_equal_boxes_are_not_inside_each_other() -> None:
    assert not relations(box((0, 0, 0), (0.1, 0.1, 0.1)), box((0, 0, 0), (0.1, 0.1, 0.1)))[..., INSIDE].any()


def test_a_loaded_cup_on_a_table() -> None:
    table, cup = box((0, 0, 0), (0.5, 0.5, 0.04)), box((0, 0, 0.055), (0.08, 0.08, 0.07))
    capsule = box((0, 0, 0.04), (0.03, 0.03, 0.03))
    r = relations(table, cup, capsule)
    assert r[1, 0, ABOVE] and r[2, 0, ABOVE] and r[0, 1, BELOW]
    assert r[2, 1, INSIDE] and not r[1, 2, INSIDE] and not r[2, 0, INSIDE]
    assert not r[1, 0, BOUNDARY]


def test_unary_relations_and_the_opening_of_a_drawer() -> None:
    objects = (
        ObjectSpec("cup", "cup", (0.08, 0.08, 0.07)),
        ObjectSpec("shut", "drawer", (0.3, 0.3, 0.1)),
        ObjectSpec("open", "drawer", (0.3, 0.3, 0.1)),
    )
    scene = Scene(objects, np.array([pose(i, 0, 0) for i in range(3)]), {"shut": 0.019, "open": 0.021})
    state = ground_truth(scene, np.zeros((3, 3), bool))
    assert state.unary.tolist() == [[True, False, False], [False, True, False], [False, True, True]]
    assert state.value("open", "open") == 1.0 and state.value("movable", "shut") == 0.0


def test_a_scene_without_objects_has_no_relations() -> None:
    assert ground_truth(Scene((), np.empty((0, 7))), np.zeros((0, 0), bool)).holding() == []


def test_the_atoms_that_hold_are_listed_by_name() -> None:
    binary = np.zeros((2, 2, len(BINARY)))
    binary[0, 1, INSIDE], binary[1, 0, LEFT] = 0.9, 0.4
    state = RelationState(("a", "b"), binary, np.zeros((2, 3)))
    assert state.holding() == [("inside", "a", "b")]
    assert state.holding(0.3) == [("inside", "a", "b"), ("left", "b", "a")]


def test_errors_name_what_is_wrong() -> None:
    state = RelationState(("a", "b"), np.zeros((2, 2, 9)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"'mug'.*a, b"):
        state.value("left", "mug", "a")
    with pytest.raises(ValueError, match=r"'beside'.*left, right"):
        state.value("beside", "a", "b")
    with pytest.raises(ValueError, match=r"'left'.*movable"):
        state.value("left", "a")
    with pytest.raises(ValueError, match=r"2 objects.*\(2, 2, 8\)"):
        RelationState(("a", "b"), np.zeros((2, 2, 8)), np.zeros((2, 3)))


def test_relations_of_scenes_of_different_sizes_in_one_pass_are_those_of_each_alone() -> None:
    scenes = [job(23, number).scene for number in range(5)]
    contacts = [np.random.default_rng(number).random((len(scene),) * 2) < 0.2 for number, scene in enumerate(scenes)]
    assert len({len(scene) for scene in scenes}) > 1
    for scene, own, state in zip(scenes, contacts, ground_truths(scenes, contacts), strict=True):
        np.testing.assert_array_equal(state.binary, binary_relations(scene.bounds(), own))
        np.testing.assert_array_equal(state.unary, unary_relations(scene))
        assert state.names == scene.names
