"""Programs: how a robot carries a skill out. What a program may use of a robot is declared here, so that skills import none.

A definition names one program for each robot. "floating_hand": a HandProgram, for a hand in physics without an arm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.limits import Limits

FLOATING_HAND = "floating_hand"
CLOSED_GRIPPER = (0.012, 0.06, 0.025)
"""Half extents in metres of the closed gripper, seen along the direction of a push."""


class Trouble(Protocol):
    """What may go wrong in the hand, as probabilities for one execution."""

    @property
    def grasp_miss(self) -> float:
        """The gripper closes beside the object."""

    @property
    def grasp_slip(self) -> float:
        """The object slips out of the hand on its way."""


class Hand(Protocol):
    """A hand in physics under way. Positions in metres, quaternions w, x, y, z, planning frame."""

    @property
    def scene(self) -> Scene:
        """Where everything lay before the skill."""

    @property
    def limits(self) -> Limits:
        """What speeds are allowed."""

    @property
    def disturbances(self) -> Trouble:
        """What goes wrong, and how often."""

    def adjusted(self, name: str) -> float:
        """What an adjustable of the skill is set to, less or more than commanded where the hand errs."""

    @property
    def rng(self) -> np.random.Generator:
        """Chance of this execution."""

    @property
    def period(self) -> float:
        """Seconds between two set-points."""

    def advance(self) -> None:
        """Let one period pass."""

    def body(self, name: str) -> tuple[Array, Array]:
        """(3,) position and (4,) quaternion of an object now."""

    def grasp(self, position: Array, quaternion: Array) -> None:
        """Be at a pose and hold the object that the hand was equipped to hold."""

    def release(self) -> None:
        """Hold nothing."""

    def follow(self, positions: Array, quaternion: Array, turns: Array, arrivals: Sequence[int] = ()) -> None:
        """Take (n, 3) positions, the orientation turned by (n,) radians about the vertical, as set-points: one a period.

        arrivals: the set-points after which the hand has stopped, ascending; after the last one it always has.
        """

    def press(self, forward: float, up: float = 0.0) -> None:
        """Set-point of the closed hand: metres from its start along its heading, and upwards if it was equipped to lift."""

    def opening(self, drawer: str) -> tuple[float, float]:
        """How far a drawer is pulled out (m) and how fast it moves (m/s)."""

    def rails(self, drawer: str) -> Array:
        """(3,) direction in which a drawer opens."""

    def pull(self, drawer: str, force: float) -> None:
        """Force (N) on a drawer's handle along its rails, until the next one."""


@dataclass(frozen=True)
class Bar:
    """The closed gripper as a solid: start (3,) in metres, heading (rad), whether it also moves up and down, finger friction."""

    start: Array
    heading: float
    lifts: bool = False
    friction: float = 0.5


@dataclass(frozen=True)
class Equipment:
    """What the hand is prepared for before the simulation starts: an object that it can hold, or to be a solid bar."""

    holds: str | None = None
    bar: Bar | None = None


EMPTY_HANDED = Equipment()


@dataclass(frozen=True)
class HandProgram:
    """A skill for the floating hand: what the hand needs for a call, and its motion."""

    run: Callable[[Hand, SkillCall], None]
    equip: Callable[[Scene, SkillCall], Equipment] = lambda scene, call: EMPTY_HANDED
