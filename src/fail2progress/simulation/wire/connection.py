"""The client's side of one worker: a process that is started, or a socket that is connected to."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from fail2progress.simulation.registry import SimulatorError
from fail2progress.simulation.wire.frames import VERSION, Frame, ProtocolError, read_frame, write_frame

_DEPTH = "FAIL2PROGRESS_WORKERS_ABOVE"
"""Variable of a worker's environment: how many workers it is started by, one by the other."""
_DEEPEST = 2
"""A worker may serve another one, of another Python, say; one that serves itself would go on for ever."""
_LEAVING = 10.0
"""Seconds in which a worker that has closed its output ends by itself."""


class LostError(Exception):
    """The worker ended, or did not answer in time: what it was asked for has to be asked for again."""


class Connection:
    """A worker that has said hello. Not for several threads at once."""

    def __init__(
        self, command: Sequence[str], address: tuple[str, int] | None, patience: float, path: Sequence[str] = ()
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the connection)
        try:
            self._reader, self._writer = self._connect(address) if address else self._start(command, path)
            self.hello = self.ask(Frame("hello", {"protocol": VERSION}, {}), ("hello",), patience).header
        except LostError as error:
            code = self._process.poll() if self._process is not None else None
            self.close()
            if code is not None and code > 0:  # it ended by itself: it would again
                raise SimulatorError(f"the worker {' '.join(command)!r} did not start: {error}") from error
            raise
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Of the worker's process, where it was started here."""
        return self._process.pid if self._process is not None else None

    def _start(self, command: Sequence[str], path: Sequence[str]) -> tuple[IO[bytes], IO[bytes]]:
        """In a session of its own, so that Ctrl-C reaches the client alone; it ends with its standard input."""
        said = os.environ.get(_DEPTH, "0")
        if not said.isdecimal():
            raise SimulatorError(f"{_DEPTH}={said}: a number that workers set themselves; unset it")
        above = int(said)
        if above >= _DEEPEST:
            raise SimulatorError(f"the worker {' '.join(command)!r} serves a worker that serves a worker: does it serve itself?")
        found = path or ([entry for entry in sys.path if entry] if command[0] == sys.executable else ())
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,
                env={**os.environ, _DEPTH: str(above + 1), **({"PYTHONPATH": os.pathsep.join(found)} if found else {})},
            )
        except OSError as error:
            raise SimulatorError(f"the worker {command[0]!r} cannot be started: {error.strerror}") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        return self._process.stdout, self._process.stdin

    def _connect(self, address: tuple[str, int]) -> tuple[IO[bytes], IO[bytes]]:
        try:
            self._socket = socket.create_connection(address, timeout=10.0)
        except OSError as error:
            raise SimulatorError(f"no worker at {address[0]}:{address[1]}: {error.strerror or error}") from error
        self._socket.settimeout(None)
        return self._socket.makefile("rb"), self._socket.makefile("wb")

    def ask(self, request: Frame, kinds: tuple[str, ...], patience: float) -> Frame:
        """The first answer to a request; LostError where it is not taken, or not answered, within so many seconds each."""
        self.send(request, patience)
        return self.answer(kinds, patience)

    def send(self, request: Frame, patience: float) -> None:
        """LostError where the worker does not read it in time. One that is gone is noticed where its answer is read: it may have
        said why."""
        with self._within(patience) as late, contextlib.suppress(OSError):
            write_frame(self._writer, request)  # type: ignore[arg-type]
        if late.is_set():
            raise LostError(f"a request was not read in {patience:g} s")

    def answer(self, kinds: tuple[str, ...], patience: float) -> Frame:
        """The next answer, of one of some kinds. LostError where there is none; ProtocolError for anything else."""
        with self._within(patience) as late:
            try:
                frame = read_frame(self._reader)  # type: ignore[arg-type]
            except OSError as error:
                raise LostError(self._ended()) from error
            except ProtocolError as error:
                if late.is_set() or "ends within" in str(error):
                    raise LostError(self._ended()) from error
                raise
        if frame is None:
            raise LostError(f"no answer in {patience:g} s" if late.is_set() else self._ended())
        if frame.kind == "error":
            raise ProtocolError(str(frame.header.get("message")))
        if frame.kind not in kinds:
            raise ProtocolError(f"an answer of the kind {frame.kind!r} where {' or '.join(kinds)} was due")
        return frame

    @contextmanager
    def _within(self, seconds: float) -> Iterator[threading.Event]:
        """A worker that is late is ended."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._end()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
        if self._socket is not None:
            self._shut(self._socket)

    @staticmethod
    def _shut(connection: socket.socket) -> None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # not connected any more

    def _ended(self) -> str:
        """What is known about the end of the worker: its exit code and the last line that it wrote."""
        if self._process is None:
            return "the connection was closed"
        try:
            how = f"exit code {self._process.wait(timeout=_LEAVING)}"
        except subprocess.TimeoutExpired:
            self._process.kill()
            how = f"it closed its output, and had not ended {_LEAVING:g} s later"
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return how + (f": {last[:300]}" if last else "")

    def close(self) -> None:
        """End the worker: its input ends, and it is killed if it does not follow."""
        streams: list[Any] = [getattr(self, "_writer", None), getattr(self, "_reader", None), self._socket]
        if self._process is not None:
            self._process.kill()
        for stream in streams:
            if stream is not None:
                _close(stream)
        if self._process is not None:
            self._process.wait()
        self._said.close()


def _close(stream: Any) -> None:
    try:
        stream.close()
    except OSError:
        return  # what could not be flushed was for a worker that is gone
