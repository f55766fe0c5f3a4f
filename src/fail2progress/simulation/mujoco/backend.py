"""The MuJoCo backend: runs everywhere, on the CPU."""

from __future__ import annotations

import time

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.relations import DEFAULT, Thresholds, ground_truth
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot, refuse_impossible
from fail2progress.simulation.looking import look
from fail2progress.simulation.mujoco.bodies import read_scene, touching
from fail2progress.simulation.mujoco.hand import Running
from fail2progress.simulation.mujoco.templates import Templates
from fail2progress.skills.programs import FLOATING_HAND, HandProgram
from fail2progress.skills.registry import skill

_STILL = 0.03
"""Metres by which a scene at rest may settle before the skill."""


class MujocoSimulator(Simulator):
    """Executes one skill call in one scene at a time; a batch is spread over processes by `simulation.parallel`."""

    def __init__(self, thresholds: Thresholds = DEFAULT) -> None:
        self.thresholds = thresholds
        self._templates = Templates()

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        start = time.perf_counter()
        rng = np.random.default_rng(job.seed)
        refuse_impossible(job)
        program: HandProgram = skill(job.call.skill).program(FLOATING_HAND)
        wrong = job.disturbances
        equipment = program.equip(job.scene, job.call)
        with self._templates.ready(job.scene, equipment, wrong) as bodies:
            run = Running(bodies, job.scene, disturbances=wrong, adjustments=job.adjustments, rng=rng)
            before, after, rays = self._carry_out(run, program, job)
            seconds = {"stepping": run.stepping, "rays": rays, "total": time.perf_counter() - start}
            seconds["simulated"] = float(bodies.data.time)
        still = np.abs(before.scene.poses[:, :3] - job.scene.poses[:, :3]).max(initial=0.0) < _STILL
        return Outcome(job.call, before, after, seconds, stable=bool(still and (before.scene.poses[:, 2] > 0.0).all()))

    def _carry_out(self, run: Running, program: HandProgram, job: Job) -> tuple[Snapshot, Snapshot, float]:
        """What was before and after the skill, and the seconds of casting rays."""
        run.settle(at_most=0.6, every=5, times=2)
        before, looking = self._snapshot(run, job.camera)
        run.scene = before.scene
        program.run(run, job.call)
        run.settle()
        if job.disturbances.bump and run.rng.random() < job.disturbances.bump:
            run.bump(job.scene.index(job.call.object))
            run.settle()
        after, looking_again = self._snapshot(run, job.camera)
        return before, after, looking + looking_again

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        with self._templates.ready(scene) as bodies:
            run = Running(bodies, scene, rng=np.random.default_rng(seed))
            run.settle()
            return self._snapshot(run, camera)[0]

    def _snapshot(self, run: Running, camera: Camera) -> tuple[Snapshot, float]:
        scene = read_scene(run.bodies, run.scene)
        relations = ground_truth(scene, touching(run.bodies, len(scene), self.thresholds.contact), self.thresholds)
        cloud, seconds = look(run.bodies.cast, scene, camera, run.rng)
        return Snapshot(scene, relations, cloud), seconds
