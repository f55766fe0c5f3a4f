"""Turns at work that takes minutes and is done once at a time. Imports no ROS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

LOOK = 0.1
"""Seconds between two looks whether a turn is still waited for."""


Turn = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Given what is called while it is waited for: a turn, in a `with` statement."""


class TakenError(RuntimeError):
    """Somebody waits for the next turn already."""


class Turns:
    """The node's own worker waits for a turn as long as it takes. Whoever asks by a service or an action waits in a thread of the
    node's executor: one may, since a node all of whose threads wait answers nobody."""

    def __init__(self) -> None:
        self._work = threading.Lock()
        self._next = threading.Lock()

    @contextmanager
    def own(self, check: Callable[[], None]) -> Iterator[None]:
        """A turn; `check` is called all the while that it is waited for, and may raise."""
        while not self._work.acquire(timeout=LOOK):
            check()
        try:
            yield
        finally:
            self._work.release()

    @contextmanager
    def asked_for(self, check: Callable[[], None]) -> Iterator[None]:
        """The same for who asks. TakenError at once where another one waits."""
        if not self._next.acquire(blocking=False):
            raise TakenError("another one waits for what is under way already; ask again when that is over")
        with ExitStack() as turn:
            try:
                turn.enter_context(self.own(check))
            finally:
                self._next.release()
            yield
