"""Where a Stretch RE2's hand is, and where base, lift, arm and wrist must be for it to be somewhere.

The arm leaves the base to its right (-y of base_link) and telescopes along that line, so the robot stands with its right side to
the tables: its heading in the planning frame is +90 degrees, arm along x, driving along y. Lengths from the RE2V0 URDFs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fail2progress.robots.stretch.real.joints import JOINTS, wrap

HEADING = math.pi / 2
"""Heading (rad) of the base in the planning frame whenever the arm is used."""
_YAW_AXIS = (-0.0214, -0.1450, 0.1642)
"""The wrist's yaw axis in base_link (m), lift and arm at 0."""
_MARGIN = 0.01
"""Metres of arm kept in reserve."""


class UnreachableError(ValueError):
    """No posture brings the hand there; the message says what would."""


@dataclass(frozen=True)
class Tool:
    """A hand: its grasp centre from the yaw axis, straight out, and whether the wrist can pitch."""

    reach: float
    """Metres from the axis of pitch (or yaw) along the fingers."""
    drop: float
    """Metres from that axis down to the grasp centre, fingers level."""
    axis_drop: float = 0.0
    """Metres from the yaw frame down to the axis of pitch."""
    pitches: bool = False
    half_width: float = 0.04
    """Half the closed hand's width (m)."""
    opening: float = 0.125
    """Widest object between the fingers (m), as stretch_body's gripper conversion states it."""

    def offset(self, pitch: float) -> tuple[float, float]:
        """Grasp centre from the yaw frame: metres outwards and upwards, at a pitch (rad, negative is down)."""
        out = self.reach * math.cos(pitch) + self.drop * math.sin(pitch)
        up = self.reach * math.sin(pitch) - self.drop * math.cos(pitch)
        return out, up - self.axis_drop

    @property
    def down(self) -> float:
        """The pitch (rad) to grasp from above with: fingers down where the wrist allows it."""
        return -1.55 if self.pitches else 0.0


TOOLS = {
    "tool_stretch_gripper": Tool(reach=0.2054, drop=0.1381),
    "tool_stretch_dex_wrist": Tool(reach=0.2643, drop=0.0240, axis_drop=0.0247, pitches=True),
}
"""By stretch_body's names of the tools (Robot.eoa_name)."""


@dataclass(frozen=True)
class BasePose:
    """The base in the planning frame: metres, and its heading in radians."""

    x: float
    y: float
    heading: float = HEADING


@dataclass(frozen=True)
class Hand:
    """A grasp centre in the planning frame (m), with the heading of the fingers (rad; 0 is along x) and their pitch."""

    x: float
    y: float
    z: float
    heading: float = 0.0
    pitch: float = 0.0

    def moved(self, dx: float, dy: float, dz: float = 0.0, turn: float = 0.0) -> Hand:
        """The same hand elsewhere (m, rad)."""
        return Hand(self.x + dx, self.y + dy, self.z + dz, self.heading + turn, self.pitch)


@dataclass(frozen=True)
class Posture:
    """Base and joints (m, rad)."""

    base: BasePose
    lift: float
    arm: float
    yaw: float
    pitch: float


@dataclass(frozen=True)
class Floor:
    """Where the base may stand (m, planning frame)."""

    low: tuple[float, float] = (-0.8, -1.6)
    high: tuple[float, float] = (0.30, 1.6)


def hand(posture: Posture, tool: Tool) -> Hand:
    """Forward kinematics."""
    out, up = tool.offset(posture.pitch)
    heading = posture.base.heading - math.pi / 2 + posture.yaw
    across, along = _YAW_AXIS[0], _YAW_AXIS[1] - posture.arm
    cos, sin = math.cos(posture.base.heading), math.sin(posture.base.heading)
    x = posture.base.x + cos * across - sin * along + out * math.cos(heading)
    y = posture.base.y + sin * across + cos * along + out * math.sin(heading)
    return Hand(x, y, _YAW_AXIS[2] + posture.lift + up, heading, posture.pitch)


def lift_at(height: float, tool: Tool, pitch: float) -> float:
    """Position of the lift (m) that brings the grasp centre to a height (m) above the floor."""
    return height - _YAW_AXIS[2] - tool.offset(pitch)[1]


def postures(goals: tuple[Hand, ...], tool: Tool, now: BasePose, floor: Floor | None = None) -> tuple[Posture, ...]:
    """Postures at heading 90 degrees that bring the hand to all goals with the base at one x: the x nearest to where it is now.

    UnreachableError where there is none.
    """
    wrists = [_wrist(goal, tool) for goal in goals]
    x = _base_x([wrist[0] for wrist in wrists], now.x, floor or Floor())
    return tuple(_posture(goal, wrist, x, floor or Floor()) for goal, wrist in zip(goals, wrists, strict=True))


def _wrist(goal: Hand, tool: Tool) -> tuple[float, float, float]:
    """Where the yaw frame must be (m, planning frame)."""
    out, up = tool.offset(goal.pitch)
    return goal.x - out * math.cos(goal.heading), goal.y - out * math.sin(goal.heading), goal.z - up


def _base_x(wrists: list[float], now: float, floor: Floor) -> float:
    arm = JOINTS["arm"]
    low = max(max(wrists) + _YAW_AXIS[1] - arm.high + _MARGIN, floor.low[0])
    high = min(min(wrists) + _YAW_AXIS[1] - arm.low - _MARGIN, floor.high[0])
    if low > high:
        raise UnreachableError(
            f"the arm does not reach from x = {min(wrists):.2f} to {max(wrists):.2f} m with the base between x = "
            f"{floor.low[0]:g} and {floor.high[0]:g} m: move the object nearer, or widen the floor"
        )
    return min(max(now, low), high)


def _posture(goal: Hand, wrist: tuple[float, float, float], x: float, floor: Floor) -> Posture:
    base = BasePose(x, wrist[1] - _YAW_AXIS[0])
    if not floor.low[1] <= base.y <= floor.high[1]:
        raise UnreachableError(
            f"the base would have to stand at y = {base.y:.2f} m, outside [{floor.low[1]:g}, {floor.high[1]:g}]: "
            "move the object nearer, or widen the floor"
        )
    found = Posture(base, wrist[2] - _YAW_AXIS[2], wrist[0] - x + _YAW_AXIS[1], _yaw(goal.heading), goal.pitch)
    for name, value in (("lift", found.lift), ("wrist_yaw", found.yaw), ("wrist_pitch", found.pitch)):
        joint = JOINTS[name]
        if not joint.low <= value <= joint.high:
            raise UnreachableError(
                f"{name} would have to be {value:.2f} {joint.unit}, outside [{joint.low:g}, {joint.high:g}]: "
                "choose another height or turn"
            )
    return found


def _yaw(heading: float) -> float:
    """The heading as a position of wrist_yaw, whose range is not symmetric."""
    angle = wrap(heading)
    return angle + 2 * math.pi if angle < JOINTS["wrist_yaw"].low and angle + 2 * math.pi <= JOINTS["wrist_yaw"].high else angle
