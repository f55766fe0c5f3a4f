"""Products of matrices by one thread: many small ones, each by all cores, wait for one another longer than they take."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _libraries() -> ThreadpoolController:
    """What numpy and SciPy multiply by; to look for it takes a fiftieth of a second."""
    return ThreadpoolController()


@dataclass
class _Limit:
    """Of threads that ask for it at the same time: the first one sets it, the last one takes it back."""

    users: int = 0
    limit: Any = None
    """Of threadpoolctl, which has no public name for its type."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        with self.lock:
            if not self.users:
                self.limit = _libraries().limit(limits=1, user_api="blas")
            self.users += 1

    def end(self) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                self.limit.restore_original_limits()


_LIMIT = _Limit()


@contextmanager
def by_one_thread() -> Iterator[None]:
    """Within it, numpy and SciPy multiply matrices by one thread; in all threads of the process."""
    _LIMIT.begin()
    try:
        yield
    finally:
        _LIMIT.end()
