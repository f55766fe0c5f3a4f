"""The description against the robot's public URDF."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.stretch.body import StretchBody, plan
from fail2progress.robots.stretch.description import (
    AXES,
    BASE,
    BASE_MASS,
    GRASP,
    LINKS,
    PITCH,
    WHEEL_RADIUS,
    WHEEL_SEPARATION,
    Axis,
    Link,
    matrix,
)
from fail2progress.robots.stretch.kinematics import TOOLS, BasePose, Kinematics
from fail2progress.robots.stretch.real.joints import JOINT_OF, JOINTS
from fail2progress.robots.stretch.urdf import Urdf, UrdfError, read_urdf
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Posture
from fail2progress.skills.push.geometry import push_start


def public(tool: str) -> Urdf:
    """The URDF of the package, found without importing it, as its import loads libraries that draw."""
    found = importlib.util.find_spec("stretch_urdf")
    assert found is not None and found.origin is not None, "pip install hello-robot-stretch-urdf"
    return read_urdf(Path(found.origin).parent / "RE2V0" / f"stretch_description_RE2V0_{tool}.urdf")


@pytest.fixture(scope="module")
def urdf() -> Urdf:
    return public("tool_stretch_gripper")


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_every_link_stands_where_the_urdf_has_it(urdf: Urdf, link: Link) -> None:
    joint = urdf.joints[link.name]
    assert joint.parent == link.parent
    ours, theirs = (matrix(np.array(one.xyz), Rotation.from_euler("xyz", one.rpy)) for one in (link, joint))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    if link.joint is None:
        assert joint.kind == "fixed"
        return
    assert joint.name == link.joint.name and joint.kind == ("prismatic" if link.joint.slides else joint.kind)
    np.testing.assert_allclose(joint.axis, link.joint.axis, atol=1e-9)


@pytest.mark.parametrize("link", [link for link in LINKS if link.mass], ids=lambda link: link.name)
def test_masses_are_those_of_the_urdf(urdf: Urdf, link: Link) -> None:
    assert link.mass == pytest.approx(urdf.masses[link.name], rel=0.02, abs=1e-3)


def test_the_base_weighs_what_the_urdf_says(urdf: Urdf) -> None:
    assert pytest.approx(urdf.masses[BASE], rel=0.05) == BASE_MASS


@pytest.mark.parametrize("name", [name for name in AXES if name not in ("x", "y", "turn")])
def test_ranges_are_within_those_of_the_urdf(urdf: Urdf, name: str) -> None:
    axis = AXES[name]
    low, high = (sum(_end(urdf, joint, end) for joint in axis.joints) for end in ("low", "high"))
    parts = 1.0 if name == "arm" else len(axis.joints)
    assert low / parts - 1e-9 <= axis.low < axis.high <= high / parts + 1e-9
    assert axis.high - axis.low > 0.83 * (high - low) / parts


def _end(urdf: Urdf, joint: str, end: str) -> float:
    value = getattr(urdf.joint(joint), end)
    assert value is not None
    return float(value)


def test_the_dex_wrist_is_that_of_its_urdf() -> None:
    urdf = public("tool_stretch_dex_wrist")
    pitch = urdf.joint("joint_wrist_pitch")
    assert pitch.low is not None and pitch.high is not None and pitch.low <= PITCH.low < PITCH.high <= pitch.high
    yaw, axis = (urdf.at_zero(link, BASE)[:3, 3] for link in ("link_wrist_yaw", "link_wrist_pitch"))
    assert TOOLS["tool_stretch_dex_wrist"].axis_drop == pytest.approx(yaw[2] - axis[2], abs=1e-4)
    np.testing.assert_allclose(Kinematics().wrist, yaw, atol=1e-3)


def test_the_hand_is_where_the_urdf_has_it(urdf: Urdf) -> None:
    wrist, grasp = (urdf.at_zero(link, BASE)[:3, 3] for link in ("link_wrist_yaw", GRASP))
    tool = TOOLS["tool_stretch_gripper"]
    assert tool.reach == pytest.approx(np.linalg.norm((grasp - wrist)[:2]), abs=1e-3)
    assert tool.drop == pytest.approx(wrist[2] - grasp[2], abs=1e-3)


def test_wheels_are_those_of_the_urdf(urdf: Urdf) -> None:
    left, right = (urdf.at_zero(f"link_{side}_wheel", BASE)[:3, 3] for side in ("left", "right"))
    assert left[2] == pytest.approx(WHEEL_RADIUS, abs=1e-4)
    assert left[1] - right[1] == pytest.approx(WHEEL_SEPARATION, abs=0.03)  # stretch_body's own is measured on the floor


@pytest.mark.parametrize("name", JOINT_OF)
def test_both_robots_have_the_same_ranges_and_speeds(name: str) -> None:
    axis: Axis = {**AXES, "pitch": PITCH}[name]
    joint = JOINTS[JOINT_OF[name]]
    assert (joint.low, joint.high, joint.speed, joint.acceleration) == (axis.low, axis.high, axis.speed, axis.acceleration)


@pytest.mark.parametrize(("direction", "yaw"), [(0.0, 0.0), (0.7, 0.0), (-2.0, 0.0), (0.7, 0.4), (0.0, 0.8)])
def test_a_push_starts_where_the_training_data_have_it_start(direction: float, yaw: float) -> None:
    specs = (ObjectSpec("table", "table", (0.6, 0.9, 0.04)), ObjectSpec("it", "cuboid", (0.06, 0.05, 0.05)))
    scene = Scene(specs, np.stack([pose(0.6, 0.0, 0.48), pose(0.6, 0.0, 0.525, yaw)]))
    call = SkillCall("push", "it", (direction, 0.1))
    phases = plan(scene, call, StretchBody())
    lift, arm = (next(p.goals[axis] for p in phases if p.name == name) for axis, name in (("lift", "lower"), ("arm", "reach")))
    yaw = next(phase.goals["yaw"] for phase in phases if phase.name == "reach")
    base = {name: value for phase in phases[:4] if phase.name == "drive" for name, value in phase.goals.items()}
    reached = Kinematics().hand(BasePose(-base.get("y", 0.0), base["x"]), Posture(0.0, 0.0, lift, arm, yaw))
    start, heading = push_start(scene, call)
    np.testing.assert_allclose((reached.x, reached.y, reached.z), start, atol=1e-6)
    assert abs(np.cos(reached.heading - heading)) == pytest.approx(0.0, abs=1e-6)


def test_a_chain_that_leads_nowhere_is_named(urdf: Urdf) -> None:
    with pytest.raises(UrdfError, match="no joint leads from 'base_link' to 'link_tail'"):
        urdf.at_zero("link_tail", BASE)
    with pytest.raises(UrdfError, match="no joint 'joint_tail'"):
        urdf.joint("joint_tail")
