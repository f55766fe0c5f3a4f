"""Particles as scenes with skill calls (f and Psi of paper section 5.3), and what of R_F holds in what was simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from fail2progress.core.camera import Camera
from fail2progress.core.relations import BINARY, RelationState, binary_relations
from fail2progress.core.scene import Array, Scene
from fail2progress.failures.assets.refine import refined
from fail2progress.simulation.base import Disturbances, Job, Outcome, Simulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import skill
from fail2progress.skills.samplers import stein_sampler
from fail2progress.stein.actions import carried
from fail2progress.stein.likelihood import DIRECTIONS
from fail2progress.stein.states import StateSpace
from fail2progress.tasks.layout import random_camera_pose


@dataclass(frozen=True)
class Sample:
    """A particle that became an execution: its row, the turn (rad) of its cluster, and what came out."""

    particle: int
    turn: float
    outcome: Outcome


def scenes(space: StateSpace, names: tuple[str, ...], base: Scene, particles: Tensor) -> list[Scene]:
    """Every particle's scene: the rebuilt one with its objects turned, shifted and lifted, drawers pulled out."""
    placed = space.place(particles)
    angle, shift, rise = (part.numpy().astype(float) for part in (placed.move.angle, placed.move.shift, placed.rise))
    openings = space.openings(particles).numpy().astype(float)
    made = []
    for number in range(len(particles)):
        poses = base.poses.copy()
        for row in space.movable:
            index = base.index(names[row])
            poses[index] = _moved(poses[index], angle[number, row], shift[number, row], rise[number, row])
        pulled = {names[row]: float(value) for row, value in zip(space.drawers, openings[number], strict=True)}
        made.append(base.with_poses(poses, {**base.openings, **pulled}))
    return made


def _moved(pose: Array, angle: float, shift: Array, rise: float) -> Array:
    """A (7,) pose turned about the origin's vertical, shifted and lifted."""
    cos, sin = np.cos(angle), np.sin(angle)
    place = np.array([cos * pose[0] - sin * pose[1], sin * pose[0] + cos * pose[1]]) + shift
    half_cos, half_sin = np.cos(angle / 2), np.sin(angle / 2)
    w, x, y, z = pose[3:]
    quat = [
        half_cos * w - half_sin * z,
        half_cos * x - half_sin * y,
        half_cos * y + half_sin * x,
        half_cos * z + half_sin * w,
    ]
    return np.array([*place, pose[2] + rise, *quat])


def jobs(
    made: list[Scene], call: SkillCall, parameters: Tensor, group: list[str], seed: int, worlds: Sequence[Disturbances]
) -> list[Job | None]:
    """The failed skill in every scene and world, seen from a random head pose; None where its parameters are out of bounds.

    `group`: names of the skill's object and of what it carries, which are not in its way.
    """
    rng = np.random.default_rng(seed)
    found: list[Job | None] = []
    for scene, values, world in zip(made, parameters.numpy().astype(float), worlds, strict=True):
        eye, look_at = random_camera_pose(rng)
        now = _call(call, values, scene, group)
        look = Camera(eye=eye, target=look_at)
        found.append(None if now is None else Job(scene, now, look, seed=int(rng.integers(2**31)), disturbances=world))
    return found


def _call(call: SkillCall, values: Array, scene: Scene, group: list[str]) -> SkillCall | None:
    """The failed skill with a particle's parameters, as they must be in the particle's scene."""
    space = skill(call.skill)
    values = stein_sampler(space).in_scene(_without(scene, set(group) - {call.object}), call, values[: len(space.parameters)])
    try:
        return SkillCall(call.skill, call.object, tuple(values.tolist()))
    except ValueError:  # out of bounds by more than single precision, with which particles are computed
        return None


def _without(scene: Scene, names: set[str]) -> Scene:
    """The scene without some of its objects."""
    rows = [i for i, name in enumerate(scene.names) if name not in names]
    openings = {name: value for name, value in scene.openings.items() if name not in names}
    return Scene(tuple(scene.objects[i] for i in rows), scene.poses[rows], openings)


def kept(
    relations: RelationState, space: StateSpace, sample: Sample, robot: bool = False, among: Sequence[int] | None = None
) -> Array:
    """(K,) of the failure's relations R_F, which hold in a simulated scene before the skill.

    R_F: every relation that held among the objects concerned, and that those which stood above a table stand above any.
    Directions are those of the cluster, which turns, or as the `robot` sees them. `among`: of these rows alone.
    """
    before = sample.outcome.before
    scene = before.scene if robot else turned_back(before.scene, sample.turn)
    touching = np.asarray(before.relations.binary, float)[..., BINARY.index("contact")] > 0.5
    now = np.where([name in DIRECTIONS for name in BINARY], binary_relations(scene.bounds(), touching), before.relations.binary)
    rows = [row for row in (space.concerned if among is None else among) if relations.names[row] in scene.names]
    index = [scene.index(relations.names[row]) for row in rows]
    then = np.asarray(relations.binary, float)
    held = now[np.ix_(index, index)][then[np.ix_(rows, rows)] > 0.5]
    above = BINARY.index("above")
    tables = [i for i, spec in enumerate(scene.objects) if spec.category == "table"]
    stood = [i for i, row in zip(index, rows, strict=True) if (then[row, list(space.table_rows), above] > 0.5).any()]
    return np.concatenate([held, now[np.ix_(stood, tables)][..., above].max(axis=1, initial=0.0)]).astype(float)


def turned_back(scene: Scene, turn: float) -> Scene:
    """A scene as it looks to someone who has turned with the cluster by (rad)."""
    return scene.with_poses(np.array([_moved(pose, -turn, np.zeros(2), 0.0) for pose in scene.poses]))


def within(space: StateSpace, names: tuple[str, ...], samples: list[Sample]) -> float:
    """Metres: standard deviation of where members of the failed cluster lie to the skill's object, as they turn with it."""
    rows = [row for row in space.group if row != space.moved]
    if not rows or len(samples) < 2:
        return 0.0
    places = []
    for sample in samples:
        scene = turned_back(sample.outcome.before.scene, sample.turn)
        places.append([scene.position(names[row])[:2] - scene.position(names[space.moved])[:2] for row in rows])
    return float(np.std(np.array(places), axis=0).mean())


def in_hand(space: StateSpace, names: tuple[str, ...]) -> list[str]:
    """Names of the skill's object and of what it carries."""
    return [names[row] for row in carried(space)]


def simulated(simulator: Simulator, work: list[Job | None], turns: Tensor) -> tuple[list[Sample], int]:
    """What became a scene that stands still, in the order of the particles, and how many of these had to be corrected first."""
    found = {row: job for row, job in enumerate(work) if job is not None}
    first = _executed(simulator, found)
    better = {row: refined(job.scene) for row, job in found.items() if not first[row].stable}
    mended = {row: replace(found[row], scene=scene) for row, scene in better.items() if scene is not None}
    again = {row: outcome for row, outcome in _executed(simulator, mended).items() if outcome.stable}
    done = {row: again.get(row, outcome) for row, outcome in first.items()}
    return [Sample(row, float(turns[row]), outcome) for row, outcome in done.items() if outcome.stable], len(again)


def _executed(simulator: Simulator, work: dict[int, Job]) -> dict[int, Outcome]:
    return dict(zip(work, simulator.execute_all(list(work.values())), strict=True))
