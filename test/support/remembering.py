"""A simulator that carries out each job once: lessons about one failure repeat most of each other's executions."""

from __future__ import annotations

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot
from fail2progress.simulation.wire.records import job_record, look_record
from fail2progress.simulation.wire.serving import Record


class Remembering(Simulator):
    """Another simulator, whose outcomes hang on the job alone. What the wire says of a job is all that there is to it."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._outcomes: dict[str, Outcome] = {}
        self._snapshots: dict[str, Snapshot] = {}

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        key = _said(job_record(job))
        if key not in self._outcomes:
            self._outcomes[key] = self._simulator.execute(job)
        return self._outcomes[key]

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        key = _said(look_record(scene, camera, seed))
        if key not in self._snapshots:
            self._snapshots[key] = self._simulator.settle(scene, camera, seed)
        return self._snapshots[key]


def _said(record: Record) -> str:
    return repr((record.header, {name: (array.shape, array.tobytes()) for name, array in record.arrays.items()}))
