"""What worlds that came to rest look like: poses, relations and clouds before and after the skill, of all of them at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState, Thresholds, binary_relations, unary_relations
from fail2progress.core.scene import Array, Scene, bounding_boxes, rotations, yaw_of
from fail2progress.simulation.base import Snapshot
from fail2progress.simulation.looking import own_corners
from fail2progress.simulation.mujoco.bodies import shut
from fail2progress.simulation.mujoco_warp.seeing import Seen, Views
from fail2progress.simulation.mujoco_warp.structure import Structure, places
from fail2progress.simulation.mujoco_warp.worlds import Worlds
from fail2progress.simulation.rest import at_rest


@dataclass(frozen=True)
class Look:
    """Who looks at a world: the scene that was put into it, the camera, and the seed of what it sees."""

    scene: Scene
    camera: Camera
    seed: int


@dataclass(frozen=True)
class Read:
    """A world before and after its skill, and whether everything had come to rest before it, where it was put."""

    before: Snapshot
    after: Snapshot
    stable: bool


def read(worlds: Worlds, rows: Sequence[int], looks: Sequence[Look], thresholds: Thresholds) -> tuple[list[Read], float]:
    """What became of each of R worlds that are done, and the seconds of casting rays."""
    if not rows:
        return [], 0.0
    structure = worlds.padded.structure
    with worlds.aside():
        finished = worlds.finished(rows)
    own = [np.array(places(look.scene, structure), int) for look in looks]
    pairs = list(zip(looks, own, strict=True))
    scenes = [
        _at(look.scene, at, state, structure) for states in finished.qpos for (look, at), state in zip(pairs, states, strict=True)
    ]
    earlier = [_at(look.scene, at, state, structure) for (look, at), state in zip(pairs, finished.earlier, strict=True)]
    rests = [
        at_rest(look.scene.poses, was.poses, now.poses, now.rounded)
        for look, was, now in zip(looks, earlier, scenes, strict=False)  # the scenes before the skill come first
    ]
    own, count = own * 2, len(rows)
    boxes, corners, filled = _boxes(scenes, own, structure.places)
    touching = finished.touching.reshape(2 * count, *finished.touching.shape[2:])
    binary = binary_relations(boxes, touching, thresholds)
    start = time.perf_counter()
    views = Views(
        np.tile(np.array(rows), 2),
        finished.qpos.reshape(2 * count, -1),
        boxes,
        corners,
        filled,
        [look.camera for look in looks] * 2,
        [(2 * look.seed + which) % 2**31 for which in range(2) for look in looks],
    )
    with worlds.aside():
        seen = worlds.eyes.look(views)
    seconds = time.perf_counter() - start
    shots = [_snapshot(scene, at, binary[v], seen, v, thresholds) for v, (scene, at) in enumerate(zip(scenes, own, strict=True))]
    return [Read(*found) for found in zip(shots[:count], shots[count:], rests, strict=True)], seconds


def _at(scene: Scene, own: NDArray[np.int64], qpos: NDArray[np.float32], structure: Structure) -> Scene:
    """A scene as a world's state (nq,) has it."""
    fixed, movable = len(structure.fixed), len(structure.movable)
    poses, openings = scene.poses.copy(), dict(scene.openings)
    free = np.flatnonzero((own >= fixed) & (own < fixed + movable))
    poses[free] = qpos[: 7 * movable].reshape(movable, 7)[own[free] - fixed]
    poses[free, 3:] /= np.linalg.norm(poses[free, 3:], axis=1, keepdims=True)
    for row in np.flatnonzero(own >= fixed + movable).tolist():
        opening = float(qpos[6 * movable + own[row] - fixed])
        closed, yaw = shut(scene)[0][row], yaw_of(poses[row])
        poses[row, :3] = closed - opening * np.array([np.cos(yaw), np.sin(yaw), 0.0])
        openings[scene.names[row]] = opening
    return scene.with_poses(poses, openings)


def _boxes(scenes: Sequence[Scene], own: Sequence[NDArray[np.int64]], count: int) -> tuple[Array, Array, NDArray[np.bool_]]:
    """(V, P, 2, 3) boxes of the places, (V, P, 8, 3) corners of their own boxes, and which are filled (V, P). Empty ones are a
    point far below."""
    shape = len(scenes), count
    boxes, corners, filled = np.full((*shape, 2, 3), -99.0), np.full((*shape, 8, 3), -99.0), np.zeros(shape, bool)
    view = np.repeat(np.arange(len(scenes)), [len(scene) for scene in scenes])
    place = np.concatenate(own)
    poses, sizes = np.concatenate([scene.poses for scene in scenes]), np.concatenate([scene.sizes for scene in scenes])
    boxes[view, place] = bounding_boxes(poses, sizes, np.concatenate([scene.rounded for scene in scenes]))
    corners[view, place] = own_corners(poses[:, :3], rotations(poses[:, 3:]), sizes).T
    filled[view, place] = True
    return boxes, corners, filled


def _snapshot(
    scene: Scene, own: NDArray[np.int64], binary: NDArray[np.bool_], seen: Seen, view: int, thresholds: Thresholds
) -> Snapshot:
    relations = RelationState(scene.names, binary[np.ix_(own, own)], unary_relations(scene, thresholds))
    categories = tuple(spec.category for spec in scene.objects)
    cloud = SegmentedCloud(scene.names, categories, seen.points[view, own], seen.visibility[view, own])
    return Snapshot(scene, relations, cloud)
