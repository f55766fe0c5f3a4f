"""What a node of a stack is there for where its process ends with that, such as one task. Imports no ROS."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from fail2progress.ros.launch.restarts import MISTAKE

FAILED = 1
"""Exit code of an error that nobody foresaw; MISTAKE is that of one that whoever asked can set right."""


class Sent(Protocol):
    """A node with an errand: once `done` is an exit code, its process ends."""

    done: int | None


class Errand:
    """Carried out once, in a thread of its own. It ends with an exit code whatever becomes of it: a thread that ended without a
    word would leave the stack running for ever.
    """

    def __init__(
        self,
        node: Sent,
        carry_out: Callable[[], int | None],
        ending: threading.Event,
        mistakes: tuple[type[Exception], ...] = (),
    ) -> None:
        """carry_out: gives the exit code, or None where the process shall go on; it returns soon after `ending` is set, and
        gives none then. mistakes: errors that are told in one line.
        """
        self.node, self.carry_out, self.ending, self.mistakes = node, carry_out, ending, mistakes
        self.node.done = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Begin; nothing where it has begun: a node that is activated again goes on with it."""
        if self._thread.ident is None:
            self._thread.start()

    def close(self, patience: float = 5.0) -> None:
        """Give it up; what is under way may take so many seconds (s) more."""
        self.ending.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=patience)

    def _run(self) -> None:
        code: int | None
        try:
            code = self.carry_out()
        except self.mistakes as error:
            print(f"fail2progress: {error}", flush=True)
            code = MISTAKE
        except Exception:
            print(f"fail2progress: {traceback.format_exc()}", flush=True)
            code = FAILED
        if not self.ending.is_set():
            self.node.done = code
