import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from transforms3d.quaternions import axangle2quat, qmult, quat2mat

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, bounding_boxes, pose, rotations

unit = st.floats(-1, 1)
quaternions = st.tuples(unit, unit, unit, unit).filter(lambda q: np.linalg.norm(q) > 0.1)
extents = st.tuples(*[st.floats(0.01, 1)] * 3)
CUP = ObjectSpec("cup", "cup", (0.08, 0.09, 0.07))


def normalised(quaternion: tuple[float, ...]) -> np.ndarray:
    return np.array(quaternion) / np.linalg.norm(quaternion)


def test_a_cylinder_on_its_side_is_as_high_as_it_is_wide_however_it_has_rolled() -> None:
    spec = ObjectSpec("pill", "capsule", (0.03, 0.03, 0.04))
    for roll in np.linspace(0, np.pi, 7):
        turn = qmult(axangle2quat([0, 1, 0], np.pi / 2), axangle2quat([0, 0, 1], roll))
        size = np.diff(Scene((spec,), np.array([[0, 0, 0.015, *turn]])).bounds()[0], axis=0)[0]
        np.testing.assert_allclose(size, [0.04, 0.03, 0.03], atol=1e-9)


@given(st.lists(quaternions, min_size=1, max_size=5))
def test_rotations_agree_with_transforms3d(several: list[tuple[float, ...]]) -> None:
    q = np.array([normalised(one) for one in several])
    np.testing.assert_allclose(rotations(q), [quat2mat(one) for one in q], atol=1e-12)


@given(quaternions, extents, st.tuples(unit, unit, unit))
def test_boxes_of_turned_objects_hold_their_corners_tightly(
    quaternion: tuple[float, ...], size: tuple[float, ...], at: tuple[float, ...]
) -> None:
    q = normalised(quaternion)
    corners = np.array(list(itertools.product(*[(-s / 2, s / 2) for s in size]))) @ quat2mat(q).T + at
    found = bounding_boxes(np.array([[*at, *q]]), np.array([size]))[0]
    np.testing.assert_allclose(found, [corners.min(axis=0), corners.max(axis=0)], atol=1e-12)


@given(st.floats(-7, 7))
def test_yaw_turns_counter_clockwise(yaw: float) -> None:
    ahead = rotations(pose(0, 0, 0, yaw)[None, 3:])[0] @ (1, 0, 0)
    np.testing.assert_allclose(ahead, [np.cos(yaw), np.sin(yaw), 0], atol=1e-12)


def test_a_quarter_turn_swaps_width_and_depth() -> None:
    scene = Scene((ObjectSpec("a", "cuboid", (0.1, 0.3, 0.2)),), pose(1, 2, 3, np.pi / 2)[None])
    np.testing.assert_allclose(scene.bounds()[0], [[0.85, 1.95, 2.9], [1.15, 2.05, 3.1]])


@given(st.tuples(unit, unit, unit))
def test_moving_one_object_leaves_the_others_and_the_original(offset: tuple[float, ...]) -> None:
    assume(any(offset))
    scene = Scene((CUP, ObjectSpec("b", "cuboid", (0.1, 0.1, 0.1))), np.stack([pose(0, 0, 0), pose(1, 0, 0)]))
    moved = scene.moved("b", np.array(offset))
    np.testing.assert_allclose(moved.position("b"), np.add((1, 0, 0), offset))
    assert (moved.position("cup") == 0).all() and (scene.position("b") == (1, 0, 0)).all()


def test_new_poses_keep_openings_unless_told() -> None:
    drawer = Scene((ObjectSpec("d", "drawer", (0.3, 0.3, 0.1)),), pose(0, 0, 0)[None], {"d": 0.1})
    assert drawer.with_poses(drawer.poses).openings == {"d": 0.1}
    assert drawer.with_poses(drawer.poses, {"d": 0.2}).openings == {"d": 0.2}


def test_a_drawer_of_which_nothing_is_said_is_shut_and_nothing_else_opens() -> None:
    drawer, there = ObjectSpec("d", "drawer", (0.3, 0.3, 0.1)), np.stack([pose(0, 0, 0), pose(1, 0, 0)])
    assert Scene((drawer, CUP), there).openings == {"d": 0.0}
    assert Scene((drawer, CUP), there, {"d": 0.1}).with_poses(there, {}).openings == {"d": 0.0}
    with pytest.raises(ValueError, match=r"drawers, got one of 'cup'; drawers: d"):
        Scene((drawer, CUP), there, {"cup": 0.1})


def test_errors_name_the_offending_value() -> None:
    with pytest.raises(ValueError, match=r"'cup', 'cup'"):
        Scene((CUP, CUP), np.stack([pose(0, 0, 0)] * 2))
    with pytest.raises(ValueError, match=r"\(1, 7\), got \(2, 7\)"):
        Scene((CUP,), np.stack([pose(0, 0, 0)] * 2))
    with pytest.raises(ValueError, match=r"finite"):
        Scene((CUP,), pose(float("nan"), 0, 0)[None])
    with pytest.raises(ValueError, match=r"'mug'.*cup"):
        Scene((CUP,), pose(0, 0, 0)[None]).position("mug")
