"""What the tests of the stack share."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def leftovers(folder: Path) -> list[str]:
    """Command lines of processes that still work in a folder."""
    found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
    return [line for line in found if str(folder) in line and "fail2progress" in line]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "fail2progress.cli", *words]


def spoken(text: str) -> list[str]:
    """What a command said, without what it says only where the computer is busy."""
    return [line for line in text.splitlines() if not line.startswith(("loading", "still at work"))]


def wait_until(condition: Callable[[], object], seconds: float = 180.0) -> None:
    """Return once a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def running(group: int) -> list[str]:
    """Processes of a group that are not finished."""
    return [words for _, words in _listed(group)]


def members(group: int) -> list[int]:
    """Numbers of the processes of a group that are not finished."""
    return [number for number, _ in _listed(group)]


def _listed(group: int) -> list[tuple[int, str]]:
    listed = subprocess.run(["ps", "-eo", "pgid=,pid=,stat=,args="], text=True, capture_output=True, check=True).stdout
    rows = [line.split(None, 3) for line in listed.splitlines()]
    return [(int(row[1]), " ".join(row[3:])) for row in rows if row[0] == str(group) and not row[2].startswith("Z")]
