"""A recording as it is played: in which order, and when."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from fail2progress.core.observation import SECOND
from fail2progress.ros import graph as table
from fail2progress.ros.bags.cdr import DamagedError, header_stamp, restamped, stamped_transforms, without_distortion
from fail2progress.ros.bags.info import JUMP, BagInfo
from fail2progress.ros.bags.layout import converted, layout
from fail2progress.ros.bags.pictures import COMPRESSED, decoded, in_metres
from fail2progress.ros.bags.reader import Recorded, read
from fail2progress.ros.bags.survey import NO_STAMP
from fail2progress.ros.bags.topics import TRANSFORMS, relative
from fail2progress.ros.bags.writer import definition
from fail2progress.ros.entries import OWN

LABELS, NAMES = table.LABELS
STAMPED = ("steps", "looks", "segments", *table.CAMERA, LABELS, NAMES)
LEAD = SECOND // 2
"""Nanoseconds by which transforms are played before the rest: an image waits for those of its time. Other messages are put in
the order of their stamps as far as this."""
SKEW = 2 * SECOND
"""Nanoseconds between a message's stamp and its arrival from which on the two clocks have nothing to do with each other."""

LONGEST = 300 * SECOND
"""Nanoseconds that a skill may take."""


def messages(bag: BagInfo) -> Iterator[Recorded]:
    """What is played of a bag, in the order in which things happened. What has no stamp, and is no segments, has its time of
    arrival; camera infos of images that were rectified state no distortion any more. Names come ahead of the label image that
    they are of. Where label images have names of their own, those without get what was said without a stamp before; else names
    have no stamp: they count from then on."""
    unstamped, spread = bag.unstamped, _said_of_each if bag.named_each else _lasting
    items = (_stamped(item, bag.played[item.topic]) if item.topic in unstamped else item for item in _in_order(bag))
    return spread(ahead((_flat(item, bag) for item in items), bag.played, bag.named), bag)


def said_now(item: Recorded, bag: BagInfo, version: int, run: str) -> bytes:
    """A recorded message as a node of a run would say it: in today's layout, with the run's id, images decoded. DamagedError
    where it cannot be read, or is segments that nobody knows the time of."""
    if bag.played[item.topic] == "segments" and not header_stamp(item.data):
        raise DamagedError(NO_STAMP)
    plain = decoded(item.data) if item.type == COMPRESSED else item.data
    if bag.unit is not None and bag.played[item.topic] == table.CAMERA[1]:
        return in_metres(plain, bag.unit)
    if not item.type.startswith(OWN):
        return plain
    now = definition(item.type)
    old, new = (layout(item.type, text) for text in (item.definition or now, now))
    return converted(item.data, old, new, version, {"run": run})


def _flat(item: Recorded, bag: BagInfo) -> Recorded:
    if bag.rectified and bag.played[item.topic] == table.CAMERA[2]:
        with suppress(DamagedError):  # the node that takes it says so
            return replace(item, data=without_distortion(item.data))
    return item


def _stamped(item: Recorded, name: str) -> Recorded:
    with suppress(DamagedError):  # whoever takes it says so
        if name in TRANSFORMS:
            return replace(item, data=stamped_transforms(item.data, item.time))
        if not header_stamp(item.data):
            return replace(item, data=restamped(item.data, item.time))
    return item


def _lasting(items: Iterable[Recorded], bag: BagInfo) -> Iterator[Recorded]:
    """Names without a stamp."""
    for item in items:
        if bag.played[item.topic] == NAMES:
            with suppress(DamagedError):  # whoever takes it says so
                item = replace(item, data=restamped(item.data, 0))
        yield item


def _said_of_each(items: Iterable[Recorded], bag: BagInfo) -> Iterator[Recorded]:
    """What was said without a stamp is said again with each label image that it counts for and that has no names of its own."""
    own, lasting = set(bag.named.values()), None
    for item in items:
        name = bag.played[item.topic]
        with suppress(DamagedError):  # whoever takes it says so
            stamp = header_stamp(item.data) if name in (NAMES, LABELS) else 0
            if name == NAMES:
                lasting = None if stamp else item
            elif name == LABELS and lasting is not None and stamp not in own:
                yield replace(lasting, data=restamped(lasting.data, stamp), time=item.time)
        yield item


def _in_order(bag: BagInfo) -> Iterator[Recorded]:
    """By time of arrival, also where a bag was written topic by topic; as written where a clock was set back meanwhile."""
    if bag.clock_was_set or bag.disorder < LEAD:
        return (item for item in read(bag.path) if item.topic in bag.played)
    infos_first = sorted(bag.played, key=lambda name: bag.played[name] != table.CAMERA[2])
    return heapq.merge(*(_topic(bag.path, name) for name in infos_first), key=lambda item: item.time)


def _topic(path: Path, name: str) -> Iterator[Recorded]:
    return (item for item in read(path) if item.topic == name)


def ahead(
    items: Iterable[Recorded], names: Mapping[str, str] | None = None, named: Mapping[int, int] | None = None
) -> Iterator[Recorded]:
    """A recording in the order in which things happened.

    Transforms come LEAD earlier. Steps and observations go by their stamps: what a recorder heard late, on a busy computer, is
    put back before what happened after it. Where the clock is set back, everything before comes first. names: the stack's
    names by recorded topics; without them, those that the topics end with. named: by stamps of label names, that of the label
    image before which they are put.
    """
    held: list[tuple[int, bool, int, Recorded]] = []
    due, newest = Due(names, named or {}), 0
    for number, item in enumerate(items):
        while held and (held[0][0] <= item.time - LEAD or item.time < newest - JUMP):
            yield heapq.heappop(held)[-1]
        heapq.heappush(held, (due.at(item), due.name(item) != NAMES, number, item))
        newest = item.time
    while held:
        yield heapq.heappop(held)[-1]


class Due:
    """When messages are played, in nanoseconds of the recorder's clock."""

    def __init__(self, names: Mapping[str, str] | None, named: Mapping[int, int]) -> None:
        self.names, self.named = names, named
        self._offset = 0
        """Of the recorder's clock to that of the stamps, where these two have nothing to do with each other."""

    def name(self, item: Recorded) -> str | None:
        """What a message is played as."""
        return relative(item.topic) if self.names is None else self.names.get(item.topic)

    def at(self, item: Recorded) -> int:
        """Of one message."""
        name = self.name(item)
        if name in TRANSFORMS:
            return item.time - LEAD
        if name not in STAMPED:
            return item.time
        try:
            stamp = header_stamp(item.data)
        except DamagedError:
            return item.time
        if name == NAMES:
            if not stamp:
                return item.time
            stamp = self.named.get(stamp, stamp)
        if abs(stamp - item.time) < SKEW:
            return stamp
        if abs(stamp + self._offset - item.time) >= SKEW:
            self._offset = item.time - stamp
        return stamp + self._offset


class Pace:
    """When the next message is due: as it was recorded, faster or slower, or at once (rate 0)."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._begin, self._first, self._last = 0.0, -1, -1

    def delay(self, time_ns: int) -> float:
        """Seconds until a message of this time of arrival (ns) is due."""
        if self._first < 0 or time_ns < self._last - JUMP:
            self._begin, self._first = time.monotonic(), time_ns
        self._last = time_ns
        due = (time_ns - self._first) / SECOND / self.rate if self.rate > 0 else 0.0
        return max(due - (time.monotonic() - self._begin), 0.0)


class Gaps:
    """What is seen between a damaged part of a recording and the next step belongs to no step that is known: nobody knows what
    the robot did meanwhile. Nothing hangs on that in a recording without steps."""

    def __init__(self, bag: BagInfo) -> None:
        self._begins = sorted(lost.begin for lost in bag.lost) if "steps" in bag.played.values() else []
        self.open = False
        self.passed = 0
        """Images and segments that came in gaps."""

    def begin(self) -> None:
        """A step is lost."""
        self.open = True

    def step(self, time: int) -> None:
        """A step that starts or ends, as was heard at a time (ns), says what was seen before it."""
        self._reach(time)
        self.open = False

    def hold(self, time: int) -> bool:
        """Whether an image, or segments, that came at a time (ns) are to be passed over."""
        self._reach(time)
        self.passed += self.open
        return self.open

    def _reach(self, time: int) -> None:
        while self._begins and self._begins[0] <= time:
            self._begins.pop(0)
            self.open = True


class UnderWay:
    """When the recorded robot was in the middle of a skill, by the steps of the recording (times of arrival, ns), and did not
    stand still there to look."""

    def __init__(self) -> None:
        self._since: int | None = None
        self._looking: int | None = None

    def step(self, started: bool, time: int) -> None:
        """A step has started, or ended."""
        self._since = time if started else None

    def look(self, looking: bool, stamp: int) -> None:
        """It stands still and looks since then (ns), or moves on."""
        self._looking = stamp if looking else None

    def at(self, time: int, stamp: int) -> bool:
        """Whether it moves when an image comes at a time that was taken at another: of a step that takes longer than any may,
        the end was not recorded."""
        under_way = self._since is not None and 0 <= time - self._since < LONGEST
        return under_way and (self._looking is None or stamp < self._looking)
