"""Time for all nodes that run on /clock (use_sim_time): of the simulated robot, or of the recording that is played."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rosgraph_msgs.msg import Clock

from fail2progress.ros.bags.info import JUMP
from fail2progress.ros.bags.recorded import Recorded
from fail2progress.ros.conversions.values import time_of

PERIOD = 0.02
"""Seconds between two messages."""


class ClockSource:
    """Tells the time, where that is asked for; in a thread, as timers of a node that runs on /clock wait for it."""

    def __init__(self, node: Any, now: Callable[[], int]) -> None:
        """now: nanoseconds."""
        self.now = now
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        if node.param("use_sim_time"):
            # By its whole name: rclpy listens there whatever the namespace is.
            self._outlet = node.create_publisher(Clock, "/clock", 1)
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(PERIOD):
            self._outlet.publish(Clock(clock=time_of(self.now())))

    def close(self) -> None:
        """Stop telling it."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()


class PlayedTime:
    """The time of a recording: that of the newest message played, and what has passed since then, up to the next message. It
    never goes back, but where the recording's own clock did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at, self._since = 0, time.monotonic_ns()
        self._begun = False
        self._next: int | None = None
        """Time of the message after the one that is played (ns); None after the last one: nothing holds the time up any more."""

    def along(self, items: Iterable[Recorded]) -> Iterator[Recorded]:
        """The messages of a recording, each as soon as the one after it is known."""
        last: Recorded | None = None
        for item in items:
            if last is not None:
                self._go_on_to(item.time)
                yield last
            last = item
        self._go_on_to(None)
        if last is not None:
            yield last

    def _go_on_to(self, following: int | None) -> None:
        with self._lock:
            self._at, self._since, self._next = self._now(), time.monotonic_ns(), following

    def reach(self, stamp: int) -> None:
        """A message of this time of arrival (ns) is played."""
        with self._lock:
            now = self._now()
            late = self._begun and now - JUMP <= stamp
            self._at, self._since, self._begun = max(stamp, now) if late else stamp, time.monotonic_ns(), True

    def now(self) -> int:
        """Nanoseconds."""
        with self._lock:
            return self._now()

    def _now(self) -> int:
        passed = self._at + time.monotonic_ns() - self._since
        return passed if self._next is None else min(passed, max(self._at, self._next))
