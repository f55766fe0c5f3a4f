"""Whether a Stretch stands still, as far as what was read since it was told to says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fail2progress.robots.stretch.real.joints import JOINTS, read
from fail2progress.robots.stretch.real.motion import Rules
from fail2progress.robots.stretch.real.transport import Status

WHEELS = ("left_wheel", "right_wheel")
"""The base's motors. Each is read by itself, and either says something of the base's speed."""
_STEPPERS = tuple(joint.name for joint in JOINTS.values() if joint.stepper and joint.device != "base")


class Standstill:
    """What the readings of one halt say. What was read before says nothing of now, and nothing that was read of one joint says
    anything of another: each motor of a stepper has to be read anew, and each servo that was sent somewhere.
    """

    def __init__(self, sent: Collection[str], rules: Rules) -> None:
        """sent: joints that were under way. Times are seconds since the first hold."""
        self._rules = rules
        self._moved = 0.0
        self._last: dict[str, tuple[float, int]] = {}
        self._old: set[str] = set()
        self._new = dict.fromkeys((*WHEELS, *_STEPPERS, *(name for name in sent if not JOINTS[name].stepper)), 0)
        self._restless: list[str] = []

    def take(self, status: Status, now: float) -> None:
        """A look at the robot, at a time."""
        for name, reading in _readings(status).items():
            stamp, failures = self._last.get(name, reading)
            self._last[name] = reading
            if reading[0] != stamp or reading[1] != failures:
                self._count(name, good=reading[1] == failures)
        self._restless = self.restless(status)
        if self._restless:
            self._moved, self._new = now, dict.fromkeys(self._new, 0)

    def _count(self, name: str, good: bool) -> None:
        """A servo that could not be read has a new stamp and its old position: that is no new reading."""
        (self._old.discard if good else self._old.add)(name)
        if name in self._new:
            self._new[name] += good

    def restless(self, status: Status) -> list[str]:
        """The joints that move: not servos whose readings are old, nor those that a run-stop has made limp."""
        limp = bool(status["pimu"]["runstop_event"])
        return [name for name in _moving(status) if JOINTS[name].stepper or not (limp or name in self._old)]

    def reached(self, now: float) -> bool:
        """Whether all that has to be read has been read anew, again and again at rest."""
        return not self._restless and not self._unread() and now - self._moved > self._rules.still

    @property
    def blind(self) -> bool:
        """Whether nothing at all was read anew: then it is rather what reads that does not get on than one of the motors."""
        return not self._restless and not any(self._new.values())

    def doubt(self) -> str:
        """Why that has not been reached."""
        if self._restless or not (unread := self._unread()):
            return "motion did not end in time"
        return f"nothing new was read of {', '.join(unread)}: nobody knows whether it moves"

    def _unread(self) -> list[str]:
        return [name for name, count in self._new.items() if count < self._rules.fresh]


def _readings(status: Status) -> Mapping[str, tuple[float, int]]:
    """Stamps of the last readings, and how often the bus could not be read, by the wheel or the other joint."""
    found = {name: (float(status["base"][name]["timestamp"]), 0) for name in WHEELS}
    for joint in JOINTS.values():
        if joint.name in _STEPPERS or joint.name in status[joint.device]:
            reading = read(status, joint)
            found[joint.name] = reading.stamp, reading.failures
    return found


def _moving(status: Status) -> list[str]:
    """The joints that do not rest."""
    fitted = [joint for joint in JOINTS.values() if joint.stepper or joint.name in status[joint.device]]
    return [joint.name for joint in fitted if abs(read(status, joint).velocity) > joint.rest]
