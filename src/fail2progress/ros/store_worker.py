"""A thread that works off the failures of a store, for nodes that lose nothing where they are ended in between."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable

from fail2progress.failures.store import FailureStore
from fail2progress.models.notes import CheckpointError
from fail2progress.ros.lifecycle import StackNode

UNASKED = 5.0
"""Seconds between two looks into the store without having been asked."""
AGAIN, SELDOM = 10.0, 300.0
"""Seconds until a failure is tried again that files have prevented: at first, and at most; each time twice as many."""


def may_pass(error: Exception) -> bool:
    """Whether the same may go well later: a disk that is full or read-only, a store that is locked, a file that somebody can put
    back. What is wrong with a record stays wrong."""
    return isinstance(error, (OSError, CheckpointError)) or isinstance(error.__cause__, sqlite3.OperationalError)


class StoreWorker:
    """Works off a store while its node is active: when it is woken, and from time to time without, since the sender of a
    message may have died before it sent it.

    topic: under which refusals and errors are counted. work_on: called with the id of every failure; one that makes trouble
    holds up none of those after it, and is tried again by this process only where the trouble may pass. tell_again: called once,
    first; the process before this one may have died between storing its last result and publishing it.
    """

    def __init__(
        self,
        node: StackNode,
        store: FailureStore,
        topic: str,
        work_on: Callable[[str], object],
        tell_again: Callable[[], None],
    ) -> None:
        self.node, self.store, self.topic = node, store, topic
        self.work_on, self.tell_again = work_on, tell_again
        self.hopeless: set[str] = set()
        """Failures that this process cannot do anything about."""
        self.later: dict[str, tuple[float, float]] = {}
        """Failures to be tried again: when (s, monotonic), and the seconds that were waited for that."""
        self._told = False
        self.ending = threading.Event()
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to listen; the work begins when the node is active."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._wanted.set()

    def close(self, patience: float = 5.0) -> None:
        """End the thread; what is under way may take so many seconds (s) more."""
        self.ending.set()
        self._wanted.set()
        self._thread.join(timeout=patience)

    def _run(self) -> None:
        pause = 0.2
        while not self.ending.is_set():
            self._wanted.wait(pause)
            self._wanted.clear()  # of a node that is not active, too: it wakes this when it is, and the wait would be none
            if self.ending.is_set() or not self.node.active:
                continue
            pause = UNASKED
            if not self._told:
                self.node.guarded(self.topic, self._tell, None)
            self.node.guarded(self.topic, self._work_off, None)

    def _tell(self, _: None) -> None:
        """Once, or again later where files prevented it."""
        try:
            self.tell_again()
        except Exception as error:
            self._told = not may_pass(error)
            raise
        self._told = True

    def _work_off(self, _: None) -> None:
        for identity in self.store.ids():
            if self.ending.is_set():
                return
            if identity not in self.hopeless and self.later.get(identity, (0.0, 0.0))[0] <= time.monotonic():
                self.node.guarded(self.topic, self._try, identity)

    def _try(self, identity: str) -> None:
        try:
            self.work_on(identity)
        except Exception as error:
            if not may_pass(error):
                self.hopeless.add(identity)
                raise
            self._put_off(identity, error)
            return
        if self.later.pop(identity, None) is not None:
            self.node.get_logger().info(f"failure {identity}: nothing prevents it any more")

    def _put_off(self, identity: str, error: Exception) -> None:
        pause = min(2.0 * self.later[identity][1], SELDOM) if identity in self.later else AGAIN
        self.later[identity] = (time.monotonic() + pause, pause)
        said = f"{type(error).__name__}: {error}; failure {identity} is tried again in {pause:.0f} s"
        self.node.count(f"{self.topic}/error", said)
