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
from fail2progress.robots.stretch.urdf import Urdf

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


def joints(status: Status, added: Mapping[str, float] | None = None) -> dict[str, tuple[float, float, float]]:
    """Position (m, rad), velocity and effort (per cent of the motor's most) of every joint.

    added: what calibration adds to the readings of "arm", "pan" and "tilt" (m, rad).
    """
    added = added or {}
    arm, velocity, effort = _shifted(_stepper(status, "arm"), added.get("arm", 0.0))
    wrist, head = status["end_of_arm"], status["head"]
    finger = _finger(wrist["stretch_gripper"])
    return {
        "wrist_extension": (arm, velocity, effort),
        "joint_lift": _stepper(status, "lift"),
        **{f"joint_arm_l{i}": (arm / 4, velocity / 4, effort) for i in (3, 2, 1, 0)},
        **{f"joint_head_{name}": _shifted(_servo(head[f"head_{name}"]), added.get(name, 0.0)) for name in ("pan", "tilt")},
        **{f"joint_{name}": _servo(wrist[name]) for name in _WRIST if name in wrist},
        "joint_gripper_finger_left": finger,
        "joint_gripper_finger_right": finger,
    }


def _shifted(values: tuple[float, float, float], by: float) -> tuple[float, float, float]:
    return values[0] + by, values[1], values[2]


def _stepper(status: Status, name: str) -> tuple[float, float, float]:
    reading = read(status, JOINTS[name])
    return reading.position, reading.velocity, float(status[name]["motor"]["effort_pct"])


def _servo(status: Mapping[str, Any]) -> tuple[float, float, float]:
    return float(status["pos"]), float(status["vel"]), float(status["effort"])


def _finger(gripper: Mapping[str, Any]) -> tuple[float, float, float]:
    finger = gripper["gripper_conversion"]
    return float(finger["finger_rad"]), float(finger["finger_vel"]), float(finger["finger_effort"])


def transforms(
    status: Status, origin: Odometry, dex_wrist: bool, added: Mapping[str, float] | None = None, urdf: Urdf | None = None
) -> list[tuple[str, str, Array]]:
    """Parent, child and (7,) pose (m, w x y z) of the child in the parent: planning frame and base in odom, then the links.

    Links are those of the robot's own URDF, or else the nominal ones, without those of the standard gripper where a dex wrist is
    fitted. Frames below the camera's are left to its driver.
    """
    now = odometry(status)
    positions = {name: value[0] for name, value in joints(status, added).items()}
    return [
        (ODOM, FRAME, _planar(origin.x, origin.y, origin.theta - HOME[2])),
        (ODOM, BASE, _planar(now.x, now.y, now.theta)),
        *(_nominal(positions, dex_wrist) if urdf is None else _calibrated(positions, urdf)),
    ]


def _nominal(positions: Mapping[str, float], dex_wrist: bool) -> list[tuple[str, str, Array]]:
    local = local_transforms(positions)
    kept = [link for link in LINKS if link.name not in _CAMERA and not (dex_wrist and "gripper" in link.name + link.parent)]
    return [(link.parent, link.name, _pose(local[link.name])) for link in kept]


def _calibrated(positions: Mapping[str, float], urdf: Urdf) -> list[tuple[str, str, Array]]:
    left = urdf.below("camera_link")
    local = urdf.local_transforms(positions)
    return [(urdf.joints[child].parent, child, _pose(pose)) for child, pose in local.items() if child not in left]


def _planar(x: float, y: float, turn: float) -> Array:
    return np.array([x, y, 0.0, math.cos(turn / 2), 0.0, 0.0, math.sin(turn / 2)])


def _pose(transform: Array) -> Array:
    """(7,) of a (4, 4)."""
    x, y, z, w = Rotation.from_matrix(transform[:3, :3]).as_quat()
    return np.array([*transform[:3, 3], w, x, y, z])
