"""Messages of one moment, such as the images of one frame, put together by their stamps. Imports no ROS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

Moment = dict[str, Any]
"""Messages by their topics."""


class Moments:
    """Waits until all parts of a moment are there.

    parts: their topics. meanings: of some parts, the topic that says what they mean, which is a part, too. A message of it has
    the stamp of the one that it is of; without a stamp (0) it is of all that come from now on.
    """

    def __init__(self, parts: tuple[str, ...], meanings: Mapping[str, str] | None = None, kept: int = 8) -> None:
        """kept: moments that are waited for; of more, the oldest is given up."""
        self.parts, self.meanings, self.kept = parts, dict(meanings or {}), kept
        self._waiting: OrderedDict[int, Moment] = OrderedDict()
        self._standing: Moment = {}
        """Messages without a stamp, by the topics of what they explain."""
        self.unexplained: set[str] = set()
        """Topics of which several messages have come, and never what they mean."""
        self._explained: set[str] = set()

    def take(self, topic: str, stamp: int, message: Any, slop: float) -> list[Moment]:
        """Put a message (its stamp in ns) to the moment whose stamp is nearest, within `slop` ns. Moments that are whole now."""
        of = next((part for part, meaning in self.meanings.items() if meaning == topic), None)
        if of is not None:
            self._explained.add(of)
            self.unexplained.discard(of)
            self._standing.pop(of, None)
            if not stamp:
                self._standing[of] = message
                keys = [key for key, moment in self._waiting.items() if of in moment and topic not in moment]
                return [whole for key in keys for whole in self._put(key, topic, message)]
        if topic in self.meanings.keys() - self._explained and any(topic in moment for moment in self._waiting.values()):
            self.unexplained.add(topic)
        near = [known for known in self._waiting if abs(known - stamp) <= slop]
        key = min(near, key=lambda known: abs(known - stamp), default=stamp)
        if topic in self._standing:
            self._waiting.setdefault(key, {}).setdefault(self.meanings[topic], self._standing[topic])
        return self._put(key, topic, message)

    def _put(self, key: int, topic: str, message: Any) -> list[Moment]:
        moment = self._waiting.setdefault(key, {})
        moment[topic] = message
        if len(moment) < len(self.parts):
            return []
        del self._waiting[key]
        return [moment]

    def give_up(self) -> list[tuple[str, ...]]:
        """Of each moment that is not waited for any more: the topics that did not come. What only says what others
        mean is none."""
        found = []
        while len(self._waiting) > self.kept:
            _, moment = self._waiting.popitem(last=False)
            if set(moment) - set(self.meanings.values()):
                found.append(tuple(part for part in self.parts if part not in moment))
        return found
