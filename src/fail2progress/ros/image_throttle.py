"""Which images a bag keeps: those of a robot that stands still are all alike, but what a step is judged by must be there."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

from fail2progress.core.observation import SECOND
from fail2progress.ros import graph

Item = TypeVar("Item")
SLOP = round(graph.SLOP * SECOND)
"""Nanoseconds within which images are of one moment."""
LATE = 8
"""Images that were skipped but are kept for a while: the end of a step may be announced after its first image."""
PATIENCE = 30 * SECOND
"""Nanoseconds after the end of a step in which its verdict is waited for."""
OPEN = 16


class Thinning(Generic[Item]):
    """At most `rate` moments a second (0: all), one of every look during a step, and all from its end to its verdict."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._kept = self._left = self._look = -(2**62)
        self._spare: deque[tuple[int, Item]] = deque(maxlen=LATE)
        self._open: OrderedDict[tuple[str, int], tuple[int, int]] = OrderedDict()

    def finished(self, step: tuple[str, int], stamp: int) -> list[Item]:
        """A step ended then (ns); the skipped images that show its effect."""
        self._open[step] = (stamp, stamp + PATIENCE)
        while len(self._open) > OPEN:
            self._open.popitem(last=False)
        return self._skipped(stamp)

    def looks(self, stamp: int) -> list[Item]:
        """The robot stands still and looks since then (ns); the skipped images that show what it looks at."""
        self._look = stamp
        return self._skipped(stamp)

    def _skipped(self, stamp: int) -> list[Item]:
        """Those since then (ns), which are kept after all."""
        late = [(at, item) for at, item in self._spare if at >= stamp]
        self._spare.clear()
        if late:
            self._kept = late[-1][0]
        return [item for _, item in late]

    def judged(self, step: tuple[str, int], stamp: int) -> None:
        """The verdict on a step is there since then (ns). What it was judged by may come after it: images are large."""
        if step in self._open:
            end, until = self._open[step]
            self._open[step] = (end, min(stamp, until))

    def keeps(self, stamp: int, item: Item) -> bool:
        """Whether an image (of the time `stamp`, ns) is kept; the images of one moment are kept or left out together."""
        if abs(stamp - self._kept) > SLOP:
            due = self.rate <= 0 or abs(stamp - self._kept) >= SECOND / self.rate
            due |= self._kept < self._look <= stamp
            due &= abs(stamp - self._left) > SLOP
            if not (due or self._awaited(stamp)):  # a camera may look again within the slop, and be looked at by that
                self._left = stamp
                self._spare.append((stamp, item))
                return False
            self._kept = stamp
        return True

    def _awaited(self, stamp: int) -> bool:
        return any(end <= stamp <= until for end, until in self._open.values())
