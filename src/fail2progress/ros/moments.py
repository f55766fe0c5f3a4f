"""Messages of one moment, such as the images of one frame, put together by their stamps. Imports no ROS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fail2progress.core.observation import SECOND
from fail2progress.ros.set_back import Stamps, still

MOST_SAID = 64
"""Messages that say what others mean which are remembered: images may come long after what was found in them."""
Moment = dict[str, Any]
"""Messages by their topics."""


@dataclass
class Said:
    """What has been said of a part. Parts are counted in the order in which they come."""

    topic: str
    own: dict[int, Any] = field(default_factory=dict)
    """Messages with a stamp (ns), in the order in which they came: each is of the part with its stamp."""
    last: Any = None
    """The newest message, and its stamp."""
    stamp: int = 0
    since: int = 0
    """Parts that came after it and have none of their own."""
    parts: dict[int, int] = field(default_factory=dict)
    """Numbers of the parts that came last, by their stamps (ns)."""
    count: int = 0
    newest: int = 0
    """The moment of the newest part."""
    paired: tuple[int, int] | None = None
    """Number of the part of which a message came last, and that message's stamp."""
    each: bool = False
    """Whether parts were explained in quick succession, each by a message of its own: none then stands for others."""

    @property
    def lasting(self) -> bool:
        """Whether the newest message has no stamp: it is of all that come."""
        return self.last is not None and not self.stamp

    def reaches(self, stamp: int, slop: float) -> bool:
        """Whether the newest message may stand for a part (stamp in ns): not for what was before its own, by the same clock."""
        return stamp + slop >= self.stamp or self.stamp not in self.own

    def come(self, stamp: int, slop: float, near: int) -> None:
        """A part has come."""
        if stamp in self.parts:
            return  # it was sent again
        self.count += 1
        self.parts[stamp] = self.count
        _drop_oldest(self.parts)
        own = _nearest(self.own, stamp, slop)
        if own is None:
            self.since += 1
        else:
            self._pair(self.count, own, near)

    def say(self, stamp: int, message: Any, slop: float, near: int) -> None:
        """A message that explains has come. near: parts within which two of them mean that each has its own."""
        if not stamp or stamp != self.stamp:  # else it was sent again
            self.since = 0
        self.last, self.stamp = message, stamp
        if stamp:
            self.own.pop(stamp, None)
            self.own[stamp] = message
            _drop_oldest(self.own)
            of = _nearest(self.parts, stamp, slop)
            if of is not None:
                self._pair(self.parts[of], stamp, near)

    def _pair(self, number: int, stamp: int, near: int) -> None:
        """A part and a message are of each other."""
        if self.paired is not None and self.paired[1] != stamp:
            self.each = self.each or 0 < abs(number - self.paired[0]) < near
        self.paired = number, stamp


class Moments:
    """Waits until all parts of a moment are there.

    parts: their topics. meanings: of some parts, the topic that says what they mean, which is a part, too. A message of it has
    the stamp of the one that it is of; without a stamp (0) it is of all that come from now on, until another one comes.

    One with a stamp comes to stand for later ones, too, once as many as are waited for came after it without a message of their
    own, and until another one comes. Each of them waits for the next one to come: its own may be on its way. Where two that came
    in closer succession had their own, all have: none is given that of another then.
    """

    def __init__(self, parts: tuple[str, ...], meanings: Mapping[str, str] | None = None, kept: int = 8) -> None:
        """kept: moments that are waited for; of more, the oldest is given up."""
        self.parts, self.kept = parts, kept
        self._waiting: OrderedDict[int, Moment] = OrderedDict()
        self._said = {of: Said(meaning) for of, meaning in (meanings or {}).items()}
        self.stamps = Stamps()
        """The newest of each topic."""
        self.unexplained: set[str] = set()
        """Topics of which several messages have come, and never what they mean."""
        self.outlived: set[str] = set()
        """Topics that are explained by a message with the stamp of another one."""

    def take(self, topic: str, stamp: int, message: Any, slop: float) -> list[Moment]:
        """Put a message (its stamp in ns) to the moment whose stamp is nearest, within `slop` ns. Moments that are whole now."""
        self._forget_later(topic, stamp)
        of = next((part for part, said in self._said.items() if said.topic == topic), None)
        if of is not None:
            return self._explain(of, stamp, message, slop)
        if topic in self._said and self._said[topic].last is None and self._lacking(topic):
            self.unexplained.add(topic)
        key = _nearest(self._waiting, stamp, slop)
        key = stamp if key is None else key
        moment = self._waiting.setdefault(key, {})
        moment[topic] = message
        if topic in self._said:
            said = self._said[topic]
            said.come(stamp, slop, self.kept)
            said.newest = key
            own = _nearest(said.own, stamp, slop)
            if own is not None:
                moment[said.topic] = said.own[own]
            elif said.lasting:
                moment.setdefault(said.topic, said.last)
        return self._whole([key]) + self._outlive(slop)

    def _forget_later(self, topic: str, stamp: int) -> None:
        """Messages of times that the clock of a part, or of those that explain it, has not reached by far: it was set back, or
        they have another clock. Either clock is told by itself: one may be ahead of the other."""
        back = self.stamps.went_back(topic, stamp)
        for of, said in self._said.items():
            if topic == of or (topic == said.topic and back):
                newest = self.stamps.newest[topic]
                said.own = {time: message for time, message in said.own.items() if still(time, newest or time)}
            if topic == of and back:
                said.parts.clear()

    def _explain(self, of: str, stamp: int, message: Any, slop: float) -> list[Moment]:
        """Take in what says what a part means. Moments that are whole now."""
        said = self._said[of]
        self.unexplained.discard(of)
        lost = [key for key in self._lacking(of) if said.reaches(key, slop) and key + slop < stamp]  # no own will come
        found = self._tell(lost, of) if of in self.outlived else []
        said.say(stamp, message, slop, self.kept)
        if not said.since:
            self.outlived.discard(of)
        if not stamp:
            return found + self._tell(self._lacking(of), of)
        key = _nearest((key for key, moment in self._waiting.items() if of in moment), stamp, slop)
        return found + self._tell([] if key is None else [key], of)

    def _outlive(self, slop: float) -> list[Moment]:
        """Where the last message that explains a part has come to stand for others: it explains those that wait in vain for
        their own."""
        found = list[Moment]()
        for of, said in self._said.items():
            if said.each or said.lasting or said.since < self.kept:
                self.outlived.discard(of)
            elif said.last is not None:
                due = list(self._waiting)[: max(len(self._waiting) - self.kept, 0)]  # these would be given up
                keys = [key for key in self._lacking(of) if said.reaches(key, slop) and (key != said.newest or key in due)]
                self.outlived |= {of} if keys else set()
                found += self._tell(keys, of)
        return found

    def _tell(self, keys: Iterable[int], of: str) -> list[Moment]:
        """Explain a part of some moments by the newest message. Those that are whole now."""
        keys = list(keys)
        for key in keys:
            self._waiting[key][self._said[of].topic] = self._said[of].last
        return self._whole(keys)

    def _lacking(self, of: str) -> list[int]:
        """Moments in which a part is, and not what it means."""
        return [key for key, moment in self._waiting.items() if of in moment and self._said[of].topic not in moment]

    def _whole(self, keys: Iterable[int]) -> list[Moment]:
        """Those of some moments that are whole; they are not waited for any more."""
        return [self._waiting.pop(key) for key in keys if len(self._waiting[key]) == len(self.parts)]

    def newest(self) -> str:
        """The newest stamp of each topic that came, in words."""
        return "the newest: " + ", ".join(f"{topic} {stamp / SECOND:.3f} s" for topic, stamp in self.stamps.newest.items())

    def give_up(self) -> list[tuple[str, ...]]:
        """Of each moment that is not waited for any more: the topics that did not come."""
        found = []
        while len(self._waiting) > self.kept:
            _, moment = self._waiting.popitem(last=False)
            found.append(tuple(part for part in self.parts if part not in moment))
        return found


def _drop_oldest(known: dict[int, Any]) -> None:
    if len(known) > MOST_SAID:
        del known[next(iter(known))]


def _nearest(stamps: Iterable[int], stamp: int, slop: float) -> int | None:
    """The one that is nearest to a stamp, within `slop`."""
    return min((known for known in stamps if abs(known - stamp) <= slop), key=lambda known: abs(known - stamp), default=None)
