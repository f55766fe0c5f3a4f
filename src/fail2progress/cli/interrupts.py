"""Ctrl-C while a command is at work: one exception at a place that can bear it, and one line whatever became of it."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Any

from fail2progress.cli.common import STOPPED, say

AGAIN = 0.05
"""Seconds after which a Ctrl-C that came at a bad moment is tried again."""
_READING = "<frozen importlib._bootstrap>"


@contextmanager
def ctrl_c_ends() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, but not while a module is being read: it is raised right after that.

    There it would be lost in a callback of the import system, be made an ImportError by a module in C, or leave a module
    that is read in part to those who say what is kept. Where it is lost all the same, as in a finaliser, it is raised
    once more. Whatever error it leads to is told as what it was.
    """
    usual, usual_hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    if not callable(usual):  # Ctrl-C is ignored here, as by nohup
        yield
        return
    ours = _CtrlC()
    signal.signal(signal.SIGINT, ours.come)
    sys.unraisablehook = ours.unraisable
    threading.Thread(target=ours.repeat, daemon=True).start()
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if not ours.came:
            raise
        say("fail2progress: stopped")
        raise SystemExit(STOPPED) from error
    finally:
        ours.again.put(False)
        signal.signal(signal.SIGINT, usual)
        sys.unraisablehook = usual_hook


class _CtrlC:
    """Whether it came, and the thread that brings it once more."""

    def __init__(self) -> None:
        self.came = False
        self.again: SimpleQueue[bool] = SimpleQueue()
        """True: it has to be raised once more; False: the command is over. May be written to within a signal handler."""

    def come(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        self.came = True
        if _reads_a_module(frame):
            self.again.put(True)
        else:
            raise KeyboardInterrupt

    def unraisable(self, lost: Any) -> None:
        """Of what Python cannot raise, only what is not Ctrl-C is printed."""
        if lost.exc_type is not None and issubclass(lost.exc_type, KeyboardInterrupt):
            self.again.put(True)
        else:
            sys.__unraisablehook__(lost)

    def repeat(self) -> None:
        """The thread's work."""
        while self.again.get():
            time.sleep(AGAIN)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _reads_a_module(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _READING:
            return True
        frame = frame.f_back
    return False
