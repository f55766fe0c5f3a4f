from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.memory import ObjectMemory, gone, matching, witnessed
from fail2progress.core.observation import SegmentedCloud


def cloud(seed: int, hidden: tuple[int, ...] = (), names: tuple[str, ...] = ("a", "b", "c")) -> SegmentedCloud:
    """Three things apart from each other."""
    points = np.random.default_rng(seed).normal(size=(3, 8, 3)) + 10.0 * np.arange(3)[:, None, None]
    points = points.astype(np.float32)
    visibility = np.ones(3, np.float32)
    points[list(hidden)], visibility[list(hidden)] = np.nan, 0.0
    return SegmentedCloud(names, ("cup",) * 3, points, visibility)


def test_what_is_seen_is_kept_as_it_is_seen() -> None:
    memory = ObjectMemory()
    memory.update(cloud(0))
    assert np.array_equal(memory.update(cloud(1)).points, cloud(1).points)


@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=3, max_size=3), st.sets(st.integers(0, 2)))
def test_hidden_objects_are_where_they_were_expected(shift: list[tuple[float, float, float]], hidden: set[int]) -> None:
    memory = ObjectMemory()
    memory.update(cloud(0))
    found = memory.update(cloud(1, tuple(hidden)), np.array(shift))
    expected = cloud(0).points + np.array(shift, np.float32)[:, None]
    for row in range(3):
        np.testing.assert_allclose(found.points[row], expected[row] if row in hidden else cloud(1).points[row], atol=1e-5)
    assert found.seen.all()
    assert (found.visibility == 0).tolist() == [row in hidden for row in range(3)]


def test_shifts_of_an_object_that_stays_hidden_add_up() -> None:
    memory, shift = ObjectMemory(), np.full((3, 3), 0.1)
    memory.update(cloud(0))
    memory.update(cloud(1, (2,)), shift)
    found = memory.update(cloud(2, (2,)), shift)
    np.testing.assert_allclose(found.points[2], cloud(0).points[2] + 0.2, atol=1e-5)


def test_what_was_never_seen_stays_unknown() -> None:
    memory = ObjectMemory()
    assert not memory.update(cloud(0, (1,))).seen[1]
    assert not memory.update(cloud(1, (1,)), np.ones((3, 3))).seen[1]


@pytest.mark.parametrize("forget", [True, False])
def test_other_objects_or_a_new_start_are_not_filled_in(forget: bool) -> None:
    memory = ObjectMemory()
    memory.update(cloud(0))
    if forget:
        memory.forget()
    names = ("a", "b", "c") if forget else ("a", "b", "d")
    assert not memory.update(cloud(1, (2,), names)).seen[2]


def test_what_has_another_place_in_the_list_is_still_remembered() -> None:
    memory = ObjectMemory()
    memory.update(cloud(0))
    found = memory.update(cloud(1, (0, 2), ("c", "new", "a")), np.full((3, 3), 0.5))
    np.testing.assert_allclose(found.points[[0, 2]], cloud(0).points[[2, 0]] + 0.5, atol=1e-5)
    assert np.array_equal(found.points[1], cloud(1).points[1])


def test_matching_names_what_is_wanted_and_leaves_out_the_rest() -> None:
    found = matching(cloud(0), cloud(1, (), ("b", "x", "a")))
    assert found.names == ("b", "x", "a")
    assert found.seen.tolist() == [True, False, True]
    assert np.array_equal(found.points[[0, 2]], cloud(0).points[[1, 0]])


def tabletop(cup: float, pill: float, hidden: bool) -> SegmentedCloud:
    """A cup at x = `cup` m with a pill at x = `pill` m, which may be out of sight; each as the corners of its box."""
    corners = np.stack(np.meshgrid((-0.5, 0.5), (-0.5, 0.5), (-0.5, 0.5)), -1).reshape(8, 3)
    points = np.stack([corners * 0.1 + (cup, 0.0, 0.05), corners * 0.03 + (pill, 0.0, 0.02), corners * 0.05 + (9.0, 0.0, 0.0)])
    visibility = np.array([1.0, 0.0 if hidden else 1.0, 1.0], np.float32)
    points[1] = np.nan if hidden else points[1]
    return SegmentedCloud(("cup", "pill", "far"), ("cup", "capsule", "cuboid"), points.astype(np.float32), visibility)


@pytest.mark.parametrize("cup", [0.5, 0.0])
def test_a_hidden_content_goes_where_its_container_went(cup: float) -> None:
    """Whatever was expected of it: here, that it stays while the cup travels, or travels while the cup stays."""
    memory = ObjectMemory()
    memory.update(tabletop(0.0, 0.01, False))
    expected = np.array([[0.5 - cup, 0.0, 0.0], [0.5 - cup, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = memory.update(tabletop(cup, 0.0, True), expected)
    np.testing.assert_allclose(found.points[1].mean(axis=0), (cup + 0.01, 0.0, 0.02), atol=1e-6)


def test_what_lay_beside_a_container_does_not_go_with_it() -> None:
    memory = ObjectMemory()
    memory.update(tabletop(0.0, 0.2, False))
    found = memory.update(tabletop(0.5, 0.0, True), np.zeros((3, 3)))
    np.testing.assert_allclose(found.points[1].mean(axis=0), (0.2, 0.0, 0.02), atol=1e-6)


def test_what_is_in_a_drawer_goes_with_it_though_only_its_front_is_seen_when_shut() -> None:
    """The sides of the view: the front moved by 0.12 m as expected; the back is hidden in the cabinet afterwards."""
    box = np.array([[x, y, z] for x in (0.0, 0.2) for y in (-0.1, 0.1) for z in (0.0, 0.08)], np.float32)
    front = np.repeat(box[:4] + np.float32([0.12, 0.0, 0.0]), 2, axis=0)
    thing = (0.2 * box + np.float32([0.05, 0.0, 0.01])).astype(np.float32)
    names, kinds = ("drawer", "thing"), ("drawer", "cuboid")
    memory = ObjectMemory()
    memory.update(SegmentedCloud(names, kinds, np.stack([box, thing]), np.ones(2, np.float32)))
    hidden = np.stack([front, np.full_like(thing, np.nan)])
    expected = np.array([[0.12, 0.0, 0.0], [0.0, 0.0, 0.0]])
    seen = memory.update(SegmentedCloud(names, kinds, hidden, np.array([1.0, 0.0], np.float32)), expected)
    np.testing.assert_allclose(seen.points[1], thing + np.float32([0.12, 0.0, 0.0]), atol=1e-6)


def test_a_colour_is_remembered_while_its_thing_is_hidden() -> None:
    seen = replace(cloud(0), colours=("red", "blue", ""))
    memory = ObjectMemory()
    memory.update(seen)
    hidden = memory.update(replace(cloud(1, (0,)), colours=("", "blue", "")))
    assert hidden.colours == seen.colours
    assert matching(seen, replace(seen, names=tuple(reversed(seen.names)))).colours == tuple(reversed(seen.colours))


def test_what_is_out_of_sight_was_not_seen_to_go_where_it_was_expected() -> None:
    memory = ObjectMemory()
    before = memory.update(cloud(0))
    after = memory.update(cloud(1, (0, 2)), np.ones((3, 3)))
    assert witnessed(before, after, "b").tolist() == [False, True, False] and gone(before, after, "b").tolist() == [
        True,
        False,
        True,
    ]
    unknown = replace(before, points=np.full_like(before.points, np.nan))
    assert not witnessed(unknown, after, "b").any() and not gone(unknown, after, "b").any()


def test_what_is_out_of_sight_in_a_container_was_seen_to_go_where_that_went() -> None:
    memory, first, later = ObjectMemory(), cloud(0), cloud(0, (1,))
    points = first.points.copy()
    points[1] = points[0].mean(axis=0) + 0.1 * (points[0] - points[0].mean(axis=0))
    before = memory.update(replace(first, points=points))
    after = memory.update(later, np.ones((3, 3)))
    assert witnessed(before, after, "c").all()
    assert not witnessed(before, replace(after, visibility=np.array([0.0, 0.0, 1.0], np.float32)), "c")[:2].any()


def test_what_the_skill_took_out_of_a_container_is_where_it_was_to_go() -> None:
    """From one cup, which stays, into another one that hides it: its own cup says nothing of it."""
    memory, first, later = ObjectMemory(), cloud(0), replace(cloud(0, (1,)))
    points = first.points.copy()
    points[1] = points[0].mean(axis=0) + 0.1 * (points[0] - points[0].mean(axis=0))
    before, shift = memory.update(replace(first, points=points)), np.array([[0.0] * 3, [0.3] * 3, [0.0] * 3])
    after = memory.update(later, shift, "b")
    np.testing.assert_allclose(after.points[1], points[1] + 0.3, atol=1e-5)
    assert witnessed(before, after, "b").tolist() == [True, False, True] and gone(before, after, "b").tolist() == [
        False,
        True,
        False,
    ]
