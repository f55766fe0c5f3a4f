"""Inverse kinematics of the Stretch, and where its base may stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.stretch.description import AXES, GRASP, frames
from fail2progress.robots.stretch.kinematics import HOME, Kinematics
from fail2progress.robots.stretch.reach import FOLDED, crowding, reach
from fail2progress.skills.phases import Hand, OutOfReachError

BODY = Kinematics()
EMPTY = Scene((), np.empty((0, 7)))
TABLE = Scene((ObjectSpec("table", "table", (0.6, 0.9, 0.04)),), pose(0.6, 0.0, 0.48)[None])


@given(st.floats(0.3, 0.9), st.floats(-1, 1), st.floats(0.1, 1.1), st.floats(-1.39, 1.6))
def test_a_posture_brings_the_hand_to_its_pose(x: float, y: float, z: float, heading: float) -> None:
    hand = Hand(x, y, z, heading)
    found = BODY.posture(hand, BODY.stand_for(hand, HOME[0]))
    assert AXES["arm"].low - 1e-9 <= found.arm <= AXES["arm"].high + 1e-9
    joints = {joint: found.arm / 4 for joint in AXES["arm"].joints}
    grasp = frames(joints | {"joint_lift": found.lift, "joint_wrist_yaw": found.yaw})[GRASP]
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(turn @ grasp[:3, 3] + [found.base_x, found.base_y, 0], [x, y, z], atol=2e-4)
    np.testing.assert_allclose((turn @ grasp[:3, 0])[:2], [np.cos(heading), np.sin(heading)], atol=1e-4)


@given(st.floats(0.4, 0.8), st.floats(0.4, 0.8), st.floats(-np.pi, np.pi))
def test_the_hand_turns_as_much_as_asked_within_the_wrist_s_limits(x: float, x_to: float, turn: float) -> None:
    first, last = reach(BODY, EMPTY, (np.array([x, 0.2, 0.5]), np.array([x_to, -0.3, 0.6])), turn).hands
    off = last.heading - first.heading - turn
    assert abs((off + np.pi) % (2 * np.pi) - np.pi) < 1e-9
    for hand in (first, last):
        assert AXES["yaw"].low <= hand.heading <= AXES["yaw"].high and hand.heading < FOLDED


def test_without_a_reason_the_hand_points_straight_and_the_base_keeps_its_distance() -> None:
    found = reach(BODY, TABLE, (np.array([0.5, 0.2, 0.55]), np.array([0.7, -0.3, 0.55])))
    assert [hand.heading for hand in found.hands] == [0.0, 0.0] and found.one_stand
    assert found.postures[0].base_x == HOME[0]


def test_a_hand_turns_away_from_what_stands_before_it() -> None:
    point = np.array([0.6, 0.0, 0.53])
    before = np.array([[[0.48, -0.04, 0.5], [0.56, 0.04, 0.58]]])
    cost = crowding(BODY, before, 0.07)
    assert cost(Hand(*point, 0.0)) > 1.0 and cost(Hand(*point, 1.3)) < cost(Hand(*point, 0.0))
    assert abs(reach(BODY, TABLE, (point,), against=cost).hands[0].heading) > 0.4
    assert crowding(BODY, np.empty((0, 2, 3)), 0.07)(Hand(*point)) == 0.0


def test_where_furniture_stands_the_base_may_not() -> None:
    with pytest.raises(OutOfReachError, match=r"out of reach of joint_arm unless the base stands in table"):
        reach(BODY, TABLE, (np.array([1.2, 0.0, 0.5]),))
    assert reach(BODY, EMPTY, (np.array([1.2, 0.0, 0.5]),)).postures[0].base_x > 0.3


def test_the_base_drives_through_no_furniture_on_its_way() -> None:
    point = (np.array([0.6, 1.2, 0.5]),)
    assert reach(BODY, EMPTY, point).postures[0].base_y > 0.9
    between = Scene((ObjectSpec("bin", "shelf", (0.2, 0.2, 0.3)),), pose(0.05, 0.6, 0.15)[None])
    with pytest.raises(OutOfReachError, match="unless the base stands in bin"):
        reach(BODY, between, point)


def test_a_straight_way_that_needs_two_stands_is_refused() -> None:
    ends = (np.array([0.2, 0.0, 0.5]), np.array([1.2, 0.0, 0.5]))
    assert not reach(BODY, EMPTY, ends).one_stand
    with pytest.raises(OutOfReachError):
        reach(BODY, EMPTY, ends, straight=True)


@pytest.mark.parametrize("height", [0.0, 1.2])
def test_heights_beyond_the_lift_are_refused_by_name(height: float) -> None:
    with pytest.raises(OutOfReachError, match=r"placing it needs the hand at .* joint_lift takes it from 0\.026 to 1\.116 m"):
        BODY.lift(height, 0.0, "placing it")
