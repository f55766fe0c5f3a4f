"""Carrying items out: once as they are, and from starts moved by some millimetres, which must end alike for an item to count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.benchmarks.items import BenchmarkItem, Metadata
from fail2progress.core.relations import BINARY, UNARY, Mask
from fail2progress.core.scene import Array, Scene
from fail2progress.evaluation.predictions import CHECKED, CLOSE, concerned
from fail2progress.simulation.base import Job, Outcome, Simulator

EXECUTIONS = 5
SHIFT = 0.004
"""Metres by which a start is moved."""
TURN = np.radians(2.0)
NEAR = 0.15
_TIES = ("contact", "inside")
_CELLS = np.array([BINARY.index(relation) for relation in CHECKED])


@dataclass(frozen=True)
class Execution:
    """What a benchmark keeps of an item that was carried out; N segments, metres, planning frame.

    points: (N, P, 3) before the skill, NaN where nothing was seen. shift: (N, 3). binary: (N, N, 9) and unary: (N, 3) after the
    skill. concerned: (N,). target: row of what the call aims at, -1: nothing.
    """

    id: str
    names: tuple[str, ...]
    points: NDArray[np.float32]
    shift: Array
    binary: Mask
    unary: Mask
    concerned: Mask
    object: int
    skill: str
    parameters: Array
    metadata: Metadata

    @property
    def seen(self) -> Mask:
        """(N,) whether a segment has points."""
        return np.asarray(np.isfinite(self.points).all(axis=(1, 2)))

    @property
    def robust(self) -> bool:
        """Whether all executions agreed."""
        return self.metadata.robustness == 1.0


def execute(entry: BenchmarkItem, simulator: Simulator, executions: int = EXECUTIONS) -> Execution | None:
    """An item with its robustness, or None where its scene is not at rest. Ends at the first execution that differs."""
    outcome = simulator.execute(entry.item.job)
    if not outcome.stable:
        return None
    rows = concerned(outcome)
    agreed, rng = 1, np.random.default_rng([entry.item.job.seed, 7])
    for _ in range(executions - 1):
        again = simulator.execute(_moved_start(entry.item.job, outcome, rng))
        if not (again.stable and _agree(outcome, again, rows)):
            break
        agreed += 1
    return _kept(entry, outcome, rows, agreed / executions)


def _kept(entry: BenchmarkItem, outcome: Outcome, rows: Mask, robustness: float) -> Execution:
    cloud, scene, call = outcome.before.cloud, outcome.before.scene, outcome.call
    return Execution(
        id=entry.id,
        names=scene.names,
        points=cloud.points.astype(np.float32),
        shift=outcome.displacements,
        binary=np.asarray(outcome.after.relations.binary, float) > 0.5,
        unary=np.asarray(outcome.after.relations.unary, float) > 0.5,
        concerned=rows,
        object=scene.index(call.object),
        skill=call.skill,
        parameters=call.padded,
        metadata=replace(described(entry.metadata, outcome, rows), robustness=robustness),
    )


def _agree(one: Outcome, other: Outcome, rows: Mask) -> bool:
    """Whether two executions end alike in all that is scored."""
    index = np.flatnonzero(rows)
    cells = np.ix_(index, index, _CELLS)
    first, second = (np.asarray(o.after.relations.binary, float)[cells] > 0.5 for o in (one, other))
    states = [np.asarray(o.after.relations.unary, float)[index] > 0.5 for o in (one, other)]
    apart = np.linalg.norm(one.displacements[index] - other.displacements[index], axis=1)
    return np.array_equal(first, second) and np.array_equal(states[0], states[1]) and bool((apart <= CLOSE).all())


def _moved_start(job: Job, outcome: Outcome, rng: np.random.Generator) -> Job:
    """The same call where what it acts on, with all that hangs together with it, stands a little elsewhere."""
    rows = cluster(outcome)
    angle = rng.uniform(-np.pi, np.pi)
    offset = SHIFT * np.array([np.cos(angle), np.sin(angle)])
    turn = float(rng.uniform(-TURN, TURN))
    pivot = job.scene.poses[job.scene.index(job.call.object), :2].copy()
    return replace(job, scene=_turned(job.scene, rows, pivot, offset, turn))


def _turned(scene: Scene, rows: NDArray[np.int64], pivot: Array, offset: Array, turn: float) -> Scene:
    poses = scene.poses.copy()
    cos, sin = np.cos(turn), np.sin(turn)
    poses[rows, :2] = (poses[rows, :2] - pivot) @ np.array([[cos, sin], [-sin, cos]]) + pivot + offset
    half_cos, half_sin = np.cos(turn / 2), np.sin(turn / 2)
    w, x, y, z = poses[rows, 3:].T
    parts = [half_cos * w - half_sin * z, half_cos * x - half_sin * y, half_cos * y + half_sin * x, half_cos * z + half_sin * w]
    poses[rows, 3:] = np.stack(parts, axis=1)
    return scene.with_poses(poses)


def cluster(outcome: Outcome) -> NDArray[np.int64]:
    """Rows of what hangs together with the object of the skill by contact, containment, or as drawer and cabinet; no tables."""
    scene = outcome.before.scene
    return np.flatnonzero(_reached(outcome, scene.index(outcome.call.object)))


def _reached(outcome: Outcome, start: int) -> Mask:
    scene = outcome.before.scene
    binary = np.asarray(outcome.before.relations.binary, float) > 0.5
    ties = np.logical_or.reduce([binary[..., BINARY.index(name)] for name in _TIES])
    for row, spec in enumerate(scene.objects):
        if spec.inside_of is not None:
            ties[row, scene.index(spec.inside_of)] = True
    fixed = np.array([spec.category == "table" for spec in scene.objects])
    ties = (ties | ties.T) & ~fixed & ~fixed[:, None]
    found = np.zeros(len(scene), bool)
    found[start] = True
    while True:
        more = found | ties[found].any(axis=0)
        if np.array_equal(more, found):
            return np.asarray(found)
        found = np.asarray(more)


def described(metadata: Metadata, outcome: Outcome, rows: Mask) -> Metadata:
    """The metadata that follow from the scene at rest before the skill."""
    scene, call = outcome.before.scene, outcome.call
    me, bounds = scene.index(call.object), scene.bounds()
    group = _reached(outcome, me)
    over = _carried(outcome, group, me)
    others = [i for i, spec in enumerate(scene.objects) if spec.category != "table" and not group[i]]
    gaps = np.array([_gap(bounds[me], bounds[i]) for i in others] or [np.inf])
    among = np.ix_(np.flatnonzero(rows), np.flatnonzero(rows), _CELLS)
    held = (np.asarray(outcome.before.relations.binary, float)[among] > 0.5).any(axis=(0, 1))
    return replace(
        metadata,
        depth=max(over.values(), default=0),
        carried=len(over),
        distractor_count=int((gaps <= NEAR).sum()),
        operator_count=int(held.sum()),
        travel_m=round(float(np.linalg.norm(call.shift)), 6),
        clearance_mm=round(float(min(1000 * gaps.min(), 1000 * NEAR)), 3),
        visibility=round(float(outcome.before.cloud.visibility[rows].min()), 6),
    )


def _carried(outcome: Outcome, group: Mask, me: int) -> dict[int, int]:
    """Rows of what is in or on an object, directly or not, with how deep."""
    bounds = outcome.before.scene.bounds()
    low, high, middle = bounds[:, 0], bounds[:, 1], bounds.mean(axis=1)
    over = ((middle[:, None, :2] > low[:, :2]) & (middle[:, None, :2] < high[:, :2])).all(axis=2)
    movable = np.asarray(outcome.before.relations.unary, float)[:, UNARY.index("movable")] > 0.5
    on = over & (low[:, None, 2] > low[:, 2] + 0.002) & (movable & group)[:, None]
    found: dict[int, int] = {}
    fringe, depth = {me}, 0
    while fringe and depth < len(bounds):
        depth += 1
        fringe = {int(i) for j in fringe for i in np.flatnonzero(on[:, j])}
        found.update(dict.fromkeys(fringe, depth))
    return found


def _gap(one: Array, other: Array) -> float:
    """Metres between two boxes in the plane."""
    apart = np.maximum(np.maximum(one[0, :2] - other[1, :2], other[0, :2] - one[1, :2]), 0.0)
    return float(np.linalg.norm(apart))
