"""A simulator in other processes: jobs are spread over workers; what a lost worker had not answered is done again."""

from __future__ import annotations

import itertools
import queue
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from fail2progress.core.camera import Camera
from fail2progress.core.relations import DEFAULT, Thresholds
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, OrdinaryPhysicsError, Outcome, Simulator, Snapshot, refuse_empty, refuse_impossible
from fail2progress.simulation.registry import SimulatorError
from fail2progress.simulation.track import record
from fail2progress.simulation.wire.connection import Connection, LostError
from fail2progress.simulation.wire.frames import Frame, ProtocolError
from fail2progress.simulation.wire.records import job_record, look_record, read_outcome, read_snapshot
from fail2progress.simulation.wire.serving import FAULT, PHYSICS, Record, join
from fail2progress.simulation.worker.options import WorkerOptions

Answer = Outcome | ValueError
"""What a worker says to a job: its outcome, or why it refuses."""


class WorkerSimulator(Simulator):
    """Asks workers. They are started when they are needed, and again when they are lost."""

    def __init__(self, options: WorkerOptions, thresholds: Thresholds = DEFAULT) -> None:
        self.options = options
        self.thresholds = thresholds
        self._idle: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(options.workers):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(options.workers, thread_name_prefix="worker")
        self._batch = options.batch

    @property
    def batch(self) -> int:
        """Jobs in a request: what the options say, else what the workers ask for."""
        if not self._batch:
            asked = self._hello().get("batch")
            self._batch = max(1, min(asked, 65536)) if isinstance(asked, int) else 1
        return self._batch

    @property
    def physics(self) -> bool:
        """Whether the workers say that friction, weight, centres of mass and restitution can be other than ordinary."""
        return _varies(self._hello())

    def _hello(self) -> dict[str, object]:
        """What a worker says of itself."""
        attempt = 0
        while True:
            try:
                with self._borrow() as connection:
                    return connection.hello
            except LostError as error:
                attempt += 1
                self._give_up(attempt, error)

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute. ValueError where the worker refuses the job, SimulatorError where it fails."""
        return _outcome(self._ask([job])[0])

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Outcomes in the order of the jobs; two requests per worker are under way. Closing it drops those not begun."""
        source, pending = iter(jobs), deque[Future[list[Answer]]]()
        try:
            while True:
                while len(pending) < 2 * self.options.workers and (some := list(itertools.islice(source, self.batch))):
                    pending.append(self._threads.submit(self._ask, some))
                if not pending:
                    return
                yield from map(_outcome, pending.popleft().result())
        finally:
            for future in pending:
                future.cancel()

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        refuse_empty(scene)
        request = Frame("settle", *look_record(scene, camera, seed))
        for attempt in itertools.count(1):
            try:
                with self._borrow() as connection:
                    answer = connection.ask(request, ("snapshot", "refused"), self.options.patience)
                    if answer.kind == "snapshot":
                        return read_snapshot(Record(answer.header, answer.arrays), scene, camera, seed, self.thresholds)
                raise _refused(answer)
            except LostError as error:
                self._give_up(attempt, error)
        raise AssertionError("the attempts are counted above")

    def close(self) -> None:
        """See Simulator.close."""
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            connection = self._idle.get()
            if connection is not None:
                connection.close()

    def processes(self) -> list[int]:
        """The workers' process ids, of those that are started and idle."""
        with self._idle.mutex:
            return [c.pid for c in self._idle.queue if c is not None and c.pid is not None]

    def _ask(self, jobs: list[Job]) -> list[Answer]:
        """Answers to all jobs. A job whose answer was read is not sent again, one whose worker was lost before is."""
        answers: dict[int, Answer] = {i: error for i, job in enumerate(jobs) if (error := _impossible(job)) is not None}
        attempt = 0
        while len(answers) < len(jobs):
            before = len(answers)
            try:
                with self._borrow() as connection:
                    self._exchange(connection, jobs, answers)
            except LostError as error:
                attempt = attempt + 1 if len(answers) == before else 1
                self._give_up(attempt, error)
        return [answers[i] for i in range(len(jobs))]

    def _exchange(self, connection: Connection, jobs: list[Job], answers: dict[int, Answer]) -> None:
        """Send the jobs without an answer and read one for each. What has no set-points is not sent where these are asked for."""
        tracks = bool(connection.hello.get("tracks"))
        records = {i: _recorded(job, tracks) for i, job in enumerate(jobs) if i not in answers}
        answers.update({i: found for i, found in records.items() if isinstance(found, ValueError)})
        wanted = [i for i in records if i not in answers]
        if wanted:
            connection.send(join([found for found in records.values() if isinstance(found, Record)]), self.options.patience)
        for _ in wanted:
            answer = connection.answer(("outcome", "refused"), self.options.patience)
            index = answer.header.get("index")
            if type(index) is not int or not 0 <= index < len(wanted) or wanted[index] in answers:
                raise ProtocolError(f"an answer to job {index!r} of {len(wanted)}, which was not asked or is answered")
            answers[wanted[index]] = self._read(answer, jobs[wanted[index]], _varies(connection.hello))

    def _read(self, answer: Frame, job: Job, varies: bool) -> Answer:
        """varies: see `physics`; of a worker without, another physics is reason enough."""
        if answer.kind == "refused":
            other = answer.header.get("reason") == PHYSICS or (job.disturbances.in_contact and not varies)
            return OrdinaryPhysicsError(_message(answer)) if other else _refused(answer)
        return read_outcome(Record(answer.header, answer.arrays), job, self.thresholds)

    @contextmanager
    def _borrow(self) -> Iterator[Connection]:
        """A worker for one exchange. One that was lost or broke the protocol is let go; the next exchange starts another."""
        connection = self._idle.get()
        whole = False
        try:
            if connection is None:
                connection = Connection(self.options.command, self.options.place, self.options.patience, self.options.path)
            yield connection
            whole = True
        except ProtocolError as error:
            raise SimulatorError(f"worker {self._place}: {error}") from error
        finally:
            if not whole and connection is not None:
                connection.close()
            self._idle.put(connection if whole else None)

    def _give_up(self, attempt: int, error: LostError) -> None:
        if attempt >= self.options.attempts:
            raise SimulatorError(f"worker {self._place} was lost {attempt} times at the same work: {error}") from error

    @property
    def _place(self) -> str:
        """What to call the worker in messages."""
        return repr(self.options.address or " ".join(self.options.command))


def _impossible(job: Job) -> ValueError | None:
    """What need not be sent: a worker may know neither skills nor names."""
    try:
        refuse_impossible(job)
    except ValueError as error:
        return error
    return None


def _recorded(job: Job, tracks: bool) -> Record | ValueError:
    """The serial form of a job, or why it has no set-points."""
    try:
        return job_record(job, record(job) if tracks else None)
    except ValueError as error:
        return error


def _outcome(answer: Answer) -> Outcome:
    if isinstance(answer, ValueError):
        raise answer
    return answer


def _varies(hello: Mapping[str, object]) -> bool:
    return hello.get("physics") is True


def _refused(answer: Frame) -> ValueError:
    """SimulatorError where the worker says that its simulator failed."""
    return (SimulatorError if answer.header.get("reason") == FAULT else ValueError)(_message(answer))


def _message(answer: Frame) -> str:
    return str(answer.header.get("message", "refused without a reason"))
