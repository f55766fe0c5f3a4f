"""Times that nodes remember, and clocks that are set back: by a time server, or in a recording. Imports no ROS."""

from __future__ import annotations

from collections.abc import Callable

from fail2progress.core.observation import SECOND

LATE = 2 * SECOND
"""Nanoseconds; a message that is older by more than the newest one of its topic is no late one: the clock was set back."""


def still(time: int, stamp: int) -> int:
    """A time that is remembered (ns), or 0 where it lies so far after the stamp of what is seen now that its clock is gone."""
    return time if time <= stamp + LATE else 0


class Since:
    """What was seen from a time on by a node's clock, though that is set back meanwhile. Of what came before, nothing counts: its
    stamps may be later ones. Whoever asks forgets it."""

    def __init__(self, now: Callable[[], int]) -> None:
        """now: the clock, ns. It begins now."""
        self._now = now
        self.time = now()

    def begin(self) -> None:
        """Anew."""
        self.time = self._now()

    def counts(self, stamp: int) -> bool:
        """Whether something was seen since then (its stamp in ns)."""
        now = self._now()
        self.time = self.time if still(self.time, now) else now
        return stamp >= self.time


class Stamps:
    """The newest stamp of each topic. count: told of a clock that was set back, once each time, where anybody wants to know."""

    def __init__(self, count: Callable[[str, str], None] | None = None) -> None:
        self._count = count
        self.newest: dict[str, int] = {}
        """By topics, ns."""

    def went_back(self, topic: str, stamp: int) -> bool:
        """Whether a message (its stamp in ns; 0: none) comes of a clock that was set back since the one before it."""
        back = self.newest.get(topic, stamp) - stamp
        if not stamp or back <= LATE:
            self.newest[topic] = max(stamp, self.newest.get(topic, 0))
            return False
        self.newest[topic] = stamp
        if self._count is not None:
            self._count("clock", f"{topic}: set back by {back / SECOND:.1f} s; what was remembered of later times counts no more")
        return True
