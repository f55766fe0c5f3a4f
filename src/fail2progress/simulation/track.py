"""A skill's motion as set-points, for simulators that run no programs: those that step many scenes at once, or in another Python.

The program runs once beside a recorder, which stands in for the physics: nothing moves but the hand, and a drawer slides freely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fail2progress.core.scene import Array, Scene, rotations, turned
from fail2progress.simulation.base import Disturbances, Job, OrdinaryPhysicsError
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
    """The set-points of a job; its seed decides whether the grasp misses or slips. ValueError: no program for a free hand;
    OrdinaryPhysicsError: another physics."""
    program: HandProgram = skill(job.call.skill).program(FLOATING_HAND)
    if job.disturbances.in_contact:
        raise OrdinaryPhysicsError("friction, weight and bumps are no matter of set-points: use the simulator mujoco")
    hand = Recorder(job.scene, job.disturbances, np.random.default_rng(job.seed), adjustments=job.adjustments)
    program.run(hand, job.call)
    for _ in range(_COASTING if hand.drawer is not None else 1):
        hand.advance()
    return Track(program.equip(job.scene, job.call), hand.drawer, *hand.columns())


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
    _blocks: list[tuple[Array, Array, Array, Array]] = field(default_factory=list)
    _rows: list[tuple[bool, Array, tuple[float, float], float]] = field(default_factory=list)
    """Set-points that are in no block yet."""
    _holds: bool = False
    _pose: Array = field(default_factory=lambda: np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]))
    _pressed: tuple[float, float] = (0.0, 0.0)
    _opening: float = 0.0
    _speed: float = 0.0
    _force: float = 0.0

    def advance(self) -> None:
        """See Hand."""
        self._slide()
        self._rows.append((self._holds, self._pose, self._pressed, self._opening))

    def columns(self) -> tuple[Array, Array, Array, Array]:
        """What a track consists of: hold, hand, press and opening of all set-points."""
        self._gather()
        hold, hand, press, opening = (np.concatenate(column) for column in zip(*self._blocks, strict=True))
        return hold, hand, press, opening

    def _gather(self) -> None:
        if self._rows:
            hold, hand, press, opening = zip(*self._rows, strict=True)
            self._blocks.append((np.array(hold), np.array(hand), np.array(press, float), np.array(opening, float)))
            self._rows = []

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

    def follow(self, positions: Array, quaternion: Array, turns: Array, arrivals: Sequence[int] = ()) -> None:
        """See Hand."""
        poses = np.concatenate([positions, turned(quaternion, turns)], axis=1)
        if self.drawer is None:
            self._gather()
            count = len(poses)
            still = np.tile(self._pressed, (count, 1)), np.full(count, self._opening)
            self._blocks.append((np.full(count, self._holds), poses, *still))
            self._pose = poses[-1] if count else self._pose
            return
        for self._pose in poses:
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
        mass, travel = self._drawer
        steps = 4
        share = self.period / steps / mass
        held = DRAWER_FRICTION * share
        for _ in range(steps):
            speed = (self._speed + self._force * share) / (1 + DRAWER_DAMPING * share)
            self._speed = speed - min(max(speed, -held), held)
            self._opening = min(max(self._opening + self._speed * self.period / steps, 0.0), travel)

    @cached_property
    def _drawer(self) -> tuple[float, float]:
        """The mass (kg) of the drawer, empty, and how far it can be pulled out (m)."""
        assert self.drawer is not None
        spec = self.scene.objects[self.scene.index(self.drawer)]
        mass = DENSITY * sum(8 * float(np.prod(part.half)) for part in spec.primitives())
        return mass, DRAWER_TRAVEL * spec.size[0]


def _product(one: Array, other: Array) -> Array:
    """Of two quaternions w x y z."""
    a, b = one[0], one[1:]
    c, d = other[0], other[1:]
    return np.concatenate([[a * c - b @ d], a * d + c * b + np.cross(b, d)])
