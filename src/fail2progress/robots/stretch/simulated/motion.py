"""Motion of the Stretch's joints: trapezoidal profiles within limits, position control, tracking checked, stop at any time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array
from fail2progress.robots.stretch.description import AXES, JOINTS
from fail2progress.robots.stretch.simulated.bodies import own
from fail2progress.simulation.mujoco.bodies import TIMESTEP
from fail2progress.simulation.stage import Stage
from fail2progress.skills.phases import Phase

_CHUNK = 2
"""Steps between two set-points."""
_REPORT = 12
"""Chunks between two reports and checks: 0.096 s."""
_BRAKE, _STOP = 0.06, 0.18
"""Seconds in which a stop brakes, harder than the limits for ordinary motion, and after which nothing moves."""
_NAMES = tuple(AXES)
_TURNS = np.array([name in ("turn", "yaw", "pan", "tilt", "grip") for name in _NAMES])
_LAG = np.where(_TURNS, 0.08, 0.015)
"""Radians or metres that an axis may trail its set-point by before it counts as stalled."""
_TYPICAL_REST = 0.1
_ARRIVED = np.where(_TURNS, 0.002, 0.0005)
_CONTACT = 0.006
"""Metres of trailing at which a guarded motion ends: it met something."""
_SPREAD = np.array([[axis.joints.get(joint, 0.0) for axis in AXES.values()] for joint in JOINTS])
"""(joints, axes) from commands to joints."""
_GATHER = np.linalg.pinv(_SPREAD)
_ROUNDING = 1e-9
"""Metres or radians by which a goal may be off its range: what kinematics works out at the end of one."""


class MotionError(RuntimeError):
    """A motion that could not be carried out: which joint and what to do."""


class StoppedError(MotionError):
    """Somebody asked for a stop."""


Progress = Callable[[float, str], None]
"""Told the share of the skill that is done, and its phase, at least every 0.1 s of simulated time."""
Watch = Callable[[str, float], None]
"""Told the phase and the share of it that is done, by time: of all that are so called where there are several."""


def profile(lengths: Array, axes: Sequence[str] = _NAMES) -> tuple[Array, Array]:
    """Shares of the way at each set-point, and their rates (1/s): the fastest trapezoid that keeps all axes in their limits.

    lengths: (axes,) m or rad. The base's x and y share one limit, since it drives along a line.
    """
    ways = np.abs(lengths)
    ways = np.where([name in ("x", "y") for name in axes], math.hypot(*ways[:2]), ways)
    moving = ways > 1e-9
    if not moving.any():
        return np.empty(0), np.empty(0)
    speed = min(AXES[name].speed / way for name, way in zip(axes, ways, strict=True) if way > 1e-9)
    acceleration = min(AXES[name].acceleration / way for name, way in zip(axes, ways, strict=True) if way > 1e-9)
    ramp = min(speed / acceleration, math.sqrt(1 / acceleration))
    top = acceleration * ramp
    total = 1 / top + ramp
    t = np.append(np.arange(1, math.ceil(total / (_CHUNK * TIMESTEP))) * _CHUNK * TIMESTEP, total)
    left = total - t
    shares = np.where(left < ramp, 1 - acceleration * left**2 / 2, top * (t - ramp / 2))
    shares = np.where(t < ramp, acceleration * t**2 / 2, shares)
    return shares, np.minimum(np.minimum(acceleration * t, acceleration * left), top)


@dataclass(frozen=True)
class _Course:
    """What is told of phases on their way: their names and the seconds that each takes, from when on, and to whom."""

    names: tuple[str, ...]
    spans: list[float]
    begin: float
    tell: Progress
    watch: Watch

    def report(self, motion: Motion, number: int, since: float) -> None:
        """In one of the phases, which began at a time (s)."""
        name, span = self.names[number], self.spans[number]
        alike = [k for k, other in enumerate(self.names) if other == name]
        done = sum(self.spans[k] for k in alike if k < number) + min(motion.now - since, span)
        self.watch(name, done / sum(self.spans[k] for k in alike))
        self.tell(min((motion.now - self.begin) / sum(self.spans), 1.0), name)


@dataclass
class Motion:
    """The joints of a compiled Stretch.

    at: (axes,) set-points; now: simulated seconds since the start; driven: m that the base has driven forward on balance;
    stopping: set it to end the motion under way.
    """

    stage: Stage
    at: Array
    now: float = 0.0
    driven: float = 0.0
    stopping: bool = False

    def __post_init__(self) -> None:
        self.attach(self.stage)

    def attach(self, stage: Stage) -> None:
        """Go on with another stage of the same robot: its joints are put where the set-points are, at rest."""
        self.stage, self._joints = stage, stage.joints([own(name) for name in JOINTS])
        self._lead, self._steps = self._joints.lead, round(_CHUNK * TIMESTEP / stage.timestep)
        self._joints.put(_SPREAD @ self.at)

    def positions(self) -> Array:
        """(joints,) m, rad."""
        return self._joints.positions()

    def velocities(self) -> Array:
        """(joints,) m/s, rad/s."""
        return self._joints.velocities()

    def efforts(self) -> Array:
        """(joints,) N, Nm that the motors exert beyond what their own damping takes."""
        return self._joints.efforts()

    def durations(self, phases: Sequence[Phase]) -> list[float]:
        """Seconds that each of the phases takes, with the time to come to rest after it."""
        at, result = self.at, []
        for phase in phases:
            goal = _goal(at, phase)
            result.append(len(profile(goal - at)[0]) * _CHUNK * TIMESTEP + _TYPICAL_REST)
            at = goal
        return result

    def run(
        self,
        phases: Sequence[Phase],
        hand: Mapping[str, Callable[[], None]],
        tell: Progress,
        watch: Watch = lambda phase, share: None,
    ) -> None:
        """Carry phases out one after the other. MotionError where a joint stalls, or cannot go
        where it shall, before anything moves; StoppedError after `stopping` was set.

        hand: what closes and opens it ("close", "open"), and what looks ("look").
        """
        course = _Course(tuple(phase.name for phase in phases), self.durations(phases), self.now, tell, watch)
        for number, phase in enumerate(phases):
            report = partial(course.report, self, number, self.now)
            if phase.hand == "open":
                hand["open"]()
            self._move(phase, report)
            if phase.hand == "close":
                hand["close"]()
            if phase.look:
                hand["look"]()

    def _move(self, phase: Phase, report: Callable[[], None]) -> None:
        start, goal = self.at, _goal(self.at, phase)
        shares, rates = profile(goal - start)
        targets = start + shares[:, None] * (goal - start)
        controls = targets @ _SPREAD.T + rates[:, None] * ((goal - start) @ _SPREAD.T) * self._lead
        late = 0
        for k, control in enumerate(controls):
            self._step(control)
            self.at = targets[k]
            if k % _REPORT == 0:
                report()
                late = late + 1 if self._late().any() else 0
                if phase.guarded and self._met():
                    return self._rest_here()
                if late > 2:
                    self._stalled(phase)
            if self.stopping:
                self._brake(rates[k] * (goal - start))
        self.at = goal
        self._arrive(phase, report)

    def _arrive(self, phase: Phase, report: Callable[[], None]) -> None:
        """Wait until the joints are where they shall be."""
        for k in range(5 * _REPORT):
            if (self._error() < _ARRIVED).all():
                return
            self._step(_SPREAD @ self.at)
            if k % _REPORT == 0:
                report()
            if self.stopping:
                self._brake(np.zeros(len(self.at)))
        if phase.guarded:
            return self._rest_here()
        if (self._error() > 0.25 * _LAG).any():
            self._stalled(phase)

    def _step(self, control: Array) -> None:
        self._joints.command(control)
        x, y = self._joints.positions()[:2].tolist()
        self.stage.step(self._steps)
        self.now += _CHUNK * TIMESTEP
        new_x, new_y, turn = self._joints.positions()[:3].tolist()
        self.driven += math.cos(turn) * (new_x - x) + math.sin(turn) * (new_y - y)

    def _error(self) -> Array:
        return np.asarray(np.abs(self.at - _GATHER @ self.positions()))

    def _late(self) -> NDArray[np.bool_]:
        return np.asarray(self._error() > _LAG)

    def _met(self) -> bool:
        return bool((self._error()[~_TURNS] > _CONTACT).any())

    def _rest_here(self) -> None:
        self.at = _GATHER @ self.positions()

    def _stalled(self, phase: Phase) -> None:
        worst = int(np.argmax(self._error() / _LAG))
        joint, is_at = next(iter(AXES[_NAMES[worst]].joints)), (_GATHER @ self.positions())[worst]
        wanted = self.at[worst]
        self._rest_here()
        raise MotionError(
            f"{joint} stalled in phase {phase.name!r}: {_NAMES[worst]} is at {is_at:.3f} instead of {wanted:.3f}; "
            "something blocks it or the load is too heavy: clear the way and try again"
        )

    def _brake(self, speed: Array) -> None:
        """From a speed (axes,) to rest; then StoppedError."""
        begin = self.at
        for t in np.arange(1, round(_STOP / (_CHUNK * TIMESTEP)) + 1) * _CHUNK * TIMESTEP:
            left = max(1 - float(t) / _BRAKE, 0.0)
            self.at = begin + speed * _BRAKE / 3 * (1 - left**3)
            self._step(_SPREAD @ self.at + self._lead * (_SPREAD @ (speed * left**2)))
        raise StoppedError("stopped on request; look again before the next skill")

    def wait(self, seconds: float, tell: Progress) -> None:
        """Hold still."""
        for k in range(math.ceil(seconds / (_CHUNK * TIMESTEP))):
            self._step(_SPREAD @ self.at)
            if k % _REPORT == 0:
                tell(1.0, "settle")


def _goal(at: Array, phase: Phase) -> Array:
    """(axes,) where a phase ends. MotionError where an axis is none of the robot's, or cannot go so far."""
    goal = at.copy()
    for name, value in phase.goals.items():
        if name not in AXES:
            raise MotionError(f"phase {phase.name!r} moves {name!r}, which this robot has not; it has: {', '.join(AXES)}")
        axis, unit = AXES[name], "rad" if _TURNS[_NAMES.index(name)] else "m"
        if not axis.low - _ROUNDING <= value <= axis.high + _ROUNDING:
            said = f"{name} = {value:g} {unit} is outside [{axis.low:g}, {axis.high:g}]"
            raise MotionError(f"phase {phase.name!r}: {said}: ask for less")
        goal[_NAMES.index(name)] = value
    return goal
