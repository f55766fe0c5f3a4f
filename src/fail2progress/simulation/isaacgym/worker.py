"""`python3 -m fail2progress.simulation.isaacgym.worker [GPU]`: serves Isaac Gym Preview 4 over the worker protocol.

Python 3.8, Isaac Gym, numpy and the standard library; GPU is the number of a CUDA device, -1 for the CPU. Skills come as tracks
of set-points, so a worker knows none. Clouds are left to the client, which casts rays at the poses. Not yet run on Isaac Gym.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from fail2progress.simulation.held import MOMENT, TRAILING
from fail2progress.simulation.rest import PAUSE, at_rest
from fail2progress.simulation.wire.serving import Record, Refused, Worker, own_streams, serve

BATCH = 256
"""Scenes at once."""
_FIRST, _LAST = 0.6, 1.6
"""Seconds in which everything comes to rest before and after the skill."""


class IsaacGymWorker(Worker):
    """Every request is a simulation of its own: Isaac Gym cannot change the actors of a prepared one."""

    name = "isaacgym"
    batch = BATCH
    tracks = True

    def __init__(self, gpu: int) -> None:
        from isaacgym import gymapi

        self.gym = gymapi.acquire_gym()
        self.gpu = gpu

    def execute(self, jobs: list[Record]) -> Iterator[tuple[int, Record]]:
        """See Worker."""
        for job in jobs:
            if "track" not in job.header:
                raise Refused("a job without a track of set-points cannot be done here")
        start = time.perf_counter()
        with _Run(self.gym, self.gpu, jobs) as run:
            run.settle(_FIRST - PAUSE)
            earlier = [scene.read().arrays["poses"] for scene in run.scenes]
            run.settle(PAUSE)
            before = [scene.read() for scene in run.scenes]
            run.play([_Motion(job, scene, rest.arrays["poses"]) for job, scene, rest in zip(jobs, run.scenes, before)])
            run.settle(_LAST)
            after = [scene.read() for scene in run.scenes]
        seconds = {
            "stepping": run.stepping / len(jobs),
            "rays": 0.0,
            "total": (time.perf_counter() - start) / len(jobs),
        }
        for number, job in enumerate(jobs):
            yield number, _outcome(job, earlier[number], before[number], after[number], seconds)

    def settle(self, scene: Record) -> Record:
        """See Worker."""
        with _Run(self.gym, self.gpu, [scene]) as run:
            run.settle(_LAST)
            return run.scenes[0].read()


class _Run:
    """One simulation of several scenes, from its making to its end."""

    def __init__(self, gym: Any, gpu: int, jobs: list[Record]) -> None:
        from fail2progress.simulation.isaacgym import scenes

        self.gym = gym
        self.step_s = scenes.STEP
        self.stepping = 0.0
        self.folder = tempfile.TemporaryDirectory(prefix="fail2progress_assets_")
        self.sim = scenes.simulation(gym, gpu)
        self.scenes = [scenes.EnvScene(gym, self.sim, i, job, self.folder.name) for i, job in enumerate(jobs)]
        if not gym.prepare_sim(self.sim):
            raise RuntimeError("Isaac Gym cannot prepare the simulation")

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *error: object) -> None:
        self.gym.destroy_sim(self.sim)
        self.folder.cleanup()

    def step(self, seconds: float) -> None:
        """Results are fetched after every step: states are those of the last fetch."""
        start = time.perf_counter()
        for _ in range(max(1, round(seconds / self.step_s))):
            self.gym.simulate(self.sim)
            self.gym.fetch_results(self.sim, True)
        self.stepping += time.perf_counter() - start

    def settle(self, seconds: float) -> None:
        """Let everything come to rest."""
        self.step(seconds)

    def play(self, motions: list[_Motion]) -> None:
        """All tracks side by side; a shorter one has ended while the others go on."""
        period = max([motion.period for motion in motions])
        for k in range(max([motion.length for motion in motions])):
            for motion in motions:
                motion.set(k)
            self.step(period)
        for motion in motions:
            motion.end()


class _Motion:
    """The set-points of one job, the held object's relative to where it was when the hand took it.

    What is held and meets what does not give way is not drawn through it, but left behind for good.
    """

    def __init__(self, job: Record, scene: Any, poses: Any) -> None:
        track, arrays = job.header["track"], job.arrays
        self.scene, self.track, self.period = scene, track, float(track["period_s"])
        self.holds, self.hand = arrays["track/hold"], arrays["track/hand"]
        self.pressed, self.opening = arrays["track/press"], arrays["track/opening"]
        self.length = len(self.holds)
        self.holding, self.late = False, 0
        self.goal: Any = None
        self.first = int(np.argmax(self.holds)) if self.holds.any() else 0
        self.at = poses[scene.names.index(track["holds"])] if track["holds"] is not None else None

    def set(self, k: int) -> None:
        """Set-points of the k-th period."""
        if k >= self.length:
            return self.end()
        if self.holding and self.late <= MOMENT:
            self.late = self.late + 1 if np.linalg.norm(self.scene.held() - self.goal[:3]) > TRAILING else 0
        if (bool(self.holds[k]) and self.late <= MOMENT) != self.holding:
            self.holding = not self.holding
            self.scene.hold(self.holding)
        if self.holding:
            self.goal = moved(self.at, self.hand[self.first], self.hand[k])
            self.scene.carry(self.goal)
        if self.track["bar"] is not None:
            self.scene.press(float(self.pressed[k, 0]), float(self.pressed[k, 1]))
        if self.track["drawer"] is not None:
            self.scene.pull(float(self.opening[k]))
        return None

    def end(self) -> None:
        """Let go."""
        if self.holding:
            self.holding = False
            self.scene.hold(False)


def moved(pose: Any, begin: Any, now: Any) -> Any:
    """A (7,) pose moved as the hand moved from `begin` to `now`: shifted, and turned about its own middle."""
    inverse = begin[3:] * np.array([1.0, -1.0, -1.0, -1.0])
    turn = product(now[3:], inverse)
    return np.concatenate([pose[:3] + now[:3] - begin[:3], product(turn, pose[3:])])


def product(one: Any, other: Any) -> Any:
    """Of two quaternions w x y z."""
    a, b = one[0], one[1:]
    c, d = other[0], other[1:]
    return np.concatenate([[a * c - b @ d], a * d + c * b + np.cross(b, d)])


def _outcome(job: Record, earlier: Any, before: Record, after: Record, seconds: Any) -> Record:
    rounded = np.array([len(item["parts"]) == 1 and item["parts"][0]["cylinder"] for item in job.header["objects"]], bool)
    stable = at_rest(job.arrays["poses"], earlier, before.arrays["poses"], rounded)
    header = {"before": before.header, "after": after.header, "seconds": seconds, "stable": stable}
    arrays = {}
    for when, record in (("before", before), ("after", after)):
        for name, array in record.arrays.items():
            arrays[when + "/" + name] = array
    return Record(header, arrays)


def main(arguments: list[str]) -> None:
    """Serve until standard input ends. The streams are taken before Isaac Gym is imported, which prints to standard output."""
    reader, writer = own_streams()
    serve(IsaacGymWorker(int(arguments[0]) if arguments else 0), reader, writer)


if __name__ == "__main__":
    main(sys.argv[1:])
