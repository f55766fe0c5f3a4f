import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from support import events

PROGRAM = Path(events.__file__)
SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture(scope="session")
def make_event() -> Callable[..., FailureEvent]:
    """Builds the event of a seed."""
    made: Callable[..., FailureEvent] = events.make_event
    return made


@pytest.fixture
def store(tmp_path: Path) -> FailureStore:
    return FailureStore(tmp_path / "failures.db")


@pytest.fixture
def start_adding() -> Callable[[Path, int, int], "subprocess.Popen[str]"]:
    """Starts a process that adds the events of a range of seeds once it is sent a line."""

    def start(path: Path, first: int, last: int) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(path), str(first), str(last)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return process

    return start
