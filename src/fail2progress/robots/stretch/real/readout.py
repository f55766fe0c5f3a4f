"""What a Stretch's status says about it, under the names that its ROS 2 driver uses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from fail2progress.core.scene import FRAME, Array
from fail2progress.robots.stretch.description import BASE, LINKS, OPTICAL, local_transforms
from fail2progress.robots.stretch.kinematics import HOME, BasePose
from fail2progress.robots.stretch.real.joints import JOINTS, Odometry, odometry, read, wrap
from fail2progress.robots.stretch.real.transport import Status

ODOM = "odom"
_WRIST = ("wrist_yaw", "wrist_pitch", "wrist_roll")
_CAMERA = ("camera_color_frame", OPTICAL)
"""Frames that the camera's own driver publishes."""


def base_pose(now: Odometry, origin: Odometry) -> BasePose:
    """The base in the planning frame, which is where it was at `origin`, turned so that its heading there is 90 degrees."""
    turn = HOME[2] - origin.theta
    x, y = now.x - origin.x, now.y - origin.y
    cos, sin = math.cos(turn), math.sin(turn)
    return BasePose(cos * x - sin * y, sin * x + cos * y, wrap(now.theta + turn))


def joints(status: Status) -> dict[str, tuple[float, float, float]]:
    """Position (m, rad), velocity and effort (per cent of the motor's most) of every joint."""
    arm, velocity, effort = _stepper(status, "arm")
    wrist, head = status["end_of_arm"], status["head"]
    finger = _finger(wrist["stretch_gripper"])
    return {
        "wrist_extension": (arm, velocity, effort),
        "joint_lift": _stepper(status, "lift"),
        **{f"joint_arm_l{i}": (arm / 4, velocity / 4, effort) for i in (3, 2, 1, 0)},
        **{f"joint_{name}": _servo(head[name]) for name in ("head_pan", "head_tilt")},
        **{f"joint_{name}": _servo(wrist[name]) for name in _WRIST if name in wrist},
        "joint_gripper_finger_left": finger,
        "joint_gripper_finger_right": finger,
    }


def _stepper(status: Status, name: str) -> tuple[float, float, float]:
    reading = read(status, JOINTS[name])
    return reading.position, reading.velocity, float(status[name]["motor"]["effort_pct"])


def _servo(status: Mapping[str, Any]) -> tuple[float, float, float]:
    return float(status["pos"]), float(status["vel"]), float(status["effort"])


def _finger(gripper: Mapping[str, Any]) -> tuple[float, float, float]:
    finger = gripper["gripper_conversion"]
    return float(finger["finger_rad"]), float(finger["finger_vel"]), float(finger["finger_effort"])


def transforms(status: Status, origin: Odometry, dex_wrist: bool) -> list[tuple[str, str, Array]]:
    """Parent, child and (7,) pose (m, w x y z) of the child in the parent: planning frame and base in odom, then the links.

    Nominal lengths: the robot's own calibrated URDF is more exact where robot_state_publisher runs. Frames below the camera's
    are left to its driver, and those of the standard gripper out where a dex wrist is fitted.
    """
    now = odometry(status)
    local = local_transforms({name: value[0] for name, value in joints(status).items()})
    kept = [link for link in LINKS if link.name not in _CAMERA and not (dex_wrist and "gripper" in link.name + link.parent)]
    return [
        (ODOM, FRAME, _planar(origin.x, origin.y, origin.theta - HOME[2])),
        (ODOM, BASE, _planar(now.x, now.y, now.theta)),
        *((link.parent, link.name, _pose(local[link.name])) for link in kept),
    ]


def _planar(x: float, y: float, turn: float) -> Array:
    return np.array([x, y, 0.0, math.cos(turn / 2), 0.0, 0.0, math.sin(turn / 2)])


def _pose(transform: Array) -> Array:
    """(7,) of a (4, 4)."""
    x, y, z, w = Rotation.from_matrix(transform[:3, :3]).as_quat()
    return np.array([*transform[:3, 3], w, x, y, z])
