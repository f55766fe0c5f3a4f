"""What the tests of the stack share."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from fail2progress.ros.launch.starting import Running
from fail2progress.ros.launch.supervisor import shared_memory_of


class Separate:
    """Starts each process of a supervisor by itself."""

    failure = ""

    def start(self, name: str, words: list[str], variables: Mapping[str, str], out: IO[Any], log: IO[Any]) -> Running:
        return subprocess.Popen(
            words, env=dict(variables), stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True
        )

    def close(self) -> None:
        pass


def leftovers(folder: Path) -> list[str]:
    """Command lines of processes that still work in a folder."""
    found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
    return [line for line in found if str(folder) in line and "fail2progress" in line]


class SharedMemoryWatch(threading.Thread):
    """Notes which shared memory the processes that work in a folder use, until it is stopped."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = str(folder)
        self.used: set[str] = set()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.5):
            for process in Path("/proc").glob("[0-9]*"):
                if self.folder in _words(process):
                    self.used |= shared_memory_of(process)

    def __enter__(self) -> "SharedMemoryWatch":
        self.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._ended.set()
        self.join()


def _words(process: Path) -> str:
    """The command line of a process; nothing where it has ended."""
    try:
        return (process / "cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


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
