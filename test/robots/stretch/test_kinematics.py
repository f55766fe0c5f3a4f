import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fail2progress.core.scene import Scene
from fail2progress.robots.stretch.description import AXES, GRASP, PITCH, frames
from fail2progress.robots.stretch.kinematics import TOOLS, BasePose, Kinematics
from fail2progress.robots.stretch.reach import Floor, reach
from fail2progress.robots.stretch.real.joints import JOINTS, Profile, profiles
from fail2progress.skills.phases import Hand, OutOfReachError, Posture

GRIPPER, DEX = (Kinematics(TOOLS[name]) for name in ("tool_stretch_gripper", "tool_stretch_dex_wrist"))
EMPTY = Scene((), np.empty((0, 7)))
within = {name: st.floats(axis.low, axis.high) for name, axis in (*AXES.items(), ("pitch", PITCH))}


@given(within["lift"], within["arm"], within["yaw"])
def test_the_gripper_is_where_the_links_of_the_robot_put_it(lift: float, arm: float, yaw: float) -> None:
    joints = {"joint_lift": lift, "joint_wrist_yaw": yaw, **{f"joint_arm_l{i}": arm / 4 for i in range(4)}}
    found = GRIPPER.hand(BasePose(0, 0, 0), Posture(0, 0, lift, arm, yaw))
    np.testing.assert_allclose((found.x, found.y, found.z), frames(joints)[GRASP][:3, 3], atol=1e-3)


AT_PITCH = [
    (0.0, (-0.0214, -0.4093, 0.1155)),
    (-math.pi / 4, (-0.0214, -0.3149, -0.0644)),
    (-math.pi / 2, (-0.0214, -0.1209, -0.1249)),
]


@pytest.mark.parametrize(("pitch", "at"), AT_PITCH)
def test_the_dex_wrist_is_where_its_urdf_puts_it(pitch: float, at: tuple[float, float, float]) -> None:
    found = DEX.hand(BasePose(0, 0, 0), Posture(0, 0, 0.0, 0.0, 0.0, pitch))
    assert (found.x, found.y, found.z) == pytest.approx(at, abs=2e-4)


@given(st.floats(0.2, 0.9), st.floats(-1.2, 1.2), st.floats(0.1, 0.8), st.floats(-1.3, 3.1), st.sampled_from([0.0, -1.55]))
def test_postures_bring_the_hand_where_it_was_asked(x: float, y: float, z: float, heading: float, pitch: float) -> None:
    goal = Hand(x, y, z, heading, pitch)
    found = DEX.posture(goal, DEX.stand_for(goal, 0.0))
    assume(AXES["lift"].low <= found.lift <= AXES["lift"].high)
    reached = DEX.hand(BasePose(found.base_x, found.base_y), found)
    assert (reached.x, reached.y, reached.z) == pytest.approx((x, y, z), abs=1e-9)
    assert math.cos(reached.heading - heading) == pytest.approx(1)
    for axis, value in (("lift", found.lift), ("arm", found.arm), ("yaw", found.yaw), ("pitch", found.pitch)):
        assert DEX.axes[axis].low - 1e-9 <= value <= DEX.axes[axis].high + 1e-9


def test_several_goals_share_one_place_of_the_base() -> None:
    first, last = reach(GRIPPER, EMPTY, (np.array([0.4, 0.1, 0.5]), np.array([0.7, 0.3, 0.5])), headings=[0.0]).postures
    assert first.base_x == last.base_x and last.base_y - first.base_y == pytest.approx(0.2)
    assert last.arm - first.arm == pytest.approx(0.3)


def test_the_base_stays_where_the_arm_reaches_from() -> None:
    (near,) = reach(GRIPPER, EMPTY, (np.array([0.6, 0.0, 0.6]),)).postures
    assert near.base_x == 0.0
    (far,) = reach(GRIPPER, EMPTY, (np.array([1.1, 0.0, 0.6]),), headings=[0.0]).postures
    assert 0.2 < far.base_x < 0.3 and far.arm == pytest.approx(0.51)


@pytest.mark.parametrize(
    ("points", "straight", "says"),
    [
        (((1.8, 0.0, 0.6),), False, "joint_arm unless the base stands in a place"),
        (((0.6, 2.5, 0.6),), False, "outside its floor"),
        (((0.3, 0.0, 0.6), (0.95, 0.0, 0.6)), True, "out of reach"),
    ],
)
def test_what_cannot_be_reached_from_the_floor_is_said(
    points: tuple[tuple[float, float, float], ...], straight: bool, says: str
) -> None:
    with pytest.raises(OutOfReachError, match=says):
        reach(DEX, EMPTY, [np.array(point) for point in points], headings=[0.0], straight=straight, floor=Floor())


def test_the_lift_for_a_height_is_that_of_the_posture_and_ends_where_the_joint_does() -> None:
    hand = Hand(0.6, 0.0, 0.6, pitch=-1.55)
    assert DEX.lift(0.6, -1.55, "this") == pytest.approx(DEX.posture(hand, 0.0).lift)
    with pytest.raises(OutOfReachError, match=r"this needs the hand at 1\.600 m, but joint_lift takes it from"):
        DEX.lift(1.6, 0.0, "this")


moves = st.fixed_dictionaries({"arm": st.floats(-0.5, 0.5), "translate": st.floats(-1, 1)})


@given(moves)
def test_a_shared_trapezoid_keeps_the_ratio_of_the_distances(distances: dict[str, float]) -> None:
    assume(all(abs(d) > 1e-3 for d in distances.values()))
    arm, base = (profiles(distances, together=True)[name] for name in ("arm", "translate"))
    ratio = abs(distances["arm"] / distances["translate"])
    assert arm.speed / base.speed == pytest.approx(ratio) and arm.acceleration / base.acceleration == pytest.approx(ratio)
    assert arm.seconds == pytest.approx(base.seconds)


def test_times_of_trapezoids_and_triangles() -> None:
    lift = JOINTS["lift"]
    assert profiles({"lift": 0.33})["lift"] == Profile(lift.speed, lift.acceleration, pytest.approx(0.33 / 0.11 + 0.55))
    assert profiles({"lift": -0.02})["lift"].seconds == pytest.approx(2 * math.sqrt(0.02 / 0.2))
    assert profiles({"lift": 0.0}) == {}
