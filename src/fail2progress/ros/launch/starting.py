"""How a supervisor starts processes: forked from one that has imported everything. Imports no ROS."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from fail2progress.core.children import module_command

SERVER = "fail2progress.ros.fork_server"
ENDING = 2.0
"""Seconds that a fork server has to end once nobody asks it for anything."""
_LAST_WORDS = 3
"""Lines of its log that are told where it cannot start."""


def how_ended(code: int) -> str:
    """The end of a process, by its exit code or, negative, its signal."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):  # most real-time signals have no name
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"


class Running(Protocol):
    """A process that was started, the head of a session of its own."""

    @property
    def pid(self) -> int | None:
        """Its number; None as long as it has none yet."""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""


class Starter(Protocol):
    """Starts the processes of nodes."""

    @property
    def failure(self) -> str:
        """Why it cannot start anything, now or later; empty as long as it can."""

    def start(self, name: str, words: list[str], variables: Mapping[str, str], out: IO[Any], log: IO[Any]) -> Running:
        """A process for a node, by its command line, with files for standard output and standard error."""

    def close(self) -> None:
        """No more is started, and all that was started has ended."""


@dataclass
class Forked:
    """A process that a fork server was asked for."""

    server: ForkServer
    process: int | None = None
    code: int | None = None

    @property
    def pid(self) -> int | None:
        """See Running."""
        self.server.hear()
        return self.process

    def poll(self) -> int | None:
        """See Running."""
        self.server.hear()
        return self.code


@dataclass
class ForkServer:
    """Processes forked from one that has imported what all these nodes need: less memory, and a quicker start.

    folder: of the run, shown in the list of processes; its `log` gets what the server says. A server that has died is started
    again with the next process that is asked for; its nodes have ended with it. One that has ended before a node began would
    again: `failure` says so from then on, and nothing more is started.
    """

    folder: Path
    names: tuple[str, ...]
    asked: list[Forked] = field(default_factory=list)
    failure: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _link: socket.socket | None = None
    _popen: subprocess.Popen[bytes] | None = None
    _first: int = 0
    """Number of the first process that the server was asked for."""
    _said_before: int = 0
    """Bytes of its log that earlier ones have written."""

    @property
    def _log(self) -> Path:
        return self.folder / "log" / "fork_server.log"

    def start(self, name: str, words: list[str], variables: Mapping[str, str], out: IO[Any], log: IO[Any]) -> Running:
        """See Starter. words: as on a command line, `python -m fail2progress.ros NAME ...`."""
        with self._lock:
            self.hear()
            found = Forked(self)
            if self.failure:
                found.code = -int(signal.SIGKILL)
                return found
            link = self._link or self._begin(variables)
            request = {"number": len(self.asked), "name": name, "words": words[words.index(name) :]}
            self.asked.append(found)
            try:
                socket.send_fds(link, [json.dumps(request).encode()], [out.fileno(), log.fileno()])
            except OSError:
                self._lost()
            return found

    def _begin(self, variables: Mapping[str, str]) -> socket.socket:
        self._link, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = module_command(SERVER, str(other.fileno()))
        with other, self._log.open("a") as log:
            self._first, self._said_before = len(self.asked), log.tell()
            self._popen = subprocess.Popen(
                [*words, str(self.folder), *self.names],
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        return self._link

    def hear(self) -> None:
        """What the server has told since: processes that have begun or ended, or that it has gone itself."""
        with self._lock:
            while self._link is not None:
                try:
                    data = self._link.recv(1 << 16, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                except ConnectionResetError:
                    continue  # it went with a request unread; what it told before is still to be read, then comes the end
                except OSError:
                    data = b""
                if not data:
                    self._lost()
                    return
                self._take(json.loads(data))

    def _take(self, told: dict[str, int]) -> None:
        if "process" in told:
            self.asked[told["number"]].process = told["process"]
            return
        for forked in self.asked:
            if forked.process == told["ended"] and forked.code is None:
                forked.code = told["code"]

    def _lost(self) -> None:
        """The server has ended: its nodes end by themselves, and how cannot be heard any more."""
        if not any(forked.process is not None for forked in self.asked[self._first :]):
            self.failure = self._why()
        self._end()
        for forked in self.asked:
            if forked.code is None:
                forked.code = -int(signal.SIGKILL)

    def _why(self) -> str:
        """How a server ended before a node began, and what it said last."""
        how = "it closed its connection"
        if self._popen is not None:
            with suppress(subprocess.TimeoutExpired):
                how = how_ended(self._popen.wait(ENDING))
        with self._log.open("rb") as log:
            log.seek(self._said_before)
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        said = " | ".join(lines[-_LAST_WORDS:]) or "it said nothing"
        return f"no node can be started: the process that they are forked from has ended ({how}): {said}; see {self._log}"

    def close(self) -> None:
        """See Starter."""
        with self._lock:
            self.hear()
            self._end()

    def _end(self) -> None:
        if self._link is not None:
            self._link.close()
        if self._popen is not None:
            self._popen.terminate()
            try:
                self._popen.wait(ENDING)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
        self._link = self._popen = None
