"""Work done beside other work: the network looks at a frame while geometry is at it, which leaves a second core nothing to do.

Beside, the network computes by one thread: two would wait for each other at every layer, and for the core that geometry is at.
Once geometry has nothing left to do but wait for it, it goes on by all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from threading import Event
from typing import Any, TypeVar

import torch
from threadpoolctl import ThreadpoolController

T = TypeVar("T")


@cache
def _openmp() -> ThreadpoolController:
    """What torch shares work out by; a limit of it holds in the thread alone that sets it."""
    return ThreadpoolController().select(user_api="openmp")


@dataclass
class _Share:
    """Of the cores, that a piece of work beside takes until it is awaited."""

    awaited: Event
    limit: Any
    """Of threadpoolctl, which has no public name for its type."""
    whole: bool = False


_SHARE: ContextVar[_Share | None] = ContextVar("share", default=None)


def begun(function: Callable[[], T]) -> Callable[[], T]:
    """Begin a function in a thread of its own; what is returned waits for its result, or raises what it raised."""
    awaited = Event()

    def alone() -> T:
        torch.get_num_threads()  # at a thread's first call torch itself sets how many it has
        _SHARE.set(_Share(awaited, _openmp().limit(limits=1)))
        return function()

    pool = ThreadPoolExecutor(1, thread_name_prefix="beside")
    future = pool.submit(alone)
    pool.shutdown(wait=False)

    def result() -> T:
        awaited.set()
        return future.result()

    return result


def next_step() -> None:
    """Called between the steps of long work: what was begun beside other work and is awaited by now goes on by all threads."""
    share = _SHARE.get()
    if share is not None and not share.whole and share.awaited.is_set():
        share.limit.restore_original_limits()
        share.whole = True
