"""Long work over many processes: one interface, local processes by default, a Ray cluster where there is one."""

from __future__ import annotations

import multiprocessing
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(ABC):
    """Maps a picklable function over items, results as they come."""

    @abstractmethod
    def map_unordered(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in the order in which they are ready. Closing the iterator stops the workers."""


def _start_worker() -> None:
    """Ctrl-C is the parent's business: it stops the workers. One thread each, since there is a worker for every core."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class LocalExecutor(Executor):
    """Processes on this computer, one for every core unless told otherwise."""

    def __init__(self, processes: int | None = None) -> None:
        self.processes = processes or len(os.sched_getaffinity(0))

    def map_unordered(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See Executor."""
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        with multiprocessing.get_context("spawn").Pool(self.processes, _start_worker) as pool:
            yield from pool.imap_unordered(function, items)


class RayExecutor(Executor):
    """Tasks on a Ray cluster; needs the `ray` package."""

    def __init__(self, address: str | None = None) -> None:
        try:
            import ray
        except ImportError as error:
            raise ValueError("executor 'ray' needs the ray package: pip install ray") from error
        self._ray = ray
        if not ray.is_initialized():
            ray.init(address=address)

    def map_unordered(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See Executor."""
        remote = self._ray.remote(function)
        pending = [remote.remote(item) for item in items]
        while pending:
            done, pending = self._ray.wait(pending)
            yield from self._ray.get(done)


def executor(name: str, processes: int | None = None) -> Executor:
    """Look an executor up by name; ValueError names the ones that exist."""
    if name == "local":
        return LocalExecutor(processes)
    if name == "ray":
        return RayExecutor()
    raise ValueError(f"unknown executor {name!r}; known: local, ray")
