"""Any registered simulator over local processes, in order: its own workers where it has none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from fail2progress.core.camera import Camera
from fail2progress.core.children import module_command
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot
from fail2progress.simulation.registry import DEFAULT, resolve
from fail2progress.simulation.worker.client import WorkerSimulator
from fail2progress.simulation.worker.options import WorkerOptions


def serving(choice: str) -> tuple[str, ...]:
    """The command of a worker that serves a simulator of this package on its standard streams."""
    return module_command("fail2progress.simulation.worker", choice)


class ParallelSimulator(Simulator):
    """A simulator on all cores; use as a context manager. Single jobs, and all where one process is wanted, run in place.

    A simulator that has processes of its own, or that takes many scenes at once, is used as it is.
    """

    def __init__(self, processes: int | None = None, choice: str = DEFAULT) -> None:
        entry, options = resolve(choice)
        alone = entry.capabilities.own_processes or entry.capabilities.batch > 1
        self.processes = 1 if alone else processes or len(os.sched_getaffinity(0))
        self._here = entry.made(options)
        self._workers: WorkerSimulator | None = None
        if self.processes > 1:
            self._workers = WorkerSimulator(WorkerOptions(command=serving(choice), workers=self.processes, batch=2))

    def __enter__(self) -> ParallelSimulator:
        return self

    def close(self) -> None:
        """See Simulator.close."""
        self._here.close()
        if self._workers is not None:
            self._workers.close()

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        return self._here.execute(job)

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        return self._here.settle(scene, camera, seed)

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """See Simulator.execute_all."""
        return (self._workers or self._here).execute_all(jobs)
