"""A thread that works off the failures of a store, for nodes that lose nothing where they are ended in between."""

from __future__ import annotations

import threading
from collections.abc import Callable

from fail2progress.failures.store import FailureStore
from fail2progress.ros.lifecycle import StackNode

UNASKED = 5.0
"""Seconds between two looks into the store without having been asked."""


class StoreWorker:
    """Works off a store while its node is active: when it is woken, and from time to time without, since the sender of a
    message may have died before it sent it.

    topic: under which refusals and errors are counted. work_on: called with the id of every failure; one that makes trouble is
    not tried again by this process, and holds up none of those after it. tell_again: called once, first; the process before
    this one may have died between storing its last result and publishing it.
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
        told = False
        while not self.ending.is_set():
            self._wanted.wait(UNASKED if told else 0.2)
            if self.ending.is_set() or not self.node.active:
                continue
            self._wanted.clear()
            if not told:
                told = True
                self.node.guarded(self.topic, lambda _: self.tell_again(), None)
            self.node.guarded(self.topic, self._work_off, None)

    def _work_off(self, _: None) -> None:
        for identity in self.store.ids():
            if self.ending.is_set():
                return
            if identity not in self.hopeless:
                self.node.guarded(self.topic, self._try, identity)

    def _try(self, identity: str) -> None:
        try:
            self.work_on(identity)
        except Exception:
            self.hopeless.add(identity)
            raise
