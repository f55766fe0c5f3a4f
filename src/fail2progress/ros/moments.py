"""Messages of one moment, such as the images of one frame, put together by their stamps. Imports no ROS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from fail2progress.ros.set_back import still

MOST_SAID = 64
"""Messages that say what others mean which are remembered: images may come long after what was found in them."""
Moment = dict[str, Any]
"""Messages by their topics."""


class Moments:
    """Waits until all parts of a moment are there.

    parts: their topics. meanings: of some parts, the topic that says what they mean, which is a part, too. A message of it has
    the stamp of the one that it is of; without a stamp (0) it is of all that come from now on. One with a stamp stands for later
    ones, too, where as many as are waited for come without a message of their own; until another one comes.
    """

    def __init__(self, parts: tuple[str, ...], meanings: Mapping[str, str] | None = None, kept: int = 8) -> None:
        """kept: moments that are waited for; of more, the oldest is given up."""
        self.parts, self.meanings, self.kept = parts, dict(meanings or {}), kept
        self._waiting: OrderedDict[int, Moment] = OrderedDict()
        self._said: dict[str, dict[int, Any]] = {of: {} for of in self.meanings}
        """Messages with a stamp, by what they explain and their stamps, in the order in which they came."""
        self._standing: Moment = {}
        """Messages that explain all that comes, by the topics of what they explain."""
        self.unexplained: set[str] = set()
        """Topics of which several messages have come, and never what they mean."""
        self.outlived: set[str] = set()
        """Topics that are explained by a message with the stamp of an earlier one."""

    def take(self, topic: str, stamp: int, message: Any, slop: float) -> list[Moment]:
        """Put a message (its stamp in ns) to the moment whose stamp is nearest, within `slop` ns. Moments that are whole now."""
        for said in self._said.values():
            for later in [known for known in said if not still(known, stamp or known)]:
                del said[later]
        of = next((part for part, meaning in self.meanings.items() if meaning == topic), None)
        if of is not None:
            return self._explain(of, topic, stamp, message, slop)
        if topic in self.meanings and not self._said[topic] and topic not in self._standing and self._lacking(topic):
            self.unexplained.add(topic)
        key = _nearest(self._waiting, stamp, slop)
        key = stamp if key is None else key
        moment = self._waiting.setdefault(key, {})
        moment[topic] = message
        for part in moment.keys() & self.meanings.keys():
            own = _nearest(self._said[part], key, slop)
            if part in self._standing:
                moment.setdefault(self.meanings[part], self._standing[part])
            elif own is not None:
                moment[self.meanings[part]] = self._said[part][own]
        return self._whole([key]) + self._outlive(slop)

    def _explain(self, of: str, topic: str, stamp: int, message: Any, slop: float) -> list[Moment]:
        """Take in what says what a part means. Moments that are whole now."""
        self._standing.pop(of, None)
        self.unexplained.discard(of)
        self.outlived.discard(of)
        lacking = self._lacking(of)
        if stamp:
            said = self._said[of]
            said.pop(stamp, None)
            said[stamp] = message
            if len(said) > MOST_SAID:
                del said[next(iter(said))]
            key = _nearest(lacking, stamp, slop)
            lacking = [] if key is None else [key]
        else:
            self._standing[of] = message
        for key in lacking:
            self._waiting[key][topic] = message
        return self._whole(lacking)

    def _outlive(self, slop: float) -> list[Moment]:
        """Once too many wait, and the last message that explains a part is of none of them but of one before: it explains
        them, and those that come."""
        found = list[Moment]()
        for of, said in self._said.items():
            lacking = self._lacking(of)
            if len(self._waiting) > self.kept and said and next(iter(self._waiting)) in lacking:
                stamp, message = next(reversed(said.items()))
                if stamp > min(lacking) + slop:
                    continue  # others of their own are on their way, or were lost
                self._standing[of] = message
                self.outlived.add(of)
                for key in lacking:
                    self._waiting[key][self.meanings[of]] = message
                found += self._whole(lacking)
        return found

    def _lacking(self, of: str) -> list[int]:
        """Moments in which a part is, and not what it means."""
        return [key for key, moment in self._waiting.items() if of in moment and self.meanings[of] not in moment]

    def _whole(self, keys: Iterable[int]) -> list[Moment]:
        """Those of some moments that are whole; they are not waited for any more."""
        return [self._waiting.pop(key) for key in keys if len(self._waiting[key]) == len(self.parts)]

    def give_up(self) -> list[tuple[str, ...]]:
        """Of each moment that is not waited for any more: the topics that did not come."""
        found = []
        while len(self._waiting) > self.kept:
            _, moment = self._waiting.popitem(last=False)
            found.append(tuple(part for part in self.parts if part not in moment))
        return found


def _nearest(stamps: Iterable[int], stamp: int, slop: float) -> int | None:
    """The one that is nearest to a stamp, within `slop`."""
    return min((known for known in stamps if abs(known - stamp) <= slop), key=lambda known: abs(known - stamp), default=None)
