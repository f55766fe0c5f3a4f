"""The MuJoCo Warp backend: scenes take turns in worlds that are stepped together; a world that is done takes the next job."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import warp

from fail2progress.core.camera import Camera
from fail2progress.core.relations import DEFAULT, Thresholds
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Disturbances, Job, Outcome, Simulator, Snapshot, refuse_empty
from fail2progress.simulation.mujoco_warp.outcomes import Look, Read, read
from fail2progress.simulation.mujoco_warp.padding import Content, Padded
from fail2progress.simulation.mujoco_warp.plays import REST, Play, Preparers, ready
from fail2progress.simulation.mujoco_warp.structure import Structure, common, structure
from fail2progress.simulation.mujoco_warp.worlds import Worlds

_PERIODS = 12
"""Periods between two looks at which worlds are done."""
_FEW = 32
"""Jobs that are prepared in advance, or a quarter of the worlds."""


@dataclass(frozen=True)
class _Task:
    """What a world is to do: a job, or none where a scene shall come to rest and nothing else."""

    number: int
    scene: Scene
    camera: Camera
    seed: int
    shape: Structure
    play: Play = REST
    job: Job | None = None

    @property
    def content(self) -> Content:
        """What the world holds."""
        wrong = self.job.disturbances if self.job is not None else Disturbances()
        return Content(self.scene, self.play.equipment.bar, wrong.weight, wrong.surface)


@dataclass(frozen=True)
class _Chosen:
    """Tasks that get the next free worlds, and what these will be given."""

    tasks: tuple[_Task, ...] = ()
    load: Any = None


NONE = _Chosen()


@dataclass
class _Run:
    """One call under way: what was taken and has no world yet, what has one, what is done and has not had its turn."""

    source: Iterator[Job]
    preparers: Preparers
    waiting: deque[_Task] = field(default_factory=deque)
    running: dict[int, _Task] = field(default_factory=dict)
    done: dict[int, tuple[Read, dict[str, float]]] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    prepared: int = 0
    mistake: ValueError | None = None
    chosen: _Chosen = NONE
    ended: list[int] = field(default_factory=list)
    """Worlds that are done and were not looked at."""
    _pending: deque[Any] = field(default_factory=deque)
    _preparing: int = 0

    @property
    def goes_on(self) -> bool:
        """Whether anything is under way."""
        return bool(self.waiting or self.running or self.chosen.tasks or self._pending)

    def take(self, count: int, wait: bool) -> None:
        """Take jobs until so many wait or are being prepared; `wait` for those."""
        if self.mistake is None:
            missing = count - len(self.waiting) - self._preparing
            some = list(itertools.islice(self.source, max(0, missing)))
            taken = self.prepared + self._preparing
            self.jobs.update(enumerate(some, taken))
            self._preparing += len(some)
            self._pending.extend(self.preparers.submit(some))
        for found in ready(self._pending, wait):
            self._preparing -= 1
            if isinstance(found, ValueError):
                self.mistake = self.mistake or found
            elif self.mistake is None:
                number, job = self.prepared, self.jobs[self.prepared]
                self.waiting.append(_Task(number, job.scene, job.camera, job.seed, *found, job))
            self.prepared += 1


class MujocoWarpSimulator(Simulator):
    """Takes jobs by the hundred. Use it from one thread."""

    def __init__(self, batch: int, thresholds: Thresholds = DEFAULT, preparers: int = 0) -> None:
        self.batch, self.thresholds = batch, thresholds
        self._preparers = Preparers(preparers)
        self._worlds: Worlds | None = None
        self._run: _Run | None = None
        self._spent = dict.fromkeys(("stepping", "rays", "total"), 0.0)

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        return next(self.execute_all([job]))

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """See Simulator.execute_all. A job that cannot be done ends the work where its turn is."""
        run = _Run(iter(jobs), self._preparers)
        few = self._worlds is not None and self._worlds.count >= self.batch
        run.take(max(_FEW, self.batch // 4) if few else self.batch, wait=not few)
        for turn in itertools.count():
            while turn not in run.done and run.goes_on:
                self._advance(run)
            if turn not in run.done:
                break
            job, (found, seconds) = run.jobs.pop(turn), run.done.pop(turn)
            yield Outcome(job.call, found.before, found.after, seconds, found.stable)
        if run.mistake is not None:
            raise run.mistake

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        refuse_empty(scene)
        run = _Run(iter(()), self._preparers, deque([_Task(0, scene, camera, seed, structure(scene))]))
        while not run.done:
            self._advance(run)
        return run.done[0][0].after

    @property
    def device(self) -> str:
        """See Simulator.device."""
        return str(warp.get_device().name)

    def close(self) -> None:
        """See Simulator.close."""
        self._preparers.close()
        self._worlds = self._run = None

    def _advance(self, run: _Run) -> None:
        """Fill free worlds and let some time pass. While a GPU is busy with it, look at what was done before and prepare."""
        begin = time.perf_counter()
        worlds = self._fill(run)
        worlds.advance(_PERIODS)
        rows, run.ended = run.ended, []
        tasks = [run.running.pop(row) for row in rows]
        found, rays = read(worlds, rows, [Look(task.scene, task.camera, task.seed) for task in tasks], self.thresholds)
        run.take(max(_FEW, self.batch // 4), wait=not run.running and not run.waiting)
        self._choose(run, worlds)
        run.ended = [row for row in worlds.done() if row in run.running]
        spent = (worlds.clock.read(), rays, time.perf_counter() - begin)
        self._spent = {name: value + more for (name, value), more in zip(self._spent.items(), spent, strict=True)}
        if rows:
            seconds = {name: value / len(rows) for name, value in self._spent.items()}
            run.done.update({task.number: (one, seconds) for task, one in zip(tasks, found, strict=True)})
            self._spent = dict.fromkeys(self._spent, 0.0)

    def _fill(self, run: _Run) -> Worlds:
        """Give what was chosen to worlds that have nothing to do."""
        if self._run is not run:  # another call has had the worlds in between
            run.waiting.extendleft([*run.running.values(), *run.chosen.tasks])
            run.running, run.chosen, run.ended = {}, NONE, []
            self._run = run
        worlds = self._worlds
        if worlds is None or not (run.running or run.chosen.tasks or self._suits(worlds, run)):
            worlds = self._worlds = self._made(run)
        if not run.chosen.tasks and not run.running:
            self._choose(run, worlds)
        free = itertools.islice((row for row in range(worlds.count) if row not in run.running), len(run.chosen.tasks))
        rows = list(free)
        if rows:
            worlds.load(rows, run.chosen.load)
            run.running.update(zip(rows, run.chosen.tasks, strict=True))
            run.chosen = NONE
        return worlds

    def _choose(self, run: _Run, worlds: Worlds) -> None:
        """Prepare what waits for the worlds that are free."""
        chosen = list(run.chosen.tasks)
        room = worlds.count - len(run.running)
        while run.waiting and len(chosen) < room and worlds.takes(run.waiting[0].shape, len(run.waiting[0].play)):
            chosen.append(run.waiting.popleft())
        if len(chosen) > len(run.chosen.tasks):
            load = worlds.prepared([task.content for task in chosen], [task.play for task in chosen])
            run.chosen = _Chosen(tuple(chosen), load)

    def _suits(self, worlds: Worlds, run: _Run) -> bool:
        """Whether nothing would be gained by other worlds, now that all are free."""
        enough = worlds.count >= min(self.batch, len(run.waiting))
        return enough and all(worlds.takes(task.shape, len(task.play)) for task in itertools.islice(run.waiting, 1))

    def _made(self, run: _Run) -> Worlds:
        """Worlds for as many of the tasks that wait as can share a structure, and for what was simulated before."""
        old = self._worlds
        shared = common((run.waiting[0].shape,), old.padded.structure if old is not None else None) or run.waiting[0].shape
        for task in run.waiting:
            shared = shared.joined(task.shape) or shared
        longest = max([len(task.play) for task in run.waiting] + ([old.longest] if old is not None else []))
        count = max(min(self.batch, len(run.waiting)), old.count if old is not None else 1)
        self._worlds = None  # its memory is needed
        return Worlds(Padded.of(shared), count, longest, self.thresholds.contact)
