"""Never ten seconds of nothing: what the console script says of itself before anything else is read, and in every silence."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TextIO

FIRST = 1.2
"""Seconds after which a command that has said nothing yet says that it begins."""
SILENCE = 8.0
"""Seconds of silence after which it says that it is still at work."""


def clock(seconds: float) -> str:
    """Hours, minutes and seconds as the bars have them."""
    return str(timedelta(seconds=int(seconds)))


class _Heard:
    """A text stream that remembers when something was written to it last."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.last = stream, time.monotonic()
        self.spoke = False

    def write(self, text: str) -> int:
        self.last, self.spoke = time.monotonic(), True
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def never_silent(first: float = FIRST, silence: float = SILENCE) -> Iterator[None]:
    """Standard error says soon that a command has begun, and after every silence that it is still at work."""
    if sys.stderr is None:  # it was closed from the first
        yield
        return
    began, over, real = time.monotonic(), threading.Event(), sys.stderr
    heard = _Heard(real)

    def watch() -> None:
        while not over.wait(0.1):
            now = time.monotonic()
            if now - heard.last > (silence if heard.spoke else first):
                try:
                    heard.write(f"still at work, {clock(now - began)}\n" if heard.spoke else "loading\n")
                    heard.flush()
                except OSError:  # nobody can hear it
                    return

    sys.stderr = heard
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        sys.stderr = real
