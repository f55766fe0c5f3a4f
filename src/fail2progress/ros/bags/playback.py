"""A recording as it is played: which of its topics are the stack's, in which order, and when."""

from __future__ import annotations

import heapq
import struct
import time
from collections.abc import Iterable, Iterator

from fail2progress.ros import graph as table
from fail2progress.ros.bags.reader import BagError, Recorded

TRANSFORMS = ("tf", "tf_static")
STAMPED = ("steps", "segments", *table.CAMERA, table.LABELS[0])
_HEADER = 12
"""Bytes of a message with a stamp, at least."""
LEAD = int(0.5e9)
"""Nanoseconds by which transforms are played before the rest: an image waits for those of its time. Other messages are put in
the order of their stamps as far as this."""
SKEW = int(2e9)
"""Nanoseconds between a message's stamp and its arrival from which on the two clocks have nothing to do with each other."""


def ahead(items: Iterable[Recorded]) -> Iterator[Recorded]:
    """A recording in the order in which things happened.

    Transforms come LEAD earlier. Steps and observations go by their stamps: what a recorder heard late, on a busy computer, is
    put back before what happened after it.
    """
    held: list[tuple[int, int, Recorded]] = []
    for number, item in enumerate(items):
        heapq.heappush(held, (_due(item), number, item))
        while held and held[0][0] <= item.time - LEAD:
            yield heapq.heappop(held)[-1]
    while held:
        yield heapq.heappop(held)[-1]


def _due(item: Recorded) -> int:
    """When a message is played, in nanoseconds of the recorder's clock."""
    name = relative(item.topic)
    if name in TRANSFORMS:
        return item.time - LEAD
    if name not in STAMPED or len(item.data) < _HEADER:
        return item.time
    stamp = round(header_stamp(item.data) * 1e9)
    return stamp if abs(stamp - item.time) < SKEW else item.time


class Pace:
    """When the next message is due: as it was recorded, faster or slower, or at once (rate 0)."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._begin, self._first = 0.0, -1

    def delay(self, time_ns: int) -> float:
        """Seconds until a message of this time of arrival (ns) is due."""
        if self._first < 0:
            self._begin, self._first = time.monotonic(), time_ns
        due = (time_ns - self._first) / 1e9 / self.rate if self.rate > 0 else 0.0
        return max(due - (time.monotonic() - self._begin), 0.0)


def relative(topic: str) -> str | None:
    """The stack's name of a recorded topic, whatever namespace it was recorded in; None for one that is not the stack's."""
    fitting = [name for name in table.TOPICS if topic == name or topic.endswith(f"/{name}")]
    return max(fitting, key=len) if fitting else None


def check_type(name: str, item: Recorded) -> None:
    """BagError where a topic of the stack holds messages of another type."""
    package, _, kind = item.type.partition("/msg/")
    if f"{package}/{kind}" != table.TOPICS[name].type:
        raise BagError(f"{item.topic} holds {item.type}, not {table.TOPICS[name].type}")


def header_stamp(data: bytes) -> float:
    """The stamp of a serialised message whose first field is a header; BagError where it is too short for one."""
    if len(data) < _HEADER:
        raise BagError(f"a message of {len(data)} bytes has no header")
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return float((seconds * 1_000_000_000 + nanoseconds) / 1e9)
