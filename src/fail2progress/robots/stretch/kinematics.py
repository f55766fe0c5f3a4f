"""Where a Stretch's hand is, and where base, lift, arm and wrist must be for it to be somewhere.

The arm leaves the base to its right (-y of base_link) and telescopes along that line, so the robot stands with its right side to
the tables: at its working heading (+90 degrees in the planning frame) the arm points along x and the base drives along y. A hand
pose then has a closed form: the heading of the hand is the wrist's, the lift gives z, the base y, and the arm x.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fail2progress.robots.stretch.description import AXES, FINGERTIP, GRASP, OPENING, PITCH, PUSHER, Axis, frames
from fail2progress.skills.phases import Ends, Hand, OutOfReachError, Posture

HOME = (0.0, 0.0, math.pi / 2)
"""Base at plan time in the planning frame: x, y (m), heading (rad). The arm then points along x, to the tables."""


@dataclass(frozen=True)
class BasePose:
    """The base in the planning frame: metres, and its heading in radians."""

    x: float
    y: float
    heading: float = HOME[2]


@dataclass(frozen=True)
class Tool:
    """A hand: its grasp centre from the axis of pitch (or yaw), straight out along the fingers and down from them."""

    reach: float
    """Metres from the axis of pitch (or yaw) along the fingers."""
    drop: float
    """Metres from that axis down to the grasp centre, fingers level."""
    axis_drop: float = 0.0
    """Metres from the yaw frame down to the axis of pitch."""
    pitches: bool = False
    closed: tuple[float, float, float] = PUSHER
    """Half extents (m) of the closed fingers: across their flat side, along it, and vertical."""
    opening: float = OPENING
    """Widest object between the fingers (m)."""
    fingertip: float = FINGERTIP
    """Metres: nearer to a surface the grasp centre cannot come."""

    def offset(self, pitch: float) -> tuple[float, float]:
        """Grasp centre from the yaw frame: metres outwards and upwards, at a pitch (rad, negative is down)."""
        out = self.reach * math.cos(pitch) + self.drop * math.sin(pitch)
        up = self.reach * math.sin(pitch) - self.drop * math.cos(pitch)
        return out, up - self.axis_drop

    @property
    def down(self) -> float:
        """The pitch (rad) to grasp from above with: fingers down where the wrist allows it."""
        return -1.55 if self.pitches else 0.0


_WRIST, _GRASP = (frames({})[name][:3, 3] for name in ("link_wrist_yaw", GRASP))
TOOLS = {
    "tool_stretch_gripper": Tool(float(np.linalg.norm((_GRASP - _WRIST)[:2])), float(_WRIST[2] - _GRASP[2])),
    "tool_stretch_dex_wrist": Tool(reach=0.2643, drop=0.0240, axis_drop=0.0247, pitches=True, closed=(0.03, 0.06, 0.025)),
}
"""By stretch_body's names of the tools (Robot.eoa_name)."""


@dataclass(frozen=True)
class Kinematics:
    """One Stretch: its tool, where its wrist is, and what its joints allow.

    wrist: the yaw axis in base_link, lift and arm at 0 (m). axes: ranges (m, rad) by the names of a phase's goals.
    """

    tool: Tool = TOOLS["tool_stretch_gripper"]
    wrist: tuple[float, float, float] = (float(_WRIST[0]), float(_WRIST[1]), float(_WRIST[2]))
    axes: Mapping[str, Axis] = field(default_factory=lambda: {**AXES, "pitch": PITCH})

    def hand(self, base: BasePose, joints: Posture) -> Hand:
        """Forward kinematics: the hand for a pose of the base, and lift, arm, yaw and pitch of a posture."""
        out, up = self.tool.offset(joints.pitch)
        heading = base.heading - math.pi / 2 + joints.yaw
        across, along = self.wrist[0], self.wrist[1] - joints.arm
        cos, sin = math.cos(base.heading), math.sin(base.heading)
        x = base.x + cos * across - sin * along + out * math.cos(heading)
        y = base.y + sin * across + cos * along + out * math.sin(heading)
        return Hand(x, y, self.wrist[2] + joints.lift + up, heading, joints.pitch)

    def posture(self, hand: Hand, stand: float) -> Posture:
        """The only posture for a hand pose with the base's x (m) given; joints may lie outside their limits."""
        out, up = self.tool.offset(hand.pitch)
        wrist_x = hand.x - out * math.cos(hand.heading)
        wrist_y = hand.y - out * math.sin(hand.heading)
        arm = wrist_x + self.wrist[1] - stand
        return Posture(stand, wrist_y - self.wrist[0], hand.z - self.wrist[2] - up, arm, hand.heading, hand.pitch)

    def stand_for(self, hand: Hand, preferred: float) -> float:
        """The base's x (m) nearest to a preferred one from which the arm is long and short enough."""
        arm = self.posture(hand, preferred).arm
        return preferred + (arm - float(np.clip(arm, self.axes["arm"].low, self.axes["arm"].high)))

    def height(self, pitch: float) -> float:
        """Height (m) of the hand above the floor with the lift at zero."""
        return self.wrist[2] + self.tool.offset(pitch)[1]

    def lowest(self, pitch: float) -> float:
        """Height (m) of the hand where the lift ends."""
        return self.height(pitch) + self.axes["lift"].low

    def lift(self, height: float, pitch: float, why: str) -> float:
        """Lift (m) for a height of the hand. OutOfReachError beyond the joint's range."""
        zero, axis = self.height(pitch), self.axes["lift"]
        if not axis.low - 1e-9 <= height - zero <= axis.high + 1e-9:
            raise OutOfReachError(
                f"{why} needs the hand at {height:.3f} m, but joint_lift takes it from {zero + axis.low:.3f} to "
                f"{zero + axis.high:.3f} m; choose another height",
                Ends.HEIGHT,
                height,
                zero + (axis.low if height - zero < axis.low else axis.high),
            )
        return height - zero
