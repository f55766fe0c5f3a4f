"""Long work over many processes: one interface, local processes by default, a Ray cluster where there is one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, resource_tracker
from multiprocessing.pool import Pool
from multiprocessing.process import BaseProcess
from typing import TypeVar

from fail2progress.core.children import Meanwhile, give_back, safe_imports
from fail2progress.core.garbage import look_seldom
from fail2progress.core.names import unknown

Item = TypeVar("Item")
Result = TypeVar("Result")

_NO_WINDOWS = Meanwhile("MUJOCO_GL", "disable", unless_set=True)
"""MuJoCo's import looks for a window library, by a process of its own, which writes a traceback to the terminal where its worker
is ended meanwhile."""
_ONE_THREAD = Meanwhile("OMP_NUM_THREADS", "1", unless_set=True)
"""Workers share the cores."""
_LAST_WORDS = 2.0
"""Seconds that a process which failed may take to end."""
_RETRIES = 20
"""Nodes that may be lost under one piece of work on a cluster."""


class Executor(ABC):
    """Maps a picklable function over items, results as they come."""

    @abstractmethod
    def map_unordered(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in the order in which they are ready. Closing the iterator stops the workers."""


def start_pool(processes: int) -> Pool:
    """Worker processes that leave Ctrl-C to their parent, from their first moment on, and compute by one thread each."""
    with safe_imports() as before, _ctrl_c_held_back(), _NO_WINDOWS.set(), _ONE_THREAD.set():
        return multiprocessing.get_context("spawn").Pool(processes, initializer=_begin, initargs=(before,))


class LostWorkerError(RuntimeError):
    """A process that worked beside this one has failed, and this one could not go on without it."""


@contextmanager
def at_work(workers: Sequence[BaseProcess]) -> Iterator[Callable[[], bool]]:
    """Processes that run beside the body and leave Ctrl-C to this one: joined after it, ended where it was interrupted.

    The body is given a function that says whether one of them has failed.
    LostWorkerError where the body fails because one of them did. What each does begins with `end_with_parent`.
    """
    try:
        with safe_imports(), _ctrl_c_held_back():
            for worker in workers:
                worker.start()
        yield lambda: any(worker.exitcode for worker in workers)
        for worker in workers:
            worker.join()
    except RuntimeError as error:
        connection.wait([worker.sentinel for worker in workers if worker.pid is not None], timeout=_LAST_WORDS)
        if any(worker.exitcode for worker in workers if worker.pid is not None):
            raise LostWorkerError(str(error).partition("\n")[0]) from error
        raise
    finally:
        for worker in workers:
            if worker.pid is not None:
                worker.terminate()
                worker.join()


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """The signal is blocked, which processes started meanwhile inherit; one that comes reaches this process afterwards."""
    resource_tracker.ensure_running()  # starting it later would unblock the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(before: str | None) -> None:
    """What a worker does first, before it reads what its work needs; before: see safe_imports."""
    give_back(before)
    look_seldom()
    end_with_parent()


def end_with_parent() -> None:
    """Watch for the end of the process that started this one, kill -9 included, and end then: nobody waits for results."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        assert parent is not None
        parent.join()
        os._exit(1)

    if parent is not None:
        threading.Thread(target=watch, daemon=True).start()


class LocalExecutor(Executor):
    """Processes on this computer, one for every core unless told otherwise."""

    def __init__(self, processes: int | None = None) -> None:
        self.processes = processes or len(os.sched_getaffinity(0))

    def map_unordered(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See Executor."""
        with start_pool(self.processes) as pool:
            yield from pool.imap_unordered(function, items)


class PoolExecutor(Executor):
    """Processes on this computer that stay from one call to the next; with one, the work is done in place, unless it is to go on
    beside what its caller does meanwhile. A context manager."""

    def __init__(self, processes: int | None = None, beside: bool = False) -> None:
        self.processes = processes or len(os.sched_getaffinity(0))
        self._in_place = self.processes == 1 and not beside
        self._pool: Pool | None = None

    def map_unordered(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See Executor; the workers stay."""
        if self._in_place:
            return map(function, items)
        if self._pool is None:
            self._pool = start_pool(self.processes)
        return self._pool.imap_unordered(function, items)

    def __enter__(self) -> PoolExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()
            self._pool = None


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
        """See Executor. What a lost node had not finished, or had finished and not handed over, is done on another one."""
        remote = self._ray.remote(max_retries=_RETRIES, scheduling_strategy="SPREAD")(function)
        pending = [remote.remote(item) for item in items]
        try:
            while pending:
                done, pending = self._ray.wait(pending)
                yield from self._ray.get(done)
        finally:
            for one in pending:
                self._ray.cancel(one, force=True)


class UntilExecutor(Executor):
    """Another executor for so many minutes: then one more result is waited for at most, and what else is under way is given
    up."""

    def __init__(self, inner: Executor, minutes: float) -> None:
        self._inner, self._end = inner, time.monotonic() + 60.0 * minutes

    def map_unordered(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See Executor. After the end, nothing is begun."""
        if time.monotonic() >= self._end:
            return
        for result in self._inner.map_unordered(function, items):
            yield result
            if time.monotonic() >= self._end:
                return


def executor(name: str, processes: int | None = None) -> Executor:
    """Look an executor up by name; ValueError names the ones that exist."""
    if name == "local":
        return LocalExecutor(processes)
    if name == "ray":
        return RayExecutor()
    raise ValueError(unknown("executor", name, ("local", "ray")))
