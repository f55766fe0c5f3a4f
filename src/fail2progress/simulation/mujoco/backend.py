"""The MuJoCo backend: runs everywhere, on the CPU."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import DEFAULT, Mask, Thresholds, ground_truths
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot, refuse_empty, refuse_impossible
from fail2progress.simulation.looking import View, look_all
from fail2progress.simulation.mujoco.bodies import read_scene, touching
from fail2progress.simulation.mujoco.hand import Running
from fail2progress.simulation.mujoco.numbers import Wanted
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.simulation.mujoco.templates import Templates
from fail2progress.simulation.rest import at_rest
from fail2progress.skills.programs import FLOATING_HAND, HandProgram
from fail2progress.skills.registry import skill

TOGETHER = 16
"""Jobs of `execute_all` that go through each stage one right after the other, while the processor has its code at hand."""


class MujocoSimulator(Simulator):
    """Executes one skill call in one scene at a time; a batch is spread over processes by `simulation.parallel`."""

    def __init__(self, thresholds: Thresholds = DEFAULT) -> None:
        self.thresholds = thresholds
        self._templates = Templates()

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        return self._execute([job])[0]

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """See Simulator.execute_all. Jobs are taken some ahead; the outcomes are those of each one alone."""
        source, error = iter(jobs), None
        while error is None:
            group, error = _drawn(source, TOGETHER)
            try:
                yield from self._execute(group)
            except ValueError:  # which comes in its job's turn
                yield from map(self.execute, group)
        if not isinstance(error, StopIteration):
            raise error

    def _execute(self, jobs: Sequence[Job]) -> list[Outcome]:
        if not jobs:
            return []
        begin = time.perf_counter()
        programs = [_program(job) for job in jobs]
        wanted = [
            Wanted(job.scene, program.equip(job.scene, job.call), job.disturbances)
            for job, program in zip(jobs, programs, strict=True)
        ]
        with self._templates.ready_all(wanted) as models:
            executions = [_Execution.of(*one) for one in zip(jobs, programs, models, strict=True)]
            _spent(executions, time.perf_counter() - begin)
            for stage in (_Execution.settle, _Execution.run):
                for one in executions:
                    begin = time.perf_counter()
                    stage(one)
                    one.seconds += time.perf_counter() - begin
                self._see(executions)
            return self._outcomes(executions)

    def _outcomes(self, executions: Sequence[_Execution]) -> list[Outcome]:
        begin = time.perf_counter()
        snapshots = iter(self._snapshots([seen for one in executions for seen in one.seen]))
        _spent(executions, time.perf_counter() - begin)
        return [_outcome(one, next(snapshots), next(snapshots)) for one in executions]

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        refuse_empty(scene)
        with self._templates.ready(scene) as bodies:
            run = Running(bodies, scene, rng=np.random.default_rng(seed))
            run.settle()
            return self._snapshots(self._seen([(run, camera)]))[0]

    def _see(self, executions: Sequence[_Execution]) -> None:
        """All of them look."""
        begin = time.perf_counter()
        for one, seen in zip(executions, self._seen([(one.running, one.job.camera) for one in executions]), strict=True):
            one.seen.append(seen)
        _spent(executions, time.perf_counter() - begin)

    def _seen(self, looks: Sequence[tuple[Running, Camera]]) -> list[_Seen]:
        scenes = [read_scene(run.bodies, run.scene) for run, _ in looks]
        contacts = [touching(run.bodies, len(run.scene), self.thresholds.contact) for run, _ in looks]
        views = [View(run.bodies.cast, scene, camera, run.rng) for (run, camera), scene in zip(looks, scenes, strict=True)]
        return [_Seen(*one, *seen) for one, seen in zip(zip(scenes, contacts, strict=True), look_all(views), strict=True)]

    def _snapshots(self, seen: Sequence[_Seen]) -> list[Snapshot]:
        """With the relations, which are derived for all moments at once."""
        relations = ground_truths([one.scene for one in seen], [one.contacts for one in seen], self.thresholds)
        return [Snapshot(one.scene, state, one.cloud) for one, state in zip(seen, relations, strict=True)]


@dataclass(frozen=True)
class _Seen:
    """A scene at a moment: where everything is, which objects touch (N, N), what is seen, and the seconds of casting its rays."""

    scene: Scene
    contacts: Mask
    cloud: SegmentedCloud
    seconds: float


@dataclass
class _Execution:
    """A job under way: what was seen of it so far, and the seconds that it took."""

    job: Job
    program: HandProgram
    running: Running
    seen: list[_Seen] = field(default_factory=list)
    seconds: float = 0.0
    earlier: Array | None = None
    """(N, 7) poses a PAUSE before it had settled, where not everything had come to rest."""

    @staticmethod
    def of(job: Job, program: HandProgram, bodies: Bodies) -> _Execution:
        """With the job's own chance."""
        chance = np.random.default_rng(job.seed)
        running = Running(bodies, job.scene, disturbances=job.disturbances, adjustments=job.adjustments, rng=chance)
        return _Execution(job, program, running)

    def settle(self) -> None:
        """Let the scene come to rest before the skill."""
        self.earlier = self.running.settle(at_most=0.6, every=5, times=2)

    def run(self) -> None:
        """Carry the skill out in what was seen, and let everything come to rest."""
        run, chance = self.running, self.job.disturbances.bump
        run.scene = self.seen[0].scene
        self.program.run(run, self.job.call)
        run.settle()
        if chance and run.rng.random() < chance:
            run.bump(self.job.call.object)
            run.settle()


def _program(job: Job) -> HandProgram:
    refuse_impossible(job)
    program: HandProgram = skill(job.call.skill).program(FLOATING_HAND)
    return program


def _spent(executions: Sequence[_Execution], seconds: float) -> None:
    """Each has spent an equal part."""
    for one in executions:
        one.seconds += seconds / len(executions)


def _outcome(one: _Execution, before: Snapshot, after: Snapshot) -> Outcome:
    asked, settled = one.job.scene, before.scene
    stable = at_rest(asked.poses, settled.poses if one.earlier is None else one.earlier, settled.poses, asked.rounded)
    seconds = {"stepping": one.running.stepping, "rays": sum(seen.seconds for seen in one.seen)}
    seconds |= {"total": one.seconds, "simulated": float(one.running.bodies.data.time)}
    return Outcome(one.job.call, before, after, seconds, stable)


def _drawn(source: Iterator[Job], count: int) -> tuple[list[Job], Exception | None]:
    """At most so many jobs, and what the source raised where it has no more."""
    group: list[Job] = []
    try:
        while len(group) < count:
            group.append(next(source))
    except Exception as error:
        return group, error
    return group, None
