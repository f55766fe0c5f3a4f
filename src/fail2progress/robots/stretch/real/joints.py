"""The joints of a Stretch RE2 as stretch_body commands them: devices, tolerances, and where their state stands in the status.

Ranges, speeds and accelerations are those of the description that the simulated robot uses, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fail2progress.robots.stretch.description import AXES, FINGER_LENGTH, PITCH, Axis
from fail2progress.robots.stretch.real.transport import Status


@dataclass(frozen=True)
class Joint:
    """One joint that can be sent somewhere. Unit: m, rad, or % of stretch_body's gripper (below 0 it squeezes)."""

    name: str
    unit: str
    device: str
    low: float
    high: float
    speed: float
    """Highest commanded speed, unit/s (the gripper's in rad/s of its servo)."""
    acceleration: float
    tolerance: float
    """How near counts as arrived, in units."""
    rest: float
    """Below this speed it rests, unit/s."""
    scale: float = 1.0
    """Units per radian of the servo, where they differ."""

    @property
    def stepper(self) -> bool:
        """Whether the joint is driven by steppers, whose commands wait for push_command()."""
        return self.device in ("base", "lift", "arm")


@dataclass(frozen=True)
class _Device:
    """Where a joint's commands go, and how exactly it obeys: device, unit, tolerance, rest (see Joint)."""

    device: str
    unit: str
    tolerance: float
    rest: float


_OF_AXIS = {
    "lift": ("lift", _Device("lift", "m", 0.005, 0.005)),
    "arm": ("arm", _Device("arm", "m", 0.005, 0.005)),
    "yaw": ("wrist_yaw", _Device("end_of_arm", "rad", 0.03, 0.05)),
    "pitch": ("wrist_pitch", _Device("end_of_arm", "rad", 0.05, 0.05)),
    "pan": ("head_pan", _Device("head", "rad", 0.15, 0.1)),
    "tilt": ("head_tilt", _Device("head", "rad", 0.15, 0.1)),
}
JOINT_OF = {axis: name for axis, (name, _) in _OF_AXIS.items()}
"""Names of joints by the axes of a phase's goals; the base and the fingers are commanded in other units (see robot.py)."""
FULL_OPEN, SQUEEZE = 100.0, -50.0
"""Gripper positions in stretch_body's per cent: as wide as it goes, squeezing."""
APERTURE = 0.09 / 70
"""Metres that the fingers open per per cent (stretch_body's gripper conversion)."""


def joints_of(axes: Mapping[str, Axis]) -> dict[str, Joint]:
    """The joints of a robot whose axes have these ranges and speeds, by stretch_body's names."""
    base, turn = axes["x"], axes["turn"]
    found = [
        Joint("translate", "m", "base", -2.0, 2.0, base.speed, base.acceleration, 0.005, 0.005),
        Joint("rotate", "rad", "base", -math.pi, math.pi, turn.speed, turn.acceleration, 0.01, 0.02),
        Joint("stretch_gripper", "%", "end_of_arm", -60.0, FULL_OPEN, 4.0, 8.0, 3.0, 1.0, scale=12.5),
    ]
    for axis, (name, kind) in _OF_AXIS.items():
        limits = axes[axis]
        ends = limits.low, limits.high, limits.speed, limits.acceleration
        found.append(Joint(name, kind.unit, kind.device, *ends, kind.tolerance, kind.rest))
    return {joint.name: joint for joint in found}


JOINTS = joints_of({**AXES, "pitch": PITCH})
"""Of any RE2."""


def per_cent(angle: float) -> float:
    """The gripper's position for an angle of its fingers (rad), as wide as it goes at most."""
    return min(2 * FINGER_LENGTH * math.sin(angle) / APERTURE, FULL_OPEN)


FAILURES = "failed_reads"
"""Where the driver puts into a status how often each chain of servos could not be read."""


REFUSAL = "refusal"
"""Where a transport that is told later puts into a status why the last motion was not begun, or given up; else empty."""


LOW_BATTERY = 10.5
"""Volts below which stretch_body itself warns: lead-acid cells of 12 V."""


def volts(status: Status) -> float | None:
    """Of the battery; None where nobody has measured it."""
    found = status["pimu"].get("voltage")
    return float(found) if found is not None and math.isfinite(found) else None


def too_low(volts: float | None) -> str:
    """What is to be said of a battery that carries no skill any more; empty where it does, or is not known."""
    if volts is None or volts >= LOW_BATTERY:
        return ""
    return f"the battery has {volts:.1f} V, less than {LOW_BATTERY:g} V: charge it"


@dataclass(frozen=True)
class Reading:
    """A joint's position and velocity (unit, unit/s), and a stamp that changes with every reading of the hardware."""

    position: float
    velocity: float
    stamp: float
    contacts: int = 0
    """How often the firmware has stopped the joint at its contact threshold."""
    failures: int = 0
    """How often reading the joint's bus has failed: then stretch_body's stamp of a servo is new, its position is not."""


def read(status: Status, joint: Joint) -> Reading:
    """A joint's state; for the base the position is 0: its motion is told from two odometries (base_progress)."""
    if joint.device == "base":
        base = status["base"]
        speed = base["theta_vel"] if joint.name == "rotate" else base["x_vel"]
        return Reading(0.0, float(speed), float(base["left_wheel"]["timestamp"]))
    if joint.stepper:
        part = status[joint.device]
        motor = part["motor"]
        return Reading(float(part["pos"]), float(part["vel"]), float(motor["timestamp"]), int(motor["guarded_event"]))
    servo = status[joint.device][joint.name]
    position = servo["pos_pct"] if joint.unit == "%" else servo["pos"]
    failures = int(status.get(FAILURES, {}).get(joint.device, 0))
    return Reading(float(position), float(servo["vel"]) * joint.scale, float(servo["timestamp_pc"]), failures=failures)


@dataclass(frozen=True)
class Odometry:
    """Where the base is by its wheels: metres and radians since stretch_body started."""

    x: float
    y: float
    theta: float


def odometry(status: Status) -> Odometry:
    """The base's odometry; theta comes modulo 2 pi."""
    base = status["base"]
    return Odometry(float(base["x"]), float(base["y"]), float(base["theta"]))


def base_progress(joint: Joint, start: Odometry, now: Odometry) -> float:
    """How far the base has driven along its first heading (m), or turned (rad, within +-pi)."""
    if joint.name == "rotate":
        return wrap(now.theta - start.theta)
    return (now.x - start.x) * math.cos(start.theta) + (now.y - start.y) * math.sin(start.theta)


def wrap(angle: float) -> float:
    """The same angle within +-pi."""
    return math.remainder(angle, 2 * math.pi)


@dataclass(frozen=True)
class Profile:
    """Speed and acceleration of one move, and the seconds that a trapezoid with them takes."""

    speed: float
    acceleration: float
    seconds: float


def profiles(
    distances: Mapping[str, float], together: bool = False, slower: Mapping[str, float] = MappingProxyType({})
) -> dict[str, Profile]:
    """Profiles for moves by signed distances (unit), none above its joint's limits, nor above its speed (unit/s) in `slower`.

    Together, all joints share one trapezoid scaled by their distances, so that arm and base draw a straight line.
    """
    paths = {name: abs(d) / JOINTS[name].scale for name, d in distances.items() if d != 0.0}
    speeds = {name: min(JOINTS[name].speed, slower.get(name, math.inf)) for name in paths}
    if not together:
        return {name: _profile(d, speeds[name], JOINTS[name].acceleration) for name, d in paths.items()}
    speed = min((speeds[name] / d for name, d in paths.items()), default=1.0)
    acceleration = min((JOINTS[name].acceleration / d for name, d in paths.items()), default=1.0)
    return {name: _profile(d, speed * d, acceleration * d) for name, d in paths.items()}


def _profile(distance: float, speed: float, acceleration: float) -> Profile:
    if distance < speed**2 / acceleration:
        return Profile(speed, acceleration, 2 * math.sqrt(distance / acceleration))
    return Profile(speed, acceleration, distance / speed + speed / acceleration)
