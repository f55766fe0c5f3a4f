"""Serves a registered simulator over the worker protocol: on standard input and output, or to a client of a socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

from fail2progress.core.parts import PartError
from fail2progress.simulation.base import Job, OrdinaryPhysicsError, Simulator
from fail2progress.simulation.registry import make, resolve
from fail2progress.simulation.wire.frames import ProtocolError
from fail2progress.simulation.wire.records import outcome_record, read_job, read_look, snapshot_record
from fail2progress.simulation.wire.serving import FAULT, PHYSICS, Record, Refused, Worker, own_streams, serve


class Host(Worker):
    """A simulator as a worker."""

    def __init__(self, choice: str) -> None:
        entry, _ = resolve(choice)
        self.name = entry.name
        self.batch = entry.capabilities.batch
        self.physics = entry.capabilities.physics
        self.skills = entry.capabilities.skills or ()
        self.simulator: Simulator = make(choice)

    def execute(self, jobs: list[Record]) -> Iterator[tuple[int, Record]]:
        """See Worker. A job that the simulator cannot do, an unknown object for example, is refused."""
        wanted, unreadable = _readable(jobs)
        outcomes = self.simulator.execute_all(wanted)
        for number in range(len(wanted)):
            try:
                outcome = next(outcomes)
            except ValueError as error:
                raise Refused(str(error), _reason(error)) from error
            yield number, outcome_record(outcome)
        if unreadable is not None:
            raise unreadable

    def settle(self, scene: Record) -> Record:
        """See Worker."""
        try:
            return snapshot_record(self.simulator.settle(*read_look(scene)))
        except ValueError as error:
            raise Refused(str(error), _reason(error)) from error


def _reason(error: ValueError) -> str:
    if isinstance(error, PartError):
        return FAULT
    return PHYSICS if isinstance(error, OrdinaryPhysicsError) else ""


def _readable(jobs: list[Record]) -> tuple[list[Job], Refused | None]:
    """The jobs before the first one that cannot be read, and why that cannot. Simulators take jobs ahead of their turn: what is
    said while they do so would be said of another one."""
    found: list[Job] = []
    for job in jobs:
        try:
            found.append(read_job(job))
        except ProtocolError as error:
            return found, Refused(str(error))
    return found, None


def serve_standard_streams(choice: str) -> None:
    """Until standard input ends. RegistryError: no such simulator here; ProtocolError: what came in is no request."""
    reader, writer = own_streams()
    with reader, writer:
        _serve(choice, reader, writer)


def serve_socket(choice: str, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Every connection has a simulator of its own. Ends with KeyboardInterrupt; `ready` is called with the port.

    Whoever can connect can use the simulator: bind it to an address that only they reach.
    """
    resolve(choice)
    with socket.create_server((host, port)) as server:
        ready(server.getsockname()[1])
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve_connection, args=(choice, connection), daemon=True).start()


def _serve_connection(choice: str, connection: socket.socket) -> None:
    """A peer that breaks the protocol or goes away loses its connection; the others do not notice."""
    with (
        connection,
        connection.makefile("rb") as reader,
        connection.makefile("wb") as writer,
        contextlib.suppress(ProtocolError, OSError),
    ):
        _serve(choice, reader, writer)


def _serve(choice: str, reader: BinaryIO, writer: BinaryIO) -> None:
    """With a simulator of its own, whose processes and devices are let go in the end."""
    host = Host(choice)
    with host.simulator:
        serve(host, reader, writer)
