"""Ctrl-C at a moment at which it comes out as something else."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fail2progress.cli.common import STOPPED, say


@contextmanager
def ctrl_c_ends() -> Iterator[None]:
    """Whatever an error says that Ctrl-C led to, it is told as what it was.

    Modules in C that are being loaded when it comes make an ImportError of it.
    """
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        signal.default_int_handler(number, frame)

    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if not came:
            raise
        say("fail2progress: stopped")
        raise SystemExit(STOPPED) from error
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
