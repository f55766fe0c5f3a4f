"""Folders of runs that one process holds while it writes there."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fail2progress.core.files import lock_handle

LOCK = ".lock"
"""What whoever works in a folder has locked meanwhile."""
IN_USE = "is in use by another process: wait for its end, or choose another folder"
_PAUSES = (0.02, 0.05, 0.1)
"""Seconds until a lock that is taken is tried again."""


class RunError(ValueError):
    """A run that is not there, is in use, or would be overwritten: which one, and what to do."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder while something writes there; the lock ends with its process. RunError where another process has it,
    NoLocksError where files cannot be locked."""
    number = _held(folder)
    try:
        yield
    finally:
        os.close(number)


def _held(folder: Path) -> int:
    """A handle of the folder's lock. One who asks whether a run is in use has it for a moment, and one whose run came to nothing
    takes it away: it is tried again."""
    for pause in (*_PAUSES, None):
        try:
            number = lock_handle(folder / LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if pause is None:
                break
            time.sleep(pause)
            continue
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(number), (folder / LOCK).stat()):
                return number
        os.close(number)
    raise RunError(f"{folder} {IN_USE}")
