"""The Stretch RE2 as data, simulated and real: links, joints, limits and masses, and where every frame is for joint positions.

Joint origins, axes and masses are those of `stretch_description_RE2V0_tool_stretch_gripper.urdf` (PyPI hello-robot-stretch-urdf
0.1.2, compared in the tests); boxes and cylinders are the bounds of its meshes. Ranges are those that the URDF and the nominal
calibration of `robot_params_RE2V0.py` (PyPI hello-robot-stretch-body 0.7.31) both allow; speeds and accelerations are at most the
`default` motion profiles there. Names are those that the ROS 2 driver uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from fail2progress.core.scene import Array
from fail2progress.skills.programs import CLOSED_GRIPPER

RE2 = "stretch_re2"
"""What the records of failures call it."""
_H = np.pi / 2
_Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """A box (half extents) or a cylinder about z (half[0] is its radius) in its link's frame, metres."""

    centre: _Vector
    half: _Vector
    cylinder: bool = False


@dataclass(frozen=True)
class Joint:
    """A joint of a link with its parent; wheels follow from the way of the base and have no motor of their own here."""

    name: str
    slides: bool = False
    axis: _Vector = (0.0, 0.0, 1.0)
    wheel: bool = False


@dataclass(frozen=True)
class Link:
    """A link: its frame in its parent's (m, roll-pitch-yaw in rad), its joint if it moves, mass (kg) and shape."""

    name: str
    parent: str
    xyz: _Vector
    rpy: _Vector = (0.0, 0.0, 0.0)
    joint: Joint | None = None
    mass: float = 0.0
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Axis:
    """What one command moves: limits in m or rad, m/s or rad/s, m/s^2 or rad/s^2, and N or Nm."""

    low: float
    high: float
    speed: float
    acceleration: float
    force: float
    joints: Mapping[str, float]
    """Joints that it drives, each with its share of the command."""


def _tube(half: float, length: float) -> tuple[Part, ...]:
    return (Part((0.0, 0.0, -length / 2), (half, half, length / 2)),)


WHEEL_RADIUS = 0.0508
WHEEL_SEPARATION = 0.3153
BASE, GRASP, OPTICAL = "base_link", "link_grasp_center", "camera_color_optical_frame"
_WHEEL = (Part((0.0, 0.0, 0.0), (WHEEL_RADIUS, WHEEL_RADIUS, 0.013), cylinder=True),)
_TIP = (Part((0.0, 0.0, 0.0085), (0.02, 0.02, 0.0085), cylinder=True),)

LINKS: tuple[Link, ...] = (
    Link("link_right_wheel", BASE, (0, -0.17035, 0.0508), (-_H, 0, 0), Joint("joint_right_wheel", wheel=True), 0.208, _WHEEL),
    Link("link_left_wheel", BASE, (0, 0.17035, 0.0508), (-_H, 0, 0), Joint("joint_left_wheel", wheel=True), 0.208, _WHEEL),
    Link("link_mast", BASE, (-0.067, 0.135, 0.0284), (_H, 0, 0), None, 1.764, (Part((0, 0.7075, 0), (0.019, 0.6425, 0.019)),)),
    Link(
        "link_lift",
        "link_mast",
        (-0.037385, 0.1666, 0),
        (-_H, _H, 0),
        Joint("joint_lift", slides=True),
        1.987,
        (Part((-0.05, 0.039, 0.027), (0.086, 0.115, 0.06)),),
    ),
    Link("link_arm_l4", "link_lift", (-0.2547, 0, 0), (_H, 0, -_H), None, 0.236, _tube(0.030, 0.222)),
    Link("link_arm_l3", "link_arm_l4", (0, 0, 0.013), (0, 0, 0), Joint("joint_arm_l3", slides=True), 0.147, _tube(0.028, 0.227)),
    Link("link_arm_l2", "link_arm_l3", (0, 0, 0.013), (0, 0, 0), Joint("joint_arm_l2", slides=True), 0.131, _tube(0.026, 0.227)),
    Link("link_arm_l1", "link_arm_l2", (0, 0, 0.013), (0, 0, 0), Joint("joint_arm_l1", slides=True), 0.114, _tube(0.024, 0.226)),
    Link(
        "link_arm_l0",
        "link_arm_l1",
        (0, 0, -0.01375),
        (0, 0, 0),
        Joint("joint_arm_l0", slides=True),
        0.428,
        (*_tube(0.022, 0.2), Part((0.043, 0, -0.004), (0.062, 0.030, 0.029))),
    ),
    Link(
        "link_wrist_yaw",
        "link_arm_l0",
        (0.083, -0.03075, 0),
        (_H, 0, 0),
        Joint("joint_wrist_yaw", axis=(0, 0, -1)),
        0.054,
        (Part((0, 0, -0.019), (0.015, 0.015, 0.019), cylinder=True),),
    ),
    Link(
        "link_gripper",
        "link_wrist_yaw",
        (0, 0, 0),
        (np.pi, 0, -_H),
        None,
        0.179,
        (Part((-0.05, 0.014, -0.045), (0.067, 0.031, 0.048)),),
    ),
    Link(
        "link_gripper_finger_left",
        "link_gripper",
        (-0.047231, -0.010151, -0.04679),
        (0, 0.5236, np.pi),
        Joint("joint_gripper_finger_left"),
        0.06,
        (Part((0.098, 0.014, 0), (0.098, 0.016, 0.007)),),
    ),
    Link(
        "link_gripper_fingertip_left", "link_gripper_finger_left", (0.171099, 0.014912, 0), (-_H, 0, -2.5545), None, 0.004, _TIP
    ),
    Link(
        "link_gripper_finger_right",
        "link_gripper",
        (-0.047231, 0.010049, -0.04679),
        (np.pi, -0.5236, 0),
        Joint("joint_gripper_finger_right"),
        0.06,
        (Part((-0.098, -0.014, 0), (0.098, 0.016, 0.007)),),
    ),
    Link(
        "link_gripper_fingertip_right",
        "link_gripper_finger_right",
        (-0.171099, -0.014912, 0),
        (-_H, 0, 0.58705),
        None,
        0.004,
        _TIP,
    ),
    Link(GRASP, "link_gripper", (-0.205478, 0, -0.138154), (0, 0, np.pi)),
    Link(
        "link_head",
        "link_mast",
        (0, 1.33, 0),
        (_H, -_H, np.pi),
        None,
        0.682,
        (Part((0.061, 0.029, 0.026), (0.096, 0.067, 0.026)),),
    ),
    Link(
        "link_head_pan",
        "link_head",
        (0.135, 0.0731, -0.003196),
        (0, 0, _H),
        Joint("joint_head_pan"),
        0.062,
        (Part((0, 0.008, -0.012), (0.022, 0.031, 0.053)),),
    ),
    Link(
        "link_head_tilt",
        "link_head_pan",
        (-0.0013, 0.027762, -0.053311),
        (_H, 0, 0),
        Joint("joint_head_tilt"),
        0.284,
        (Part((0.003, -0.0235, 0.031), (0.026, 0.06, 0.031)),),
    ),
    Link("camera_bottom_screw_frame", "link_head_tilt", (0.03, -0.0122, 0.0182)),
    Link("camera_link", "camera_bottom_screw_frame", (0.0106, 0.0175, 0.0125)),
    Link("camera_color_frame", "camera_link", (0, 0.015, 0)),
    Link(OPTICAL, "camera_color_frame", (0, 0, 0), (-_H, 0, -_H)),
)
"""Parents before children."""
BASE_MASS = 17.4
BASE_PARTS = (Part((-0.114, 0, 0.09), (0.162, 0.17, 0.071)),)

_ARM = {f"joint_arm_l{i}": 0.25 for i in (3, 2, 1, 0)}
_FINGERS = {"joint_gripper_finger_left": 1.0, "joint_gripper_finger_right": 1.0}
_FAR = 50.0
"""Metres that the base may drive; radians that it may turn."""
AXES: dict[str, Axis] = {
    # The base keeps to the speed that stretch_body's sentry enforces while the arm is out.
    "x": Axis(-_FAR, _FAR, 0.10, 0.12, 80.0, {"odom_x": 1.0}),
    "y": Axis(-_FAR, _FAR, 0.10, 0.12, 80.0, {"odom_y": 1.0}),
    "turn": Axis(-_FAR, _FAR, 0.50, 0.50, 25.0, {"odom_turn": 1.0}),
    "lift": Axis(0.0, 1.09, 0.11, 0.20, 70.0, {"joint_lift": 1.0}),
    "arm": Axis(0.0, 0.51, 0.14, 0.14, 60.0, _ARM),
    "yaw": Axis(-1.39, 4.0, 1.5, 3.0, 5.0, {"joint_wrist_yaw": 1.0}),
    "pan": Axis(-3.9, 1.5, 1.5, 4.0, 2.0, {"joint_head_pan": 1.0}),
    "tilt": Axis(-1.53, 0.41, 1.5, 4.0, 2.0, {"joint_head_tilt": 1.0}),
    # The finger turns by about a tenth of its servo (4 rad/s, 10 rad/s^2): 4.3 rad of servo open it from shut.
    "grip": Axis(-0.6, 0.6, 0.4, 1.0, 1.0, _FINGERS),
}
"""What can be commanded. The base's are its pose in the odometry frame; it only ever translates along its heading or turns."""
PITCH = Axis(-1.57, 0.45, 1.5, 4.0, 5.0, {"joint_wrist_pitch": 1.0})
"""Of the dex wrist, which the simulated robot does not wear."""
JOINTS: tuple[str, ...] = tuple(joint for axis in AXES.values() for joint in axis.joints)
"""Actuated joints in the order of the actuators; the first three are the pose of the base."""

PUSHER = CLOSED_GRIPPER
"""Half extents (m) of the closed gripper: across its flat side, along it, vertical; as of the hand in the training data."""
OPENING = 0.125
"""Width (m) of the widest thing that fits between the fingers, as the comments of stretch_body's gripper conversion state it."""
FINGERTIP = 0.021
"""Metres: nearer to a surface than their radius the fingertips cannot go."""
FINGER_LENGTH = 0.171
"""Metres; half an aperture over it is the finger's angle (stretch_body's GripperConversion)."""


def finger_angle(aperture: float) -> float:
    """Radians at which the fingers are so many metres apart, within the joint's limits."""
    return float(np.clip(aperture / 2 / FINGER_LENGTH, 0.0, AXES["grip"].high))


def matrix(xyz: Array, turn: Rotation) -> Array:
    """(4, 4) homogeneous transform."""
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = turn.as_matrix(), xyz
    return result


FIXED: dict[str, Array] = {link.name: matrix(np.array(link.xyz), Rotation.from_euler("xyz", link.rpy)) for link in LINKS}
"""(4, 4) from every link's frame to its parent's where its joint is at zero."""


def local_transforms(positions: Mapping[str, float]) -> dict[str, Array]:
    """(4, 4) of every link in its parent's frame at joint positions (m, rad); joints that are not named are at zero."""
    return {link.name: FIXED[link.name] @ _motion(link.joint, positions) for link in LINKS}


def _motion(joint: Joint | None, positions: Mapping[str, float]) -> Array:
    """Every axis of the RE2 is its link's z or against it."""
    result = np.eye(4)
    if joint is None:
        return result
    value = joint.axis[2] * positions.get(joint.name, 0.0)
    if joint.slides:
        result[2, 3] = value
    else:
        c, s = np.cos(value), np.sin(value)
        result[:2, :2] = [[c, -s], [s, c]]
    return result


def frames(positions: Mapping[str, float]) -> dict[str, Array]:
    """(4, 4) of every link in base_link's frame."""
    result = {BASE: np.eye(4)}
    for name, local in local_transforms(positions).items():
        result[name] = result[_PARENT[name]] @ local
    return result


_PARENT = {link.name: link.parent for link in LINKS}
