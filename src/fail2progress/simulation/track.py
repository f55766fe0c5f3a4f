"""A skill's motion as set-points, for simulators that run no programs: those that step many scenes at once, or in another Python.

The program runs once beside a recorder, which stands in for the physics: nothing moves but the hand, and a drawer slides freely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.scene import Array, Scene, rotations, turned
from fail2progress.simulation.base import Disturbances, Job
from fail2progress.simulation.materials import DENSITY, DRAWER_DAMPING, DRAWER_FRICTION, DRAWER_TRAVEL
from fail2progress.skills.limits import STRETCH_RE2, Limits
from fail2progress.skills.programs import FLOATING_HAND, Equipment, HandProgram
from fail2progress.skills.registry import skill

PERIOD = 0.008
"""Seconds between two set-points."""
_COASTING = 40
"""Periods in which a drawer that was let go comes to rest."""


@dataclass(frozen=True)
class Track:
    """Set-points every `period` s, T of them. Metres, quaternions w x y z, planning frame.

    hold: (T,) whether the hand holds its object; hand: (T, 7) its pose, to be taken relative to the one where the holding began;
    press: (T, 2) metres of the closed hand from its start, forward and up; opening: (T,) metres that the drawer is pulled out.
    """

    equipment: Equipment
    drawer: str | None
    hold: Array
    hand: Array
    press: Array
    opening: Array
    period: float = PERIOD

    def __len__(self) -> int:
        return len(self.hold)

    def moved(self, pose: Array, k: int) -> Array:
        """Where a thing that was taken at a (7,) pose shall be at the k-th set-point: shifted, and turned about its middle."""
        begin, now = self.hand[int(np.argmax(self.hold))], self.hand[k]
        turn = _product(now[3:], begin[3:] * np.array([1.0, -1.0, -1.0, -1.0]))
        return np.concatenate([pose[:3] + now[:3] - begin[:3], _product(turn, pose[3:])])


def record(job: Job) -> Track:
    """The set-points of a job; its seed decides whether the grasp misses or slips. ValueError: no program for a free hand."""
    program: HandProgram = skill(job.call.skill).program(FLOATING_HAND)
    if job.disturbances.in_contact:
        raise ValueError("friction, weight and bumps are no matter of set-points: use the simulator mujoco")
    hand = Recorder(job.scene, job.disturbances, np.random.default_rng(job.seed), adjustments=job.adjustments)
    program.run(hand, job.call)
    for _ in range(_COASTING if hand.drawer is not None else 1):
        hand.advance()
    rows = hand.rows
    return Track(
        program.equip(job.scene, job.call),
        hand.drawer,
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
    )


@dataclass
class Recorder:
    """A hand that writes down what it is asked; see `programs.Hand`."""

    scene: Scene
    disturbances: Disturbances
    rng: np.random.Generator
    limits: Limits = STRETCH_RE2
    period: float = PERIOD
    adjustments: Mapping[str, float] = field(default_factory=dict)
    drawer: str | None = None
    rows: list[tuple[bool, Array, tuple[float, float], float]] = field(default_factory=list)
    _holds: bool = False
    _pose: Array = field(default_factory=lambda: np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]))
    _pressed: tuple[float, float] = (0.0, 0.0)
    _opening: float = 0.0
    _speed: float = 0.0
    _force: float = 0.0

    def advance(self) -> None:
        """See Hand."""
        self._slide()
        self.rows.append((self._holds, self._pose.copy(), self._pressed, self._opening))

    def adjusted(self, name: str) -> float:
        """See Hand."""
        return self.disturbances.adjusted(self.adjustments, name)

    def body(self, name: str) -> tuple[Array, Array]:
        """See Hand."""
        pose = self.scene.poses[self.scene.index(name)]
        return pose[:3].copy(), pose[3:].copy()

    def grasp(self, position: Array, quaternion: Array) -> None:
        """See Hand."""
        self._holds = True
        self._pose = np.concatenate([position, quaternion])

    def release(self) -> None:
        """See Hand."""
        self._holds = False

    def follow(self, positions: Array, quaternion: Array, turns: Array) -> None:
        """See Hand."""
        for position, orientation in zip(positions, turned(quaternion, turns), strict=True):
            self._pose = np.concatenate([position, orientation])
            self.advance()

    def press(self, forward: float, up: float = 0.0) -> None:
        """See Hand."""
        self._pressed = float(forward), float(up)

    def opening(self, drawer: str) -> tuple[float, float]:
        """See Hand."""
        self._take(drawer)
        return self._opening, self._speed

    def rails(self, drawer: str) -> Array:
        """See Hand."""
        return np.asarray(-rotations(self.scene.poses[[self.scene.index(drawer)], 3:])[0, :, 0])

    def pull(self, drawer: str, force: float) -> None:
        """See Hand."""
        self._take(drawer)
        self._force = force

    def _take(self, drawer: str) -> None:
        if self.drawer is None:
            self.drawer, self._opening = drawer, self.scene.openings.get(drawer, 0.0)

    def _slide(self) -> None:
        """The drawer, empty, for one period."""
        if self.drawer is None:
            return
        spec = self.scene.objects[self.scene.index(self.drawer)]
        mass = DENSITY * sum(8 * float(np.prod(part.half)) for part in spec.primitives())
        steps = 4
        share = self.period / steps / mass
        for _ in range(steps):
            speed = (self._speed + self._force * share) / (1 + DRAWER_DAMPING * share)
            self._speed = float(speed - np.clip(speed, -DRAWER_FRICTION * share, DRAWER_FRICTION * share))
            self._opening = float(np.clip(self._opening + self._speed * self.period / steps, 0.0, DRAWER_TRAVEL * spec.size[0]))


def _product(one: Array, other: Array) -> Array:
    """Of two quaternions w x y z."""
    a, b = one[0], one[1:]
    c, d = other[0], other[1:]
    return np.concatenate([[a * c - b @ d], a * d + c * b + np.cross(b, d)])
