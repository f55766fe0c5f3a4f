"""What is said to people on standard error, which may be closed or full: the work goes on."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO


def say_line(message: str) -> None:
    """A line on standard error, whole, beside other threads. Where nothing can be written there, the work goes on, and the exit
    code is that of its end; BrokenPipeError where nobody reads it any more."""
    if sys.stderr is None:  # it was closed from the first
        return
    try:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        raise
    except OSError:
        let_go(sys.stderr)


def let_go(stream: TextIO) -> None:
    """What a stream that cannot be written still holds goes nowhere, so that Python does not stumble over it at its end, which
    would be another exit code."""
    with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
