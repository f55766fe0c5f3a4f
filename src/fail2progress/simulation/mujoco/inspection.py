"""What is wrong with a scene physically: bodies that overlap, float, move or tip by themselves, drawers that jam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array, Scene, rotations
from fail2progress.simulation.materials import DRAWER_TRAVEL
from fail2progress.simulation.mujoco.bodies import TIMESTEP, compile_scene, read_scene
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.skills.limits import HANDLE_DAMPING, HANDLE_FORCE, HANDLE_STIFFNESS

POSITIONS = 21
"""Positions of a drawer's sweep."""


@dataclass(frozen=True)
class Overlap:
    """Two bodies in each other: how deep (m), and the unit normal (3,) along which `other` is to leave `one`."""

    one: str
    other: str
    depth: float
    normal: Array


@dataclass(frozen=True)
class Rest:
    """A scene left to itself. Arrays are in the order of the scene's objects; fixed ones neither move nor float."""

    overlaps: tuple[Overlap, ...]
    shift: Array
    """(N,) metres moved."""
    tilt: Array
    """(N,) radians that the own z axis turned."""
    floating: NDArray[np.bool_]
    """(N,) whether nothing lies close below."""


@dataclass(frozen=True)
class Sweep:
    """A drawer moved over its range."""

    depth: float
    """Deepest contact (m) with anything fixed; what can be moved is pushed aside or goes along."""
    against: str | None
    """What that is."""
    travel: float
    """How far (m) it was driven from where it stood, outwards or, if it stood open beyond half its range, inwards."""
    wanted: float
    """How far it should have gone."""


def leave_alone(scene: Scene, seconds: float = 1.0, near: float = 0.002) -> Rest:
    """Overlaps at the start, what floats higher than `near` m, and what has moved after some seconds."""
    bodies = compile_scene(scene)
    overlaps = _overlaps(bodies, scene)
    floating = np.array([spec.movable and not _supported(bodies, scene, i, near) for i, spec in enumerate(scene.objects)], bool)
    mujoco.mj_step(bodies.model, bodies.data, nstep=int(seconds / TIMESTEP))
    after = read_scene(bodies, scene)
    shift = np.linalg.norm(after.poses[:, :3] - scene.poses[:, :3], axis=1)
    before_up, after_up = (rotations(poses[:, 3:])[:, :, 2] for poses in (scene.poses, after.poses))
    tilt = np.arccos(np.clip(np.einsum("ij,ij->i", before_up, after_up), -1.0, 1.0))
    moves = np.array([spec.movable for spec in scene.objects], bool)
    return Rest(overlaps, np.where(moves, shift, 0.0), np.where(moves, tilt, 0.0), floating)


def _overlaps(bodies: Bodies, scene: Scene) -> tuple[Overlap, ...]:
    """The deepest contact of every pair of objects that overlap, deepest first."""
    deepest: dict[tuple[int, int], Overlap] = {}
    contact = bodies.data.contact
    for pair, dist, frame in zip(bodies.owner[contact.geom], contact.dist, contact.frame, strict=True):
        i, j = int(pair[0]), int(pair[1])
        if min(i, j) < 0 or i == j or dist >= 0:
            continue
        known = deepest.get((i, j))
        if known is None or -dist > known.depth:
            deepest[i, j] = Overlap(scene.names[i], scene.names[j], float(-dist), np.array(frame[:3]))
    return tuple(sorted(deepest.values(), key=lambda overlap: -overlap.depth))


def _supported(bodies: Bodies, scene: Scene, index: int, near: float) -> bool:
    """Whether an object that is lowered by `near` touches something, the floor included."""
    model, data = bodies.model, bodies.data
    address = model.jnt_qposadr[model.body(scene.names[index]).jntadr[0]] + 2
    before = data.qpos[address]
    data.qpos[address] = before - near
    mujoco.mj_kinematics(model, data)
    mujoco.mj_collision(model, data)
    own = (bodies.owner[data.contact.geom] == index).any(axis=1)
    touched = bool((own & (data.contact.dist < 0)).any())
    data.qpos[address] = before
    mujoco.mj_forward(model, data)
    return touched


def sweep(scene: Scene, drawer: str, command: float = 0.1) -> Sweep:
    """Move a drawer over its range, kinematically and driven by a force. ValueError for anything but a drawer."""
    index = scene.index(drawer)
    if not scene.objects[index].is_drawer:
        raise ValueError(f"{drawer} is not a drawer")
    bodies = compile_scene(scene)
    depth, against = _deepest(bodies, scene, index)
    travel, wanted = _driven(compile_scene(scene), drawer, command)
    return Sweep(depth, against, travel, wanted)


def _deepest(bodies: Bodies, scene: Scene, index: int) -> tuple[float, str | None]:
    model, data = bodies.model, bodies.data
    joint = data.joint(scene.names[index])
    parts = {i: np.flatnonzero(bodies.owner == i) for i in range(len(scene))}
    others = [i for i, spec in enumerate(scene.objects) if i != index and not spec.movable]
    low, high = model.joint(scene.names[index]).range.tolist()
    worst: dict[int, float] = {i: 0.0 for i in others}
    for position in np.linspace(low, high, POSITIONS):
        joint.qpos[0] = position
        mujoco.mj_kinematics(model, data)
        for i in others:
            worst[i] = max(worst[i], _depth(model, data, parts[index], parts[i]))
    deepest = max(worst, key=worst.__getitem__, default=None)
    return (worst[deepest], scene.names[deepest]) if deepest is not None and worst[deepest] > 0 else (0.0, None)


def _depth(model: mujoco.MjModel, data: mujoco.MjData, one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """How deep (m) two bodies' geoms are in each other."""
    centres, radii = data.geom_xpos, model.geom_rbound
    fromto = np.zeros(6)
    deepest = 0.0
    for g in one:
        for h in other:
            if np.linalg.norm(centres[g] - centres[h]) < radii[g] + radii[h]:
                deepest = max(deepest, -mujoco.mj_geomDistance(model, data, int(g), int(h), 0.01, fromto))
    return deepest


def _driven(bodies: Bodies, drawer: str, command: float) -> tuple[float, float]:
    """How far (m) a force drives a drawer, towards the end of its range that is farther, and how far it should go."""
    model, data = bodies.model, bodies.data
    joint = data.joint(drawer)
    low, high = model.joint(drawer).range
    begin = float(joint.qpos[0])
    outwards = high - begin >= begin - low
    wanted = min(command, high - begin if outwards else begin - low)
    goal = begin + (wanted if outwards else -wanted)
    for _ in range(int(1.5 / (2 * TIMESTEP))):
        pull = HANDLE_STIFFNESS * (goal - joint.qpos[0]) - HANDLE_DAMPING * joint.qvel[0]
        joint.qfrc_applied[0] = np.clip(pull, -HANDLE_FORCE, HANDLE_FORCE)
        mujoco.mj_step(model, data, nstep=2)
    return abs(float(joint.qpos[0]) - begin), float(wanted)


def openings_outside(scene: Scene) -> Mapping[str, float]:
    """Openings (m) of drawers that lie outside the range of their joint."""
    reach = {spec.name: DRAWER_TRAVEL * spec.size[0] for spec in scene.objects if spec.is_drawer}
    return {name: value for name, value in scene.openings.items() if not -1e-6 <= value <= reach.get(name, 0.0) + 1e-6}
