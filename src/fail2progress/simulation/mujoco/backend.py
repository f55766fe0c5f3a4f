"""The MuJoCo backend: runs everywhere, on the CPU."""

from __future__ import annotations

import time

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.relations import DEFAULT, Thresholds, ground_truth
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot, refuse_impossible
from fail2progress.simulation.looking import look
from fail2progress.simulation.mujoco.bodies import compile_scene, read_scene, touching
from fail2progress.simulation.mujoco.hand import Running
from fail2progress.skills.programs import FLOATING_HAND, HandProgram
from fail2progress.skills.registry import skill


class MujocoSimulator(Simulator):
    """Executes one skill call in one scene at a time; a batch is spread over processes by `simulation.parallel`."""

    def __init__(self, thresholds: Thresholds = DEFAULT) -> None:
        self.thresholds = thresholds

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        start = time.perf_counter()
        rng = np.random.default_rng(job.seed)
        index = refuse_impossible(job)
        program: HandProgram = skill(job.call.skill).program(FLOATING_HAND)
        wrong = job.disturbances
        equipment = program.equip(job.scene, job.call)
        bodies = compile_scene(job.scene, equipment, weight=wrong.weight, surface=wrong.surface)
        run = Running(bodies, job.scene, disturbances=wrong, adjustments=job.adjustments, rng=rng)
        run.settle(at_most=0.6)
        before, looking = self._snapshot(run, job.camera, rng)
        run.scene = before.scene
        program.run(run, job.call)
        run.settle()
        if job.disturbances.bump and rng.random() < job.disturbances.bump:
            run.bump(index)
            run.settle()
        after, looking_again = self._snapshot(run, job.camera, rng)
        still = np.abs(before.scene.poses[:, :3] - job.scene.poses[:, :3]).max(initial=0.0) < 0.03
        supported = bool(still and (before.scene.poses[:, 2] > 0.0).all() and index >= 0)
        seconds = {"stepping": run.stepping, "rays": looking + looking_again, "total": time.perf_counter() - start}
        seconds["simulated"] = float(bodies.data.time)
        return Outcome(job.call, before, after, seconds, stable=supported)

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        run = Running(compile_scene(scene), scene)
        run.settle()
        return self._snapshot(run, camera, np.random.default_rng(seed))[0]

    def _snapshot(self, run: Running, camera: Camera, rng: np.random.Generator) -> tuple[Snapshot, float]:
        scene = read_scene(run.bodies, run.scene)
        relations = ground_truth(scene, touching(run.bodies, len(scene), self.thresholds.contact), self.thresholds)
        cloud, seconds = look(run.bodies.cast, scene, camera, rng)
        return Snapshot(scene, relations, cloud), seconds
