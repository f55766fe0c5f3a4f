"""What a computer lacks while a command works."""

from __future__ import annotations

import errno
import sqlite3

LACKING = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE))
"""No room on a disk, or within a quota or a limit of files, a disk that fails, too many open files."""
_LACKING_OF_STORES = ("disk is full", "disk I/O error")
"""The same in SQLite's words."""


def of_the_work(error: BaseException | None) -> bool:
    """Whether an error comes from what the computer lacks: the work ran and failed, and what the user gave is right."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in LACKING:
            return True
        if isinstance(error, sqlite3.OperationalError) and any(word in str(error) for word in _LACKING_OF_STORES):
            return True
        error = error.__cause__
    return False
