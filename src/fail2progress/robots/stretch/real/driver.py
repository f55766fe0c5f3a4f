"""Moves a Stretch's joints and watches them do it: the safety layer between skills and stretch_body.

A motion ends when all joints have arrived, or at the first sign of trouble: stop(), run-stop, a lost client, a joint that does
not come nearer, a contact, a time-out, a status that no longer changes. Then the driver holds every motor where it is, and says
what to do. Facts about stretch_body and the motors' firmware that this rests on: docs/decisions/0009-real-stretch.md.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from fail2progress.robots.stretch.real.joints import FAILURES, JOINTS, REFUSAL, profiles, read, too_low, volts
from fail2progress.robots.stretch.real.motion import Motion, OwnTime, Rules, send
from fail2progress.robots.stretch.real.standstill import Standstill
from fail2progress.robots.stretch.real.states import EVENT_OF, Event, State, StretchError, Trouble, after
from fail2progress.robots.stretch.real.transport import Status, StretchTransport


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Seconds, never going back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """Real time."""

    def now(self) -> float:
        """See Clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        time.sleep(seconds)


@dataclass
class StretchDriver:
    """One client at a time; stop(), alive() and state may be used from any thread."""

    transport: StretchTransport
    clock: Clock = field(default_factory=SystemClock)
    rules: Rules = field(default_factory=Rules)
    state: State = field(default=State.IDLE, init=False)
    reason: str = field(default="", init=False)
    """Why the driver is not idle, and what to do."""

    def __post_init__(self) -> None:
        self._goal = threading.Lock()
        self._commands = threading.RLock()
        self._heard = -math.inf
        self._under_way: frozenset[str] = frozenset()
        self._sent = self._checked = -math.inf
        self._squeezes = False

    def alive(self) -> None:
        """The client's heartbeat: at least 20 times a second while it wants the robot to move."""
        self._heard = self.clock.now()

    def status(self) -> Status:
        """The robot's status, with the failed reads of its servos; StretchError if it cannot be read."""
        try:
            chains = {"head": self.transport.head, "end_of_arm": self.transport.end_of_arm}
            failed = {name: int(chain.comm_errors.status["n_gsr"]) for name, chain in chains.items()}
            return {**self.transport.get_status(), FAILURES: failed}
        except Exception as error:
            raise StretchError(Trouble.TRANSPORT, _transport_failed(error)) from error

    def resume(self) -> None:
        """Take goals again after a stop, a fault or a released run-stop. StretchError while the run-stop is pressed."""
        if self.status()["pimu"]["runstop_event"]:
            raise StretchError(Trouble.RUN_STOP, "the run-stop is pressed: release it (hold its button for 2 s), then resume")
        self._enter(Event.RESUME, "")

    def stop(self) -> None:
        """Hold every motor where it is and abort the running goal; goals are refused until resume(). Returns at standstill, or
        FAULTED with the run-stop sent, where the robot does not come to one or cannot be read."""
        self._enter(Event.STOP, "stopped on request: call resume() to go on")
        self._halt()

    @contextmanager
    def goal(self) -> Iterator[None]:
        """A goal of several moves. StretchError if the robot may not move now, or is busy with another goal."""
        if not self._goal.acquire(blocking=False):
            raise StretchError(Trouble.BUSY, "the robot carries out another goal: wait for it, or stop() it first")
        try:
            self._check_start()
            self._enter(Event.START, "moving")
            with self._failing():
                yield
                self._check(self.status())
            self._enter(Event.DONE, "")
        finally:
            self._goal.release()

    def move(self, to: Mapping[str, float], *, contact: bool = False, together: bool = False) -> None:
        """Send joints to positions (translate and rotate: by distances) and wait until they are there.

        With `contact`, a joint that meets resistance has arrived. StretchError on trouble; a goal() must be open.
        """
        for name, value in to.items():
            check_limit(name, value)
        if "translate" in to and "rotate" in to:
            raise ValueError("the base either translates or rotates: send two moves")
        self._let_the_last_push_pass()
        status = self.status()
        distances = {name: value - read(status, JOINTS[name]).position for name, value in to.items()}
        distances = {name: d for name, d in distances.items() if abs(d) > JOINTS[name].tolerance / 2}
        motion = Motion(to, profiles(distances, together, self.rules.slower), status, self.clock.now(), contact, self.rules)
        with self._commands:
            self._check(status)
            self._under_way = frozenset(motion.moving)
            self._squeezes = to.get("stretch_gripper", 0.0) < 0
            self._send(motion)
        while not motion.arrived(self._watch(motion), self.clock.now()):
            self.clock.sleep(self.rules.period)
        self._under_way = frozenset()

    def _let_the_last_push_pass(self) -> None:
        """Wait until the motors' sync takes commands again: after a move that was there at once, they would be dropped."""
        if self.clock.now() - self._sent < self.rules.period:
            self.clock.sleep(self.rules.period)

    def _watch(self, motion: Motion) -> Status:
        status = self.status()
        self._check(status)
        if status.get(REFUSAL):
            raise StretchError(Trouble.TRANSPORT, f"{status[REFUSAL]}; then resume()")
        motion.check(status, self.clock.now())
        return status

    def _check_start(self) -> None:
        if self.state is not State.IDLE:
            raise StretchError(Trouble.NOT_IDLE, f"the robot is {self.state.value}: {self.reason}")
        if not self.transport.is_homed():
            raise StretchError(Trouble.NOT_HOMED, "the robot is not homed: run stretch_robot_home.py with free space around it")
        if self._silence() > self.rules.client_timeout:
            self.clock.sleep(2 * self.rules.period)  # where this process was held up, the client's heartbeat is on its way
        status = self.status()
        self._allowed(status)
        if said := too_low(volts(status)):
            raise StretchError(Trouble.LOW_BATTERY, said)

    def _check(self, status: Status) -> None:
        """Whether the running goal may go on. A resume() does not bring a stopped goal back."""
        if self.state is not State.MOVING:
            raise StretchError(Trouble.STOPPED, self.reason or "the goal was stopped: send it again")
        self._allowed(status)

    def _allowed(self, status: Status) -> None:
        """Whether motion is allowed at all, right now."""
        if status["pimu"]["runstop_event"]:
            raise StretchError(Trouble.RUN_STOP, "the run-stop was pressed: release it (hold its button for 2 s), then resume()")
        silent = self._silence()
        if silent > self.rules.client_timeout:
            heard = f"for {silent:.2f} s" if math.isfinite(silent) else "yet"
            raise StretchError(Trouble.CLIENT_LOST, f"no heartbeat from the client {heard}: call alive() at 20 Hz, try again")
        if not (status["lift"]["motor"]["pos_calibrated"] and status["arm"]["motor"]["pos_calibrated"]):
            raise StretchError(Trouble.NOT_HOMED, "lift or arm lost its homing: run stretch_robot_home.py, then resume()")

    def _silence(self) -> float:
        """Seconds that the client has been silent, those left out in which this loop was held up, as its heartbeat was then."""
        now, late = self.clock.now(), 0.0
        if math.isfinite(self._checked):
            late = now - self._checked - 2 * self.rules.period
        self._checked = now
        if late > 0 and self.state is State.MOVING:
            self._heard = min(self._heard + late, now)
        return now - self._heard

    def _send(self, motion: Motion) -> None:
        try:
            send(self.transport, motion)
            self._sent = self.clock.now()
        except Exception as error:
            raise StretchError(Trouble.TRANSPORT, _transport_failed(error)) from error

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Whatever ends a goal early ends at standstill."""
        try:
            yield
        except StretchError as error:
            self._fail(error)
            raise
        except BaseException:
            self._fail(StretchError(Trouble.TRANSPORT, "the goal ended in an error of the program: see its log, then resume()"))
            raise

    def _fail(self, error: StretchError) -> None:
        """Remember why a goal ended. After a stop() that is known, and yet it ends no earlier than the motion does."""
        if self.state is State.MOVING:
            self._enter(EVENT_OF.get(error.trouble, Event.FAULT), str(error))
        self._halt()

    def _enter(self, event: Event, reason: str) -> None:
        with self._commands:
            state = after(self.state, event)
            if state is not self.state:
                self.state, self.reason = state, reason

    def _halt(self) -> None:
        """Hold all motors, again and again until nothing moves: a single push may be lost to the sync's rate limit. Time does not
        count in which this was held up itself, and where nothing at all is read anew, what reads may be held up as well.

        If that fails, or if what has to be read to know it was not, the run-stop of the firmware is the last resort.
        """
        own, begin, failed = OwnTime(self.clock.now, 2 * self.rules.period), 0.0, ""
        seen = Standstill(self._under_way, self.rules)
        while own.passed - begin < self.rules.halt:
            try:
                with self._commands:
                    self._hold(self.status(), seen)
                self.clock.sleep(self.rules.period)
                status, failed = self.status(), ""
                own.count()
                seen.take(status, own.passed)
                if seen.reached(own.passed):
                    return
                if seen.blind and own.passed < self.rules.unread:
                    begin = own.passed
            except Exception as error:
                failed = str(error) if isinstance(error, StretchError) else _transport_failed(error)
                self.clock.sleep(self.rules.period)
                own.count(all_of_it=True)  # devices that fail may take long to do so
        self._last_resort(failed or seen.doubt())

    def _hold(self, status: Status, seen: Standstill) -> None:
        """Hold what moves, and what was sent somewhere. Servos are left alone while run-stopped, as stopping one switches its
        torque on again; so is a gripper that rests where it squeezes, as it may hold something."""
        restless = seen.restless(status)
        servos = {*restless, *self._under_way}
        if self._squeezes and "stretch_gripper" not in restless:
            servos.discard("stretch_gripper")
        hold(self.transport, () if status["pimu"]["runstop_event"] else servos)

    def _last_resort(self, why: str) -> None:
        reason = f"{why}. Press the run-stop button; then look at the robot before resume()"
        with self._commands:
            self.state, self.reason = State.FAULTED, reason
            try:
                self.transport.pimu.runstop_event_trigger()
                self.transport.push_command()
            except Exception as error:
                self.reason = f"{reason} (the run-stop could not be sent: {error!r})"


def check_limit(name: str, value: float) -> None:
    """StretchError where a position (unit) is not within a joint's range; KeyError names no such joint."""
    joint = JOINTS[name]
    if not math.isfinite(value) or not joint.low <= value <= joint.high:
        allowed = f"[{joint.low:g}, {joint.high:g}]"
        raise StretchError(Trouble.LIMIT, f"{name} = {value:g} {joint.unit} is outside {allowed}: ask for less")


def hold(transport: StretchTransport, servos: Collection[str]) -> None:
    """Keep every motor where it is: steppers by the firmware's hold mode, against the weight they carry; servos by torque.

    Servos are touched only where they are named, so that the gripper keeps its grasp.
    """
    for part in (transport.lift, transport.arm):
        part.motor.set_command(part.motor.MODE_HOLD, i_feedforward=part.i_feedforward)
    for wheel in (transport.base.left_wheel, transport.base.right_wheel):
        wheel.set_command(wheel.MODE_HOLD)
    transport.push_command()
    for name in servos:
        chain = transport.head if JOINTS[name].device == "head" else transport.end_of_arm
        servo = None if JOINTS[name].stepper else chain.get_joint(name)
        if servo is not None:
            servo.quick_stop()


def _transport_failed(error: Exception) -> str:
    return f"the robot's devices do not answer ({error!r}): check power and USB (stretch_robot_system_check.py), then resume()"
