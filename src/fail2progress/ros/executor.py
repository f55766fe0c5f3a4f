"""The executor of a node: threads that take each callback once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rclpy.executors import (
    ConditionReachedException,
    ExternalShutdownException,
    MultiThreadedExecutor,
    ShutdownException,
    TimeoutException,
)

BEGUN = 0.02
"""Seconds to wait for a thread that takes up what is ready already, before others that are ready are looked for."""


class NodeExecutor(MultiThreadedExecutor):
    """rclpy's own hands a callback to its threads again and again until one of them begins it, and looks through all that it
    handed over each time. On a busy computer that feeds itself: thousands wait, a processor is full, and messages take seconds.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._handed: set[int] = set()
        self._failed: deque[BaseException] = deque()
        self._begun = threading.Event()

    def _spin_once_impl(self, timeout_sec: Any = None, wait_condition: Callable[[], bool] = lambda: False) -> None:
        ended = (ExternalShutdownException, ShutdownException, TimeoutException, ConditionReachedException)
        with suppress(*ended):
            task, _, _ = self.wait_for_ready_callbacks(timeout_sec, None, wait_condition)
            if id(task) in self._handed:
                self._begun.wait(BEGUN)
            elif not self._is_shutdown:
                self._begun.clear()
                self._handed.add(id(task))
                self._executor.submit(self._run, task)
        if self._failed and not self._is_shutdown:  # what ends with the executor finds its handles gone
            raise self._failed.popleft()

    def _run(self, task: Any) -> None:
        self._begun.set()
        task()
        self._handed.discard(id(task))
        if task.done() and task.exception() is not None:
            self._failed.append(task.exception())
            self.wake()
