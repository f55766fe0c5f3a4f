"""Batches of executions over local processes, in order, with the workers' state kept between jobs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from types import TracebackType

from fail2progress.core.camera import Camera
from fail2progress.core.executor import start_pool
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot
from fail2progress.simulation.mujoco.backend import MujocoSimulator

_WORKER = MujocoSimulator()


def _execute(job: Job) -> Outcome:
    return _WORKER.execute(job)


class ParallelSimulator(Simulator):
    """MuJoCo on all cores; use as a context manager. One process runs in place, without workers."""

    def __init__(self, processes: int | None = None) -> None:
        self.processes = processes or len(os.sched_getaffinity(0))
        self._pool = start_pool(self.processes) if self.processes > 1 else None

    def __enter__(self) -> ParallelSimulator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        return _execute(job)

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        return _WORKER.settle(scene, camera, seed)

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Outcomes in the order of the jobs."""
        if self._pool is None:
            return map(_execute, jobs)
        return self._pool.imap(_execute, jobs, chunksize=2)
