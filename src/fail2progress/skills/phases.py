"""Programs for a robot with an arm on a mobile base: functions from what is known of the scene to the phases that it runs.

One program serves the simulated and the real robot: both execute the same phases. A skill's definition names its program for a
robot as "module:function" (`programs`, key "stretch" for a Stretch), and that alone makes the robot able to carry it out; a
package outside fail2progress needs nothing but this module to write one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, cast

from fail2progress.core.contents import contained as contained  # programs ask it of this module, too
from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import skill


class Ends(str, Enum):
    """What ends first where a robot cannot bring its hand to a place."""

    HEIGHT = "height"
    DISTANCE = "distance"
    BASE = "base"
    """The base would stand in something, or off its floor."""
    WIDTH = "width"
    HEAD = "head"


class OutOfReachError(ValueError):
    """A pose that the robot cannot bring its hand to: what ends first, and what to do.

    needed, limit: what it takes and the nearer bound of what there is (m; rad for the head); None where that is no number.
    """

    def __init__(self, text: str, ends: Ends = Ends.DISTANCE, needed: float | None = None, limit: float | None = None) -> None:
        super().__init__(text)
        self.ends, self.needed, self.limit = ends, needed, limit


class ProgramError(ValueError):
    """A skill without a program for a robot, or with one that cannot be loaded."""


@dataclass(frozen=True)
class Phase:
    """A synchronised motion of some axes to goals.

    goals: x, y (m) and turn (rad) of the base in the odometry frame, which starts where the robot looks out from; lift, arm (m);
    yaw, pitch of the wrist, pan, tilt of the head, grip, the angle of a finger (rad).
    guarded: meeting something ends the phase, as in lowering onto a table, instead of being an error.
    touches: the closed fingers meet things on purpose, as in a push.
    hand: "close" closes the fingers at the end on what is between them, "open" lets go of it at the beginning.
    look: the camera takes in what it sees at the end.
    """

    name: str
    goals: Mapping[str, float] = field(default_factory=dict)
    guarded: bool = False
    touches: bool = False
    hand: str = ""
    look: bool = False

    def __post_init__(self) -> None:
        if self.hand not in ("", "close", "open"):
            raise ValueError(f"phase {self.name!r}: hand = {self.hand!r}; allowed: '', 'close', 'open'")


@dataclass(frozen=True)
class Hand:
    """A pose of the hand in the planning frame: centre of the grasp (m), heading and pitch (rad; down is negative)."""

    x: float
    y: float
    z: float
    heading: float = 0.0
    pitch: float = 0.0


@dataclass(frozen=True)
class Posture:
    """Base (m, planning frame, at the heading at which the arm works) and joints (m, rad) that bring the hand to a pose."""

    base_x: float
    base_y: float
    lift: float
    arm: float
    yaw: float
    pitch: float = 0.0


@dataclass(frozen=True)
class Reach:
    """Postures that bring the hand to some poses one after the other."""

    hands: tuple[Hand, ...]
    postures: tuple[Posture, ...]

    @property
    def one_stand(self) -> bool:
        """Whether the base only drives along its working heading in between: then the hand moves straight."""
        return len({p.base_x for p in self.postures}) == 1


Cost = Callable[[Hand], float]
"""What speaks against a hand pose, in rad; infinite where it is impossible."""


class Body(Protocol):
    """What a program asks of the robot: its kinematics, and the ways that all skills share."""

    def adjusted(self, name: str) -> float:
        """What an adjustable of the skill is set to; 0 unless corrected."""

    @property
    def opening(self) -> float:
        """Width (m) of the widest thing that fits between the fingers."""

    @property
    def closed_hand(self) -> tuple[float, float, float]:
        """Half extents (m) of the closed fingers: across its flat side, along it, and vertical."""

    @property
    def fingertip(self) -> float:
        """Metres: nearer to a surface the centre of the grasp cannot come."""

    @property
    def headings(self) -> Sequence[float]:
        """Headings (rad) of the hand to choose from, best first."""

    @property
    def folded(self) -> float:
        """Heading (rad) from which on the hand would be folded into the arm."""

    @property
    def down(self) -> float:
        """Pitch (rad) of the hand that grasps from above: down where the wrist can, else level."""

    def lowest(self, pitch: float) -> float:
        """Height (m) of the hand where the lift ends."""

    def lift(self, height: float, pitch: float, why: str) -> float:
        """Lift (m) for a height of the hand. OutOfReachError beyond the joint's range."""

    def fingers(self, aperture: float) -> float:
        """Angle of a finger (rad) at which the fingers are so many metres apart."""

    def reach(
        self,
        scene: Scene,
        points: Sequence[Array],
        *,
        turn: float = 0.0,
        headings: Sequence[float] = (),
        pitch: float = 0.0,
        straight: bool = False,
        against: Cost = lambda hand: 0.0,
    ) -> Reach:
        """How to bring the hand to (3,) points in turn; at the last it has turned by so many rad against the others.

        headings: the ones to choose from, else all. straight: from one stand. OutOfReachError where there is no way.
        """

    def crowding(self, boxes: Array, aperture: float) -> Cost:
        """What it costs that (N, 2, 3) boxes reach into the fingers, open so far (m)."""

    def safe(self, scene: Scene, way: Reach, lowest: float) -> float:
        """Lift (m) at which the empty hand passes well over all that stands on its way, and over a height (m)."""

    def carrying(self, scene: Scene, way: Reach, name: str, lowest: float, hanging: float) -> float:
        """Lift (m) at which an object, hanging so far (m) below the hand, passes well over all there is and over a height (m)."""

    def approach(self, first: Posture, safe: float, aperture: float) -> tuple[Phase, ...]:
        """From where the robot looks out: up, to where the base must stand, then out above everything."""

    def carry(self, first: Posture, last: Posture) -> tuple[Phase, ...]:
        """From one posture above everything to another."""

    def straight(self, posture: Posture) -> Mapping[str, float]:
        """Goals that move the hand in a straight line at its height and heading."""

    def leave(self, safe: float, last: Posture) -> tuple[Phase, ...]:
        """Up, back, and home to where the robot looks out."""


Program = Callable[[Scene, SkillCall, Body], tuple[Phase, ...]]
"""Phases from where the robot looks out and back there. OutOfReachError where the robot cannot carry the call out."""


def program_of(name: str, robot: str) -> Program:
    """The program that a skill's definition names for a robot. ProgramError where there is none, or it cannot be loaded."""
    reference = skill(name).programs.get(robot)
    try:
        return cast(Program, skill(name).program(robot))
    except (ImportError, AttributeError) as error:
        raise ProgramError(f"{name}: program {reference!r} cannot be loaded ({error}); name it as 'module:function'") from error
    except ValueError as error:
        raise ProgramError(str(error)) from error


def wrapped(angle: float) -> float:
    """In [-pi, pi)."""
    return (angle + math.pi) % (2 * math.pi) - math.pi
