"""What a robot's own files say about it: its calibrated URDF, and the offsets of its arm and head.

Both lie in stretch_body's folder of the robot, $HELLO_FLEET_PATH/$HELLO_FLEET_ID/exported_urdf, and are what the robot's ROS 2
driver takes, too. Where one is missing, the nominal description holds.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from fail2progress.robots.stretch.description import AXES, BASE, GRASP, PITCH, Axis
from fail2progress.robots.stretch.kinematics import TOOLS, Kinematics, Tool
from fail2progress.robots.stretch.real.joints import JOINT_OF, JOINTS
from fail2progress.robots.stretch.real.transport import StretchTransport, TransportError
from fail2progress.robots.stretch.urdf import Urdf, UrdfError, read_urdf

_FOLDER = "exported_urdf"
_URDF, _OFFSETS = "stretch.urdf", "controller_calibration_head.yaml"
_PLAUSIBLE = 0.05
"""Metres by which calibration moves the wrist at most; a URDF in which it is elsewhere is not this robot's."""
_LARGEST = {"pan": 0.3, "tilt": 0.3, "arm": 0.05}
"""Largest offsets (rad, m) that are believed; the ROS 2 driver warns of larger ones."""


@dataclass(frozen=True)
class Offsets:
    """What is added to the readings of arm (m), pan and tilt (rad). Some hold only on one side of the backlash.

    tilt_looking_up: above `tilt_transition`, where the head's weight pulls to the other side; pan_looked_left: after a turn to
    the left; arm_retracted: after it has moved in.
    """

    pan: float = 0.0
    pan_looked_left: float = 0.0
    tilt: float = 0.0
    tilt_looking_up: float = 0.0
    tilt_transition: float = -0.4
    arm_retracted: float = 0.0

    def of(self, axis: str, reading: float, rose: bool) -> float:
        """What to add to a reading of an axis (m, rad) that last moved upwards, outwards or to the left, or not."""
        if axis == "pan":
            return self.pan + (self.pan_looked_left if rose else 0.0)
        if axis == "tilt":
            return self.tilt + (self.tilt_looking_up if reading > self.tilt_transition else 0.0)
        return self.arm_retracted if axis == "arm" and not rose else 0.0


_KEYS = {
    "pan_angle_offset": "pan",
    "pan_looked_left_offset": "pan_looked_left",
    "tilt_angle_offset": "tilt",
    "tilt_looking_up_offset": "tilt_looking_up",
    "tilt_angle_backlash_transition": "tilt_transition",
    "arm_retracted_offset": "arm_retracted",
}


@dataclass(frozen=True)
class Calibration:
    """A robot's own files; `urdf` is None where it has none."""

    urdf: Urdf | None = None
    offsets: Offsets = Offsets()


def read_calibration(variables: Mapping[str, str] | None = None) -> Calibration:
    """The files of the robot that the environment names. TransportError names a file that cannot be made sense of."""
    variables = os.environ if variables is None else variables
    if not {"HELLO_FLEET_PATH", "HELLO_FLEET_ID"} <= set(variables):
        return Calibration()
    folder = Path(variables["HELLO_FLEET_PATH"]) / variables["HELLO_FLEET_ID"] / _FOLDER
    urdf, offsets = folder / _URDF, folder / _OFFSETS
    try:
        found = read_urdf(urdf) if urdf.is_file() else None
    except UrdfError as error:
        raise TransportError(f"{error}: export it again (stretch_calibration), or move it away") from error
    return Calibration(found, read_offsets(offsets) if offsets.is_file() else Offsets())


def read_offsets(path: Path) -> Offsets:
    """Offsets of arm and head. TransportError names the file, the value and the remedy."""
    try:
        content = yaml.safe_load(path.read_text()) or {}
        values = {name: float(content[key]) for key, name in _KEYS.items() if key in content}
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise TransportError(f"{path}: not a calibration of arm and head ({error}): calibrate again, or move it away") from error
    for name, value in values.items():
        limit = _LARGEST.get(name.split("_")[0], math.inf) if name != "tilt_transition" else math.pi
        if not abs(value) <= limit:
            raise TransportError(f"{path}: {name} = {value:g} is larger than {limit:g}: calibrate again, or move the file away")
    return Offsets(**values)


def kinematics_of(robot: StretchTransport, calibration: Calibration) -> Kinematics:
    """Lengths of the robot's URDF where it has one, and the ranges that both the description and stretch_body allow."""
    nominal = Kinematics(TOOLS[robot.eoa_name])
    axes = {**nominal.axes, **{axis: _within(limits, _range(robot, axis)) for axis, limits in _fitted(robot).items()}}
    if calibration.urdf is None:
        return replace(nominal, axes=axes)
    urdf = calibration.urdf
    try:
        wrist = urdf.at_zero("link_wrist_yaw", BASE)[:3, 3]
        tool = _tool(urdf, nominal.tool)
    except UrdfError as error:
        raise TransportError(f"{error}: it is not the URDF of a Stretch RE2; export it again, or move it away") from error
    off = float(np.abs(wrist - nominal.wrist).max())
    if off > _PLAUSIBLE:
        raise TransportError(
            f"{urdf.path}: its wrist is {off:.2f} m from where an RE2's is: export the URDF again, or move it away"
        )
    return Kinematics(tool, (float(wrist[0]), float(wrist[1]), float(wrist[2])), axes)


def _tool(urdf: Urdf, tool: Tool) -> Tool:
    wrist = urdf.at_zero("link_wrist_yaw", BASE)[:3, 3]
    if tool.pitches:
        return replace(tool, axis_drop=float(wrist[2] - urdf.at_zero("link_wrist_pitch", BASE)[2, 3]))
    grasp = urdf.at_zero(GRASP, BASE)[:3, 3]
    return replace(tool, reach=float(np.linalg.norm((grasp - wrist)[:2])), drop=float(wrist[2] - grasp[2]))


def _fitted(robot: StretchTransport) -> dict[str, Axis]:
    """Axes that this robot has a joint of its own for."""
    known = {**AXES, "pitch": PITCH}
    return {axis: known[axis] for axis in JOINT_OF if axis != "pitch" or TOOLS[robot.eoa_name].pitches}


def _range(robot: StretchTransport, axis: str) -> tuple[float, float]:
    """Where stretch_body lets a joint go by its own calibration (m, rad)."""
    joint = JOINTS[JOINT_OF[axis]]
    if joint.stepper:
        limits = (robot.lift if joint.name == "lift" else robot.arm).soft_motion_limits
    else:
        servo = (robot.head if joint.device == "head" else robot.end_of_arm).get_joint(joint.name)
        limits = {} if servo is None else servo.soft_motion_limits
    low, high = limits.get("current") or (-math.inf, math.inf)
    return float(low), float(high)


def _within(axis: Axis, ends: tuple[float, float]) -> Axis:
    return replace(axis, low=max(axis.low, ends[0]), high=min(axis.high, ends[1]))
