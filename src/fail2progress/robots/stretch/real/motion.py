"""One motion of some joints: what is sent, when it has arrived, and how to tell that something is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fail2progress.robots.stretch.real.joints import JOINTS, Joint, Profile, Reading, base_progress, odometry, read, wrap
from fail2progress.robots.stretch.real.states import StretchError, Trouble
from fail2progress.robots.stretch.real.transport import Chain, Status, StretchTransport


@dataclass(frozen=True)
class Rules:
    """Times in seconds. Two periods and the motors' braking together stay below 0.2 s."""

    period: float = 0.02
    """Between two looks at the robot: 50 Hz."""
    client_timeout: float = 0.50
    """The client may be silent for so long; infinite where no heartbeat is needed. Time in which the driver itself was held up
    does not count."""
    still: float = 0.10
    """Nothing may be seen to move for so long before a halt is believed: servos are read at 15 Hz."""
    fresh: int = 2
    """In as many new readings, at least: while none come, an old one says nothing of now."""
    halt: float = 0.40
    """What moves longer than this after the first hold is given the run-stop."""
    unread: float = 1.5
    """So long new readings are waited for, where what was read before a halt rests."""
    stale: float = 0.15
    """Steppers are read at 25 Hz."""
    stale_servo: float = 0.30
    """Servos are read at 15 Hz, and one reading may fail."""
    stall: float = 0.6
    """So much longer than it should take, a stepper may need to come nearer by half a tolerance."""
    settle: float = 0.4
    """The same for servos."""
    slack: float = 1.5
    """Factor on the time that a motion should take, and as many seconds on top of it."""
    slower: Mapping[str, float] = field(default_factory=dict)
    """Highest speeds (unit/s) of joints that a transport cannot stop in time from their own."""


class OwnTime:
    """Seconds (s) of a loop, without those in which it was held up: a busy computer may hold any process for seconds."""

    def __init__(self, now: Callable[[], float], most: float) -> None:
        """now: the clock (s). most: what a round of the loop takes at most (s)."""
        self._now, self._most = now, most
        self._at, self.passed = now(), 0.0

    def count(self, all_of_it: bool = False) -> None:
        """A round is over."""
        now = self._now()
        self.passed += now - self._at if all_of_it else min(now - self._at, self._most)
        self._at = now


class Motion:
    """Joints on their way. Joints without a profile are there already."""

    def __init__(
        self, to: Mapping[str, float], moving: Mapping[str, Profile], status: Status, now: float, contact: bool, rules: Rules
    ) -> None:
        self.to = to
        self.moving = moving
        self._contact = contact
        self._rules = rules
        self._started = now
        self._base = odometry(status)
        self._tracks = {name: _Track(JOINTS[name], profile, read(status, JOINTS[name]), now) for name, profile in moving.items()}
        self._limit = rules.slack * (1 + max((profile.seconds for profile in moving.values()), default=0.0))

    def arrived(self, status: Status, now: float) -> bool:
        """Whether every joint is where it should be, or has met what it was to meet."""
        return all(self._there(track, status, now) for track in self._tracks.values())

    def check(self, status: Status, now: float) -> None:
        """Take a new status in. StretchError where a joint is cut off, stalled, in contact or late."""
        for track in self._tracks.values():
            reading = read(status, track.joint)
            track.take(reading, abs(self._remaining(track, status)), now)
            self._check_fresh(track, now)
            if not self._may_meet(track.joint):
                self._check_free(track, status, now)
        overdue = self._tracks.items() if now - self._started > self._limit else ()
        if late := [name for name, track in overdue if not self._there(track, status, now)]:
            raise StretchError(
                Trouble.TIMED_OUT,
                f"{', '.join(late)} took more than {self._limit:.1f} s: see that nothing is in its way, then send the goal again",
            )

    def _stuck(self, track: _Track, now: float) -> bool:
        patience = self._rules.stall if track.joint.stepper else self._rules.settle
        return now - track.nearer > patience + track.resolves

    def _may_meet(self, joint: Joint) -> bool:
        return self._contact or joint.unit == "%"

    def _remaining(self, track: _Track, status: Status) -> float:
        joint = track.joint
        if joint.device == "base":
            left = self.to[joint.name] - base_progress(joint, self._base, odometry(status))
            return wrap(left) if joint.name == "rotate" else left  # of half a turn, a little more reads as half a turn back
        return self.to[joint.name] - read(status, joint).position

    def _there(self, track: _Track, status: Status, now: float) -> bool:
        rests = abs(read(status, track.joint).velocity) <= track.joint.rest
        if self._may_meet(track.joint) and (track.met or self._stuck(track, now)):
            return rests
        return rests and abs(self._remaining(track, status)) <= track.joint.tolerance

    def _check_fresh(self, track: _Track, now: float) -> None:
        limit = self._rules.stale if track.joint.stepper else self._rules.stale_servo
        if now - track.fresh > limit:
            raise StretchError(
                Trouble.NO_STATUS,
                f"no new reading of {track.joint.name} for {now - track.fresh:.2f} s: check power and USB "
                "(stretch_robot_system_check.py), and end other programs if the computer is busy; then send the goal again",
            )

    def _check_free(self, track: _Track, status: Status, now: float) -> None:
        joint, left = track.joint, self._remaining(track, status)
        short = f"{joint.name} stands {left:+.3f} {joint.unit} from its goal"
        if track.met:
            raise StretchError(Trouble.CONTACT, f"{short}, it touched something: clear its way, then resume()")
        if abs(left) > joint.tolerance and self._stuck(track, now):
            raise StretchError(Trouble.STALLED, f"{short} and does not move: free it, or home the robot, then resume()")


class _Track:
    """A joint's progress: when it was last read, when it last came nearer, whether it met resistance."""

    def __init__(self, joint: Joint, profile: Profile, reading: Reading, now: float) -> None:
        self.joint = joint
        step = joint.tolerance / 2 / joint.scale
        self.resolves = math.sqrt(2 * step / profile.acceleration) + step / profile.speed
        """Seconds that coming nearer by half a tolerance takes at most, from rest or at speed."""
        self.fresh = self.nearer = now
        self.met = False
        self._stamp, self._failures = reading.stamp, reading.failures
        self._contacts = reading.contacts
        self._best: float | None = None

    def take(self, reading: Reading, remaining: float, now: float) -> None:
        """A new reading, at a distance (unit) from the goal."""
        if reading.stamp != self._stamp:
            if reading.failures == self._failures:
                self.fresh = now
            self._stamp, self._failures = reading.stamp, reading.failures
        self.met = self.met or reading.contacts > self._contacts
        if self._best is None or remaining < self._best - self.joint.tolerance / 2:
            self._best, self.nearer = remaining, now


def send(transport: StretchTransport, motion: Motion) -> None:
    """Send a motion's commands, together where they wait: stretch_body's servos obey at once, other transports' may wait."""
    for name, profile in motion.moving.items():
        _command(transport, name, motion.to[name], profile)
    if motion.moving:
        transport.push_command()


def _command(transport: StretchTransport, name: str, to: float, profile: Profile) -> None:
    if name == "translate":
        transport.base.translate_by(to, profile.speed, profile.acceleration)
    elif name == "rotate":
        transport.base.rotate_by(to, profile.speed, profile.acceleration)
    elif JOINTS[name].stepper:
        part = transport.lift if name == "lift" else transport.arm
        part.move_to(to, profile.speed, profile.acceleration)
    else:
        chain: Chain = transport.head if JOINTS[name].device == "head" else transport.end_of_arm
        chain.move_to(name, to, profile.speed, profile.acceleration)
