"""An executor without processes, which stops where a test wants it to, and a process with another one beside it."""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fail2progress.core.executor import Executor, at_work, end_with_parent


@dataclass
class Inline(Executor):
    """Does the work in this process, item by item; `stop` raises KeyboardInterrupt after so many."""

    stop: int | None = None
    work: list[Any] = field(default_factory=list)

    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """See Executor."""
        for item in items:
            if self.stop is not None and len(self.work) >= self.stop:
                raise KeyboardInterrupt
            self.work.append(item)
            yield function(item)


def sleep_beside() -> None:
    """What a process does that works beside another one, for longer than any test."""
    end_with_parent()
    time.sleep(600.0)


def work_with_another() -> None:
    """A process with another one beside it; says when both are at work."""
    worker = multiprocessing.get_context("spawn").Process(target=sleep_beside)
    with at_work([worker]):
        print("at work", flush=True)
        time.sleep(600.0)
