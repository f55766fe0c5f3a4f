"""How a Stretch's joints move, and the clock that they move by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

STEP = 0.005
BRAKE = {"m": 3.0, "rad": 20.0, "%": 2000.0}
"""Deceleration in hold mode, and of a servo whose torque goes off (unit/s^2)."""
GRIP = 12.5
"""Per cent of the gripper per radian of its servo."""


class FakeClock:
    """Time passes in sleep() only; the body moves with it, and what was scheduled happens."""

    def __init__(self) -> None:
        self.time = 100.0
        self.tick: Callable[[float], None] = lambda seconds: None
        self._events: list[tuple[float, Callable[[], object]]] = []
        self._every: list[Callable[[], object]] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end - 1e-9:
            self.time = min(self.time + STEP, end)
            self.tick(STEP)
            for call in self._every:
                call()
            due = [event for event in self._events if event[0] <= self.time]
            self._events = [event for event in self._events if event[0] > self.time]
            for _, call in due:
                call()

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        self._events.append((self.time + seconds, call))

    def always(self, call: Callable[[], object]) -> None:
        self._every.append(call)


@dataclass
class Axis:
    """One thing that moves: a trapezoid towards a goal, or braking where it is."""

    name: str
    unit: str
    low: float
    high: float
    position: float = 0.0
    velocity: float = 0.0
    goal: float | None = None
    speed: float = 0.1
    acceleration: float = 0.1
    stalled: bool = False
    block: float | None = None
    """Position that it cannot pass (from above for lift and gripper, from below for the arm)."""
    contacts: int = 0
    brake: float | None = None
    """Deceleration (unit/s^2) where it was told to slow down by one of its own."""
    fastest: float = 0.0

    def go(self, goal: float, speed: float, acceleration: float) -> None:
        self.goal, self.speed, self.acceleration, self.brake = goal, speed, acceleration, None

    def hold(self, brake: float | None = None) -> None:
        self.goal, self.brake = None, brake

    def step(self, seconds: float) -> None:
        if self.stalled:
            self.velocity = 0.0
            return
        wanted, limit = self._wanted()
        change = max(-limit * seconds, min(limit * seconds, wanted - self.velocity))
        self.velocity += change
        self.fastest = max(self.fastest, abs(self.velocity))
        self.position += self.velocity * seconds
        if self.goal is not None and abs(self.goal - self.position) < abs(self.velocity) * seconds + 1e-6:
            self.position, self.velocity, self.goal = self.goal, 0.0, None
        self._meet()

    def _wanted(self) -> tuple[float, float]:
        if self.goal is None:
            return 0.0, self.brake or BRAKE[self.unit]
        left = self.goal - self.position
        braking = math.sqrt(2 * self.acceleration * abs(left))
        return math.copysign(min(self.speed, braking), left), max(self.acceleration, self.velocity**2 / (2 * abs(left) + 1e-9))

    def _meet(self) -> None:
        if self.block is None:
            return
        rising = self.name == "arm"
        if (self.position > self.block) if rising else (self.position < self.block):
            self.position, self.velocity, self.goal = self.block, 0.0, None
            self.contacts += 1


def axes_of(wrist: tuple[str, ...]) -> dict[str, Axis]:
    everywhere = (
        Axis("translate", "m", -math.inf, math.inf),
        Axis("rotate", "rad", -math.inf, math.inf),
        Axis("lift", "m", 0.0, 1.094, 0.6),
        Axis("arm", "m", 0.0, 0.514, 0.1),
        Axis("head_pan", "rad", -3.9, 1.9),
        Axis("head_tilt", "rad", -1.6, 0.41),
    )
    at_the_wrist = (
        Axis("wrist_yaw", "rad", -1.43, 4.41, 3.0),
        Axis("wrist_pitch", "rad", -1.571, 0.451),
        Axis("wrist_roll", "rad", -2.9, 2.9),
        Axis("stretch_gripper", "%", -100.0, 53.9),
    )
    return {axis.name: axis for axis in (*everywhere, *(axis for axis in at_the_wrist if axis.name in wrist))}
