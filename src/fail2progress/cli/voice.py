"""What a command says while it works: bars in a terminal, lines in a pipe."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fail2progress.cli.common import say
from fail2progress.cli.silence import clock

LINES = 5.0
"""Seconds between two lines of a bar where nothing can be redrawn."""

Tell = Callable[[str, float], None]
"""Told of the stage under way and its share that is done, 0 to 1."""


class Bars(Progress):
    """Bars on standard error. In a pipe: a line at the beginning and the end of each, and every few seconds in between."""

    def __init__(self, *columns: ProgressColumn, seconds: float = LINES) -> None:
        console = Console(stderr=True)
        self.piped = not console.is_terminal
        self._seconds, self._told, self._said = seconds, time.monotonic(), ""
        self._last: TaskID | None = None
        self._ended: set[TaskID] = set()
        self._over = threading.Event()
        shown = (TextColumn("{task.description}"), BarColumn(), *columns, TimeElapsedColumn(), TimeRemainingColumn())
        # What is drawn anew by itself also counts what is tracked, in a thread; where nothing is drawn, every item has to.
        super().__init__(*shown, console=console, disable=self.piped, auto_refresh=not self.piped)

    def start(self) -> None:
        """See Progress."""
        super().start()
        if self.piped:
            threading.Thread(target=self._beat, daemon=True).start()

    def stop(self) -> None:
        """See Progress."""
        self._over.set()
        super().stop()

    def add_task(self, *arguments: Any, **options: Any) -> TaskID:
        """See Progress."""
        made = super().add_task(*arguments, **options)
        self._hear(made, begun=True)
        return made

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """See Progress."""
        super().update(task_id, **changes)
        self._hear(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """See Progress."""
        super().advance(task_id, advance)
        self._hear(task_id)

    def _hear(self, task_id: TaskID, begun: bool = False) -> None:
        """Say a line where a bar begins or ends, or where it is time."""
        if not self.piped:
            return
        self._last = task_id
        ended = self._tasks[task_id].finished and task_id not in self._ended
        if ended:
            self._ended.add(task_id)
        if begun or ended or time.monotonic() - self._told > self._seconds:
            self._say()

    def _beat(self) -> None:
        while not self._over.wait(0.5):
            if self._last is not None and time.monotonic() - self._told > self._seconds:
                self._say()

    def _say(self) -> None:
        with self._lock:  # the thread that beats may not say what is past
            task = self._tasks[self._last] if self._last is not None else None
            if task is not None and (said := line(task)) != self._said:
                self._said, self._told = said, time.monotonic()
                say(said)


def line(task: Task) -> str:
    """A bar in words: what, how much of it, for how long, and how long it may still take."""
    said = [f"{task.description}:" if task.total else str(task.description)]
    if task.total:
        count = "" if task.total == 1.0 else f"{task.completed:.0f}/{task.total:.0f}, "
        said.append(f"{count}{task.percentage:.0f} %,")
    said.append(clock(task.elapsed or 0.0))
    if task.time_remaining and not task.finished:
        said.append(f"and about {clock(task.time_remaining)} to go")
    return " ".join(said)


def progress() -> Bars:
    """Bars that count; use as a context manager."""
    return Bars(MofNCompleteColumn())


@contextmanager
def stages() -> Iterator[Tell]:
    """A bar for each stage, in percent; one that begins ends those before it, and the end of the work ends all.

    A stage that comes once more is numbered: "fine-tuning (2)".
    """
    with Bars(TaskProgressColumn()) as bar:
        rows: dict[str, TaskID] = {}
        times: Counter[str] = Counter()

        def tell(stage: str, share: float) -> None:
            for name, row in rows.items():
                if name != stage and not bar.tasks[row].finished:
                    bar.update(row, completed=1.0)
            if stage not in rows or (share < 1.0 and bar.tasks[rows[stage]].finished):  # once more, by its own clock
                times[stage] += 1
                again = f" ({times[stage]})" if stage in rows else ""
                rows[stage] = bar.add_task(f"{stage}{again}", total=1.0)
            bar.update(rows[stage], completed=share)

        yield tell
        for row in rows.values():
            if not bar.tasks[row].finished:
                bar.update(row, completed=1.0)
