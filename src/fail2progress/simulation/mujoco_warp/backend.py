"""The MuJoCo Warp backend: physics of many scenes at once; contacts and clouds by MuJoCo at the poses that come out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence

import mujoco
import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.relations import DEFAULT, Thresholds, ground_truth
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot, refuse_impossible
from fail2progress.simulation.looking import look
from fail2progress.simulation.mujoco.bodies import compile_scene, touching
from fail2progress.simulation.mujoco_warp.batch import Batch
from fail2progress.simulation.mujoco_warp.padding import sort_key
from fail2progress.simulation.track import record

_FIRST, _LAST = 0.6, 1.6
"""Seconds in which everything comes to rest before and after the skill."""
_STILL = 0.03
"""Metres by which a scene at rest may settle before the skill."""


class MujocoWarpSimulator(Simulator):
    """Takes jobs by the hundred: those whose drawers are in the same places are stepped together."""

    def __init__(self, batch: int, thresholds: Thresholds = DEFAULT) -> None:
        self.batch = batch
        self.thresholds = thresholds

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        return next(self.execute_all([job]))

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """See Simulator.execute_all. A job that cannot be done ends the work where its turn is."""
        source = iter(jobs)
        while chunk := list(itertools.islice(source, self.batch)):
            possible = list(itertools.takewhile(_possible, chunk))
            yield from self._execute(possible)
            if len(possible) < len(chunk):
                refuse_impossible(chunk[len(possible)])

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        batch = Batch([scene], [None])
        batch.step(_LAST)
        return self._look(batch.read()[0], camera, np.random.default_rng(seed))[0]

    def _execute(self, jobs: Sequence[Job]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        order = sorted(range(len(jobs)), key=lambda i: sort_key(jobs[i].scene))
        for _, group in itertools.groupby(order, key=lambda i: sort_key(jobs[i].scene)):
            rows = list(group)
            outcomes.update(zip(rows, self._together([jobs[i] for i in rows]), strict=True))
        return [outcomes[i] for i in range(len(jobs))]

    def _together(self, jobs: Sequence[Job]) -> list[Outcome]:
        start = time.perf_counter()
        batch = Batch([job.scene for job in jobs], [record(job) for job in jobs])
        batch.step(_FIRST)
        before = batch.read()
        batch.play()
        batch.step(_LAST)
        after = batch.read()
        spent = {"stepping": batch.stepping / len(jobs), "total": (time.perf_counter() - start) / len(jobs)}
        return [self._outcome(*item, spent) for item in zip(jobs, before, after, strict=True)]

    def _outcome(self, job: Job, before: Scene, after: Scene, spent: dict[str, float]) -> Outcome:
        start = time.perf_counter()
        rng = np.random.default_rng(job.seed)
        (first, looking), (last, looking_again) = (self._look(scene, job.camera, rng) for scene in (before, after))
        still = np.abs(before.poses[:, :3] - job.scene.poses[:, :3]).max(initial=0.0) < _STILL
        seconds = {**spent, "rays": looking + looking_again, "total": spent["total"] + time.perf_counter() - start}
        return Outcome(job.call, first, last, seconds, stable=bool(still and (before.poses[:, 2] > 0.0).all()))

    def _look(self, scene: Scene, camera: Camera, rng: np.random.Generator) -> tuple[Snapshot, float]:
        """Contacts and rays at the poses, and the seconds of the rays."""
        bodies = compile_scene(scene)
        mujoco.mj_forward(bodies.model, bodies.data)
        relations = ground_truth(scene, touching(bodies, len(scene), self.thresholds.contact), self.thresholds)
        cloud, seconds = look(bodies.cast, scene, camera, rng)
        return Snapshot(scene, relations, cloud), seconds


def _possible(job: Job) -> bool:
    try:
        refuse_impossible(job)
    except ValueError:
        return False
    return True
