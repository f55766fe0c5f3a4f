"""The driver's names of joints, and what it says about them, as the status that stretch_body gives."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from control_msgs.action import FollowJointTrajectory
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from fail2progress.core.observation import SECOND
from fail2progress.robots.stretch.description import FINGER_LENGTH
from fail2progress.robots.stretch.real.joints import APERTURE, JOINTS
from fail2progress.robots.stretch.real.transport import Status
from fail2progress.ros.conversions.values import stamp_of

NAMES: Mapping[str, str] = {
    "translate": "translate_mobile_base",
    "rotate": "rotate_mobile_base",
    "lift": "joint_lift",
    "arm": "wrist_extension",
    "wrist_yaw": "joint_wrist_yaw",
    "wrist_pitch": "joint_wrist_pitch",
    "head_pan": "joint_head_pan",
    "head_tilt": "joint_head_tilt",
    "stretch_gripper": "joint_gripper_finger_left",
}
"""Names in trajectories, by stretch_body's; its states have the same, but for the base."""
LIMITS: Mapping[str, str] = {**NAMES, "arm": "joint_arm"}
"""Names in what the driver tells of ranges."""
_ROLL = ("wrist_roll", "joint_wrist_roll")
CONTACT = 100
"""The driver's code for a motion that ended at a contact."""
_PER_RADIAN = 2 * FINGER_LENGTH / APERTURE
"""Per cent of the gripper per radian of a finger, as the driver converts."""


DELAY, SERVO_DELAY = 0.08, 0.12
"""Seconds from a stop to the first slowing down: a period of the own loop and one of the driver's (30 Hz), and two messages. To
servos it comes by a goal of the driver's action, which takes more messages."""


def speeds(seconds: float) -> dict[str, float]:
    """Highest speeds (unit/s; the gripper's in rad/s of its servo) from which the driver's stop ends motion in so many seconds.

    Its stop is a move by nothing with the robot's default accelerations: a slow brake, 0.8 s from the base's full speed.
    """
    delays = {name: DELAY if joint.stepper else SERVO_DELAY for name, joint in JOINTS.items()}
    return {name: joint.acceleration * max(seconds - delays[name], 0.01) for name, joint in JOINTS.items()}


def finger(per_cent: float) -> float:
    """The finger's angle (rad) for a position of the gripper (%); below 0 it squeezes."""
    return per_cent / _PER_RADIAN


@dataclass
class Heard:
    """The newest of what the driver says; None before it has said it."""

    joints: Any = None
    at: float = -math.inf
    """When they came, by this process's clock (s)."""
    odometry: Any = None
    homed: bool | None = None
    run_stopped: bool | None = None
    mode: str | None = None
    tool: str | None = None
    voltage: float | None = None
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    contacts: int = 0
    """How often a motion of lift or arm ended at a contact."""

    def take_joints(self, message: Any) -> None:
        """A JointState of where the joints are."""
        self.joints, self.at = message, time.monotonic()

    def take_limits(self, message: Any) -> None:
        """A JointState of ranges: the driver puts the lower ends into positions, the upper ones into velocities."""
        of = {name: (low, high) for name, low, high in zip(message.name, message.position, message.velocity, strict=True)}
        self.limits = {name: of[told] for name, told in LIMITS.items() if told in of and name != "stretch_gripper"}

    def untold(self) -> list[str]:
        """Joints of this robot, by stretch_body's names, whose ranges the driver has not told; base and fingers have none."""
        there = set(self.joints.name) if self.joints is not None else set()
        ranged = [name for name, joint in JOINTS.items() if joint.device != "base" and joint.unit != "%"]
        return [name for name in ranged if NAMES[name] in there and name not in self.limits]

    def servos(self) -> dict[str, tuple[float, float]]:
        """Where the servos of wrist and head that move can come to rest (rad), and how fast they are, by stretch_body's names.

        That is ahead of where they were seen by what braking takes.
        """
        if self.joints is None:
            return {}
        at = {
            name: (place, speed)
            for name, place, speed in zip(self.joints.name, self.joints.position, self.joints.velocity, strict=True)
        }
        plain = [name for name in NAMES if name in JOINTS and not JOINTS[name].stepper and JOINTS[name].unit == "rad"]
        moving = {name: at[NAMES[name]] for name in plain if abs(at.get(NAMES[name], (0.0, 0.0))[1]) > JOINTS[name].rest}
        return {
            name: (place + speed * abs(speed) / (2 * JOINTS[name].acceleration), abs(speed))
            for name, (place, speed) in moving.items()
        }

    def missing(self) -> list[str]:
        """Topics that nothing has come on yet."""
        topics = {
            "/stretch/joint_states": self.joints,
            "/odom": self.odometry,
            "/is_homed": self.homed,
            "/is_runstopped": self.run_stopped,
            "/mode": self.mode,
            "/tool": self.tool,
        }
        return [name for name, value in topics.items() if value is None]

    def status(self) -> Status:
        """As stretch_body's `get_status()`. Stamps are the driver's, of when it published: it gives none of the readings."""
        states, base = self.joints, self.odometry
        at = {name: number for number, name in enumerate(states.name)}
        stamp = stamp_of(states.header.stamp) / SECOND
        turn, place, speed = base.pose.pose.orientation, base.pose.pose.position, base.twist.twist
        wheel = {"timestamp": stamp_of(base.header.stamp) / SECOND, "pos_calibrated": False, "guarded_event": 0}

        def values(name: str) -> tuple[float, float, float]:
            return states.position[at[name]], states.velocity[at[name]], states.effort[at[name]]

        def prismatic(name: str) -> dict[str, Any]:
            position, velocity, effort = values(NAMES[name])
            of = {"pos_calibrated": bool(self.homed), "guarded_event": self.contacts, "effort_pct": effort}
            return {"pos": position, "vel": velocity, "motor": {"timestamp": stamp, **of}}

        def servo(name: str, joint: str) -> dict[str, Any]:
            position, velocity, effort = values(joint)
            found = {"pos": position, "vel": velocity, "effort": effort, "timestamp_pc": stamp}
            return found if name != "stretch_gripper" else {**found, **_gripper(position, velocity, effort)}

        fitted = [(name, joint) for name, joint in (*NAMES.items(), _ROLL) if joint in at]
        chains = {
            device: {name: servo(name, joint) for name, joint in fitted if device == _device(name)}
            for device in ("head", "end_of_arm")
        }
        heading = 2 * math.atan2(turn.z, turn.w)
        drive = {"x": place.x, "y": place.y, "theta": heading, "x_vel": speed.linear.x, "theta_vel": speed.angular.z}
        return {
            "pimu": {"runstop_event": bool(self.run_stopped), "voltage": self.voltage},
            "base": {**drive, "left_wheel": wheel, "right_wheel": wheel},
            "lift": prismatic("lift"),
            "arm": prismatic("arm"),
            **chains,
        }


def _device(name: str) -> str:
    return JOINTS[name].device if name in JOINTS else "end_of_arm"


def _gripper(angle: float, velocity: float, effort: float) -> dict[str, Any]:
    """The driver gives half the fingers' opening per radian of the servo as their speed."""
    fingers = {"finger_rad": angle, "finger_vel": velocity, "finger_effort": effort}
    return {"pos_pct": angle * _PER_RADIAN, "vel": 2 * velocity / APERTURE, "gripper_conversion": fingers}


def trajectory(moves: Mapping[str, tuple[float, float | None, float | None]]) -> Any:
    """A goal of one point; speeds and accelerations in the driver's units where all have them."""
    to, speeds, accelerations = zip(*moves.values(), strict=True)
    point = JointTrajectoryPoint(positions=list(map(float, to)))
    if None not in speeds and None not in accelerations:
        point.velocities, point.accelerations = list(map(float, speeds)), list(map(float, accelerations))
    return FollowJointTrajectory.Goal(trajectory=JointTrajectory(joint_names=[NAMES[n] for n in moves], points=[point]))


def refusal(result: Any) -> str:
    """Why the driver has not carried a goal out; empty where it has, met something, or waits no longer while motion goes on."""
    if result.error_code in (result.SUCCESSFUL, result.PATH_TOLERANCE_VIOLATED, CONTACT):
        return ""
    return f"{result.error_string or 'it does not say why'} (code {result.error_code})"
