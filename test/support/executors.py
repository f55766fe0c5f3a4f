"""An executor without processes, which stops where a test wants it to."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fail2progress.core.executor import Executor


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
