"""What a node that is slower than its topics does between two pieces of work: it takes in all that has come meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from inspect import signature
from typing import Any

from rclpy.exceptions import InvalidHandle

from fail2progress.core.observation import SECOND

REPORT = 10 * SECOND
FEWEST = 5
"""Nanoseconds, and images told of, from which a `Pace` is said."""


def catch_up(inlets: Iterable[Any]) -> None:
    """Hand what waits on some subscriptions to their callbacks, one subscription after another, each at most its depth.

    An executor takes one message of each in turn and knows nothing of age: an image that came before the last piece of work
    would be worked on before those that came during it. To be called from a callback of the group that all of them are in.
    """
    for inlet in inlets:
        wanted = len(signature(inlet.callback).parameters)  # the message, and what is known of its sending
        for _ in range(inlet.qos_profile.depth):
            try:
                with inlet.handle:
                    taken = inlet.handle.take_message(inlet.msg_type, inlet.raw)
            except InvalidHandle:
                break  # closed meanwhile
            if taken is None:
                break
            inlet.callback(*taken[:wanted])


@dataclass
class Pace:
    """How many images come, how many of them are looked at, and how old they are when it is said what they show.

    Times are in nanoseconds of one clock. `since`: when the count began; 0 before anything came.
    """

    since: int = 0
    came: int = 0
    told: int = 0
    age: int = 0

    def see(self, now: int) -> None:
        """An image came. From the first on, the time counts, and the images after it."""
        if self.since:
            self.came += 1
        else:
            self.since = now

    def tell(self, stamp: int, now: int) -> str:
        """What an image of the time `stamp` shows is told now. What is to be said of the pace, now and then; else ""."""
        self.told += 1
        self.age += now - stamp
        passed = now - self.since
        if not self.since or passed < REPORT or self.told < FEWEST:
            return ""
        told, came = (number * SECOND / passed for number in (self.told, self.came))
        text = (
            f"{told:.1f} of {came:.1f} images a second, each time the newest; {self.age / self.told / SECOND:.2f} s old when told"
        )
        self.since, self.came, self.told, self.age = now, 0, 0, 0
        return text
