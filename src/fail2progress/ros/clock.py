"""Time for all nodes that run on /clock (use_sim_time): of the simulated robot, or of the recording that is played."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rosgraph_msgs.msg import Clock

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
    """The time of a recording: that of the newest message played, and what has passed since then."""

    def __init__(self) -> None:
        self._at, self._since = 0, time.monotonic_ns()

    def reach(self, stamp: int) -> None:
        """A message of this time of arrival (ns) is played."""
        self._at, self._since = stamp, time.monotonic_ns()

    def now(self) -> int:
        """Nanoseconds."""
        return self._at + time.monotonic_ns() - self._since
