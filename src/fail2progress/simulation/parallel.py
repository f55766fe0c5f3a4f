"""Any registered simulator over local processes, in order, with the workers' state kept between jobs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial

from fail2progress.core.camera import Camera
from fail2progress.core.executor import start_pool
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot
from fail2progress.simulation.registry import DEFAULT, make


@lru_cache(maxsize=4)
def _own(choice: str) -> Simulator:
    """A worker process makes its simulator once."""
    return make(choice)


def _execute(choice: str, job: Job) -> Outcome:
    return _own(choice).execute(job)


class ParallelSimulator(Simulator):
    """A simulator on all cores; use as a context manager. One process runs in place, without workers."""

    def __init__(self, processes: int | None = None, choice: str = DEFAULT) -> None:
        self.processes = processes or len(os.sched_getaffinity(0))
        self._here = make(choice)
        self._choice = choice
        self._pool = start_pool(self.processes) if self.processes > 1 else None

    def close(self) -> None:
        """See Simulator.close."""
        self._here.close()
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        return self._here.execute(job)

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        return self._here.settle(scene, camera, seed)

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Outcomes in the order of the jobs."""
        if self._pool is None:
            return self._here.execute_all(jobs)
        return self._pool.imap(partial(_execute, self._choice), jobs, chunksize=2)
