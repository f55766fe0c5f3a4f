import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fail2progress.robots.stretch.real.joints import JOINTS, Profile, profiles
from fail2progress.robots.stretch.real.kinematics import (
    TOOLS,
    BasePose,
    Floor,
    Hand,
    Posture,
    UnreachableError,
    hand,
    lift_at,
    postures,
)
from fail2progress.robots.stretch.simulated.joints import GRASP, frames

GRIPPER, DEX = TOOLS["tool_stretch_gripper"], TOOLS["tool_stretch_dex_wrist"]
within = {name: st.floats(JOINTS[name].low, JOINTS[name].high) for name in ("lift", "arm", "wrist_yaw", "wrist_pitch")}


@given(within["lift"], within["arm"], within["wrist_yaw"])
def test_the_gripper_is_where_the_links_of_the_robot_put_it(lift: float, arm: float, yaw: float) -> None:
    joints = {"joint_lift": lift, "joint_wrist_yaw": yaw, **{f"joint_arm_l{i}": arm / 4 for i in range(4)}}
    found = hand(Posture(BasePose(0, 0, 0), lift, arm, yaw, 0.0), GRIPPER)
    np.testing.assert_allclose((found.x, found.y, found.z), frames(joints)[GRASP][:3, 3], atol=1e-3)


AT_PITCH = [
    (0.0, (-0.0214, -0.4093, 0.1155)),
    (-math.pi / 4, (-0.0214, -0.3149, -0.0644)),
    (-math.pi / 2, (-0.0214, -0.1209, -0.1249)),
]


@pytest.mark.parametrize(("pitch", "at"), AT_PITCH)
def test_the_dex_wrist_is_where_its_urdf_puts_it(pitch: float, at: tuple[float, float, float]) -> None:
    found = hand(Posture(BasePose(0, 0, 0), 0.0, 0.0, 0.0, pitch), DEX)
    assert (found.x, found.y, found.z) == pytest.approx(at, abs=2e-4)


@given(st.floats(0.2, 0.9), st.floats(-1.2, 1.2), st.floats(0.1, 0.8), st.floats(-1.3, 3.1), st.sampled_from([0.0, -1.55]))
def test_postures_bring_the_hand_where_it_was_asked(x: float, y: float, z: float, heading: float, pitch: float) -> None:
    goal = Hand(x, y, z, heading, pitch)
    try:
        (found,) = postures((goal,), DEX, BasePose(0, 0))
    except UnreachableError:
        assume(False)
    reached = hand(found, DEX)
    assert (reached.x, reached.y, reached.z) == pytest.approx((x, y, z), abs=1e-9)
    assert math.cos(reached.heading - heading) == pytest.approx(1)
    for name, value in (("lift", found.lift), ("arm", found.arm), ("wrist_yaw", found.yaw), ("wrist_pitch", found.pitch)):
        assert JOINTS[name].low - 1e-9 <= value <= JOINTS[name].high + 1e-9


def test_several_goals_share_one_place_of_the_base() -> None:
    first, last = postures((Hand(0.4, 0.1, 0.5), Hand(0.7, 0.3, 0.5)), GRIPPER, BasePose(0.0, 0.0))
    assert first.base.x == last.base.x and last.base.y - first.base.y == pytest.approx(0.2)
    assert last.arm - first.arm == pytest.approx(0.3)


def test_the_base_stays_where_the_arm_reaches_from() -> None:
    (near,) = postures((Hand(0.6, 0.0, 0.6),), GRIPPER, BasePose(0.05, 0.0))
    assert near.base.x == 0.05
    (far,) = postures((Hand(1.1, 0.0, 0.6),), GRIPPER, BasePose(0.05, 0.0))
    assert 0.2 < far.base.x < 0.3 and far.arm == pytest.approx(0.50)


@pytest.mark.parametrize(
    ("goals", "says"),
    [
        ((Hand(1.8, 0.0, 0.6),), "move the object nearer"),
        ((Hand(0.6, 2.5, 0.6),), "outside"),
        ((Hand(0.6, 0.0, 1.6),), "lift would have to be"),
        ((Hand(0.6, 0.0, 0.6, pitch=1.0),), "wrist_pitch"),
        ((Hand(0.3, 0.0, 0.6), Hand(0.95, 0.0, 0.6)), "does not reach"),
    ],
)
def test_what_cannot_be_reached_is_said(goals: tuple[Hand, ...], says: str) -> None:
    with pytest.raises(UnreachableError, match=says):
        postures(goals, DEX, BasePose(0, 0), Floor())


def test_the_lift_for_a_height_is_that_of_the_posture() -> None:
    (found,) = postures((Hand(0.6, 0.0, 0.6, pitch=-1.55),), DEX, BasePose(0, 0))
    assert lift_at(0.6, DEX, -1.55) == pytest.approx(found.lift)


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
