"""Work done beside other work: the network looks at a frame while geometry is at it, which leaves a second core nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def begun(function: Callable[[], T]) -> Callable[[], T]:
    """Begin a function in a thread of its own; what is returned waits for its result, or raises what it raised."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="beside")
    result = pool.submit(function).result
    pool.shutdown(wait=False)
    return result
