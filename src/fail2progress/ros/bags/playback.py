"""A recording as it is played: which of its topics are the stack's, in which order, and when."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator

from fail2progress.ros import graph as table
from fail2progress.ros.bags.reader import BagError, Recorded

TRANSFORMS = ("tf", "tf_static")
LEAD = int(0.5e9)
"""Nanoseconds by which transforms are played before the rest: an image waits for those of its time."""


def ahead(items: Iterable[Recorded]) -> Iterator[Recorded]:
    """A recording in its order, but for its transforms, which come LEAD earlier."""
    held: deque[Recorded] = deque()
    for item in items:
        while held and held[0].time <= item.time - LEAD:
            yield held.popleft()
        if relative(item.topic) in TRANSFORMS:
            yield item
        else:
            held.append(item)
    yield from held


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
    if len(data) < 12:
        raise BagError(f"a message of {len(data)} bytes has no header")
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return float((seconds * 1_000_000_000 + nanoseconds) / 1e9)
