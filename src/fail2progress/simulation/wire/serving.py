"""The worker's side of the protocol: answers requests with a simulator that takes records. Python 3.8 and numpy alone.

A `Record` is the serial form of a job, an outcome or a snapshot: a JSON object and arrays by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from fail2progress.simulation.wire.frames import VERSION, Frame, ProtocolError, read_frame, write_frame


class Record(NamedTuple):
    """A JSON object and arrays by name."""

    header: dict[str, Any]
    arrays: dict[str, Any]


PHYSICS = "physics"
"""Reason of a refusal: friction, weight, centres of mass or restitution are other than ordinary, and the worker knows no such."""


FAULT = "fault"
"""Reason of a refusal: nothing is wrong with the job; the simulator failed, or what it gave is no outcome."""


class Refused(ValueError):
    """A job that cannot be done: the client gets the message and, where it is a known one, the reason; the worker goes on."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Worker:
    """What serves: base of workers. Each has its own `execute` and `settle`; one without them is a mistake of its author."""

    name = ""
    batch = 1
    """Jobs that it would have at once."""
    tracks = False
    """Whether jobs shall bring their skill's set-points along."""
    physics = False
    """Whether friction, weight, centres of mass and restitution can be other than ordinary."""
    skills: tuple[str, ...] = ()
    """The skills that it executes; empty: all."""

    def execute(self, jobs: list[Record]) -> Iterator[tuple[int, Record]]:
        """Outcomes as they come, each with the number of its job; Refused for the job whose turn it is."""
        raise NotImplementedError  # each worker has its own, see above

    def settle(self, scene: Record) -> Record:
        """The snapshot of a scene at rest."""
        raise NotImplementedError  # as above


def serve(worker: Worker, reader: BinaryIO, writer: BinaryIO) -> None:
    """Answer requests until the stream ends. ProtocolError for anything else; the other side gets the reason first."""
    try:
        for request in _requests(reader):
            for answer in _answers(worker, request):
                write_frame(writer, answer)
    except ProtocolError as error:
        write_frame(writer, Frame("error", {"message": str(error)}, {}))
        raise
    except BrokenPipeError:
        return  # the client is gone, and with it the need for answers


def _requests(reader: BinaryIO) -> Iterator[Frame]:
    while True:
        frame = read_frame(reader)
        if frame is None:
            return
        yield frame


def _answers(worker: Worker, request: Frame) -> Iterable[Frame]:
    if request.kind == "hello":
        about = {"protocol": VERSION, "simulator": worker.name, "batch": worker.batch, "tracks": worker.tracks}
        return [Frame("hello", dict(about, physics=worker.physics, skills=list(worker.skills)), {})]
    if request.kind == "execute":
        return _execute(worker, _split(request))
    if request.kind == "settle":
        return _settle(worker, request)
    raise ProtocolError(f"unknown request {request.kind!r}; known: hello, execute, settle")


def _execute(worker: Worker, jobs: list[Record]) -> Iterator[Frame]:
    """An outcome or a refusal for every job, in any order; a refused job ends the work on none of the others."""
    left = list(range(len(jobs)))
    while left:
        asked, done = list(left), 0
        try:
            for number, record in worker.execute([jobs[i] for i in asked]):
                left.remove(asked[number])
                done += 1
                yield Frame("outcome", dict(record.header, index=asked[number]), record.arrays)
        except Refused as error:
            yield Frame("refused", {"index": left[0], "message": str(error), "reason": error.reason}, {})
            left.pop(0)
        else:
            if left:
                raise ProtocolError(f"the simulator did {done} of {len(asked)} jobs")


def _settle(worker: Worker, request: Frame) -> Iterator[Frame]:
    try:
        record = worker.settle(Record(request.header, request.arrays))
    except Refused as error:
        yield Frame("refused", {"index": 0, "message": str(error), "reason": error.reason}, {})
    else:
        yield Frame("snapshot", record.header, record.arrays)


def _split(request: Frame) -> list[Record]:
    """The jobs of a request: array `3/poses` belongs to job 3."""
    headers = request.header.get("jobs")
    if not isinstance(headers, list) or not all(isinstance(header, dict) for header in headers):
        raise ProtocolError("a request to execute must hold a list of jobs")
    records = [Record(header, {}) for header in headers]
    for name, array in request.arrays.items():
        number, slash, own = name.partition("/")
        if not slash or not number.isdigit() or len(number) > 9 or int(number) >= len(records):
            raise ProtocolError(f"array {name!r} belongs to no job")
        records[int(number)].arrays[own] = array
    return records


def join(records: list[Record]) -> Frame:
    """A request to execute jobs."""
    arrays = {f"{i}/{name}": array for i, record in enumerate(records) for name, array in record.arrays.items()}
    return Frame("execute", {"jobs": [record.header for record in records]}, arrays)


def own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for frames alone: what libraries print goes to standard error from now on."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    sys.stdout.flush()
    os.dup2(2, 1)
    return reader, writer
