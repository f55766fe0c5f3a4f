"""Jobs as the device takes them: set-points of a hand relative to where it took hold. Other processes can prepare them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult, Pool

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.executor import start_pool
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Job, refuse_impossible
from fail2progress.simulation.mujoco_warp.structure import Structure, places, structure
from fail2progress.simulation.track import record
from fail2progress.skills.programs import EMPTY_HANDED, Equipment

Numbers = NDArray[np.float32]
_CHUNK = 16
"""Jobs that a process prepares at a time."""


@dataclass(frozen=True)
class Play:
    """T set-points: hold (T,), shift (T, 3) and turn (T, 4) since the hand took hold, press (T, 2) and opening (T, 1).

    settles: whether the scene settles first.
    """

    hold: NDArray[np.bool_]
    shift: Numbers
    turn: Numbers
    press: Numbers
    opening: Numbers
    equipment: Equipment = EMPTY_HANDED
    drawer: str | None = None
    settles: bool = True

    def __len__(self) -> int:
        return len(self.hold)

    def acts_on(self, scene: Scene, shared: Structure) -> tuple[int, int]:
        """The movable place that is held and the drawer that is moved, -1 for none."""
        own, names = places(scene, shared), (self.equipment.holds, self.drawer)
        firsts = (len(shared.fixed), len(shared.fixed) + len(shared.movable))
        grip, drawer = (own[scene.index(name)] - at if name is not None else -1 for name, at in zip(names, firsts, strict=True))
        return grip, drawer


def _empty(*shape: int) -> Numbers:
    return np.zeros(shape, np.float32)


REST = Play(np.zeros(0, bool), _empty(0, 3), _empty(0, 4), _empty(0, 2), _empty(0, 1), settles=False)
"""Nothing happens; things come to rest as they do after a skill."""


def play(job: Job) -> Play:
    """What the hand does in a job. ValueError: the job cannot be done, or not by set-points."""
    refuse_impossible(job)
    track = record(job)
    begin = track.hand[int(np.argmax(track.hold))]
    turn = _products(track.hand[:, 3:], begin[3:] * [1.0, -1.0, -1.0, -1.0])
    columns = (track.hand[:, :3] - begin[:3], turn, track.press, track.opening[:, None])
    shift, turned, press, opening = (column.astype(np.float32) for column in columns)
    return Play(track.hold.astype(bool), shift, turned, press, opening, track.equipment, track.drawer)


def _products(one: Array, other: Array) -> Array:
    """(T, 4) quaternions w x y z times one (4,)."""
    w, x, y, z = other
    matrix = np.array([[w, x, y, z], [-x, w, -z, y], [-y, z, w, -x], [-z, -y, x, w]])
    return np.asarray(one @ matrix)


Prepared = tuple[Structure, Play] | ValueError
"""What a job needs and does, or why it cannot be done."""


def prepare(jobs: Sequence[Job]) -> list[Prepared]:
    """What jobs need and do."""
    return [_prepared(job) for job in jobs]


def _prepared(job: Job) -> Prepared:
    try:
        return structure(job.scene), play(job)
    except ValueError as error:
        return error


class Preparers:
    """Prepares jobs in their order, in so many processes; with none, in this one when they are asked for."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: Pool | None = None

    def submit(self, jobs: Sequence[Job]) -> Iterator[list[Prepared] | AsyncResult[list[Prepared]]]:
        """One result, ready or not, for every few of the jobs."""
        if self._processes and self._pool is None:
            self._pool = start_pool(self._processes)
        for at in range(0, len(jobs), _CHUNK):
            some = list(jobs[at : at + _CHUNK])
            yield self._pool.apply_async(prepare, (some,)) if self._pool is not None else prepare(some)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()
            self._pool = None


def ready(pending: deque[list[Prepared] | AsyncResult[list[Prepared]]], wait: bool) -> Iterator[Prepared]:
    """Take what is ready from the left; `wait`: until nothing is pending."""
    while pending:
        first = pending[0]
        if not isinstance(first, list):
            if not wait and not first.ready():
                return
            first = first.get()
        pending.popleft()
        yield from first
