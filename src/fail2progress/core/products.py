"""Products of matrices by one thread: many small ones, each by all cores, wait for one another longer than they take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _libraries() -> ThreadpoolController:
    """What numpy and SciPy multiply by; to look for it takes a fiftieth of a second."""
    return ThreadpoolController()


@contextmanager
def by_one_thread() -> Iterator[None]:
    """Within it, numpy and SciPy multiply matrices by one thread; in all threads of the process."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield
