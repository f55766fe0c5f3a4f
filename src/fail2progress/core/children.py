"""Further Python processes, which import nothing from the folder that a user happens to work in.

Python looks there first: a lab's random.py, or a folder that is called as a package is, would take the place of what they need.
What is installed, or lies in a folder of PYTHONPATH, they find as the command does that starts them.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_SAFE_PATH = "PYTHONSAFEPATH"
"""Variable of Python 3.11 and up: not to look in the working folder."""
_LEAVE_OUT = "import sys; sys.path[:] = [folder for folder in sys.path if folder]; "
_RUN = "import runpy; del sys.argv[0]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"


def module_command(name: str, *words: str, python: str = "") -> tuple[str, ...]:
    """The command that runs a module, as `python -m NAME WORDS...` does.

    python: an interpreter of any version; "": the one of this process.
    """
    if not python and sys.version_info >= (3, 11):
        return sys.executable, "-P", "-m", name, *words
    return python or sys.executable, "-c", _LEAVE_OUT + _RUN, name, *words


def program_command(text: str, python: str = "") -> tuple[str, ...]:
    """The command that runs a program text, as `python -c TEXT` does; python: see module_command."""
    return python or sys.executable, "-c", _LEAVE_OUT + text


@dataclass
class Meanwhile:
    """A variable of the environment for processes that are started meanwhile. Of threads that do so at the same time the first
    one sets it, the last one gives back what it was. unless_set: what a user has set stays."""

    name: str
    value: str
    unless_set: bool = False
    under_way: int = 0
    before: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def set(self) -> Iterator[str | None]:
        """Given is what it was before."""
        with self.lock:
            if not self.under_way:
                self.before = os.environ.get(self.name)
                if not (self.unless_set and self.before is not None):
                    os.environ[self.name] = self.value
            self.under_way += 1
            before = self.before
        try:
            yield before
        finally:
            with self.lock:
                self.under_way -= 1
                if not self.under_way:
                    _give_back(self.name, self.before)


_STARTS = Meanwhile(_SAFE_PATH, "1")


@contextmanager
def safe_imports() -> Iterator[str | None]:
    """The same of processes that multiprocessing starts meanwhile, where Python is 3.11 or later; an earlier one has no word for
    it. They hand on what they were started with: the value that the variable had before is given, for `give_back`."""
    with _STARTS.set() as before:
        yield before


def give_back(before: str | None) -> None:
    """Let programs of users, whose modules lie beside them, be started from here as from the process that started this one."""
    _give_back(_SAFE_PATH, before)


def _give_back(name: str, before: str | None) -> None:
    if before is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = before
