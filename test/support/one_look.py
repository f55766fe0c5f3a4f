"""A look at one scene in the plainest form: the oracle of `simulation.looking`, which aims at many scenes in one pass."""

from __future__ import annotations

import math

import numpy as np
from transforms3d.quaternions import quat2mat

from fail2progress.core.observation import POINTS
from fail2progress.core.scene import Array, bounding_boxes
from fail2progress.simulation.looking import RAYS, View, box_areas


def plain_look(view: View) -> tuple[Array, Array]:
    """(N, POINTS, 3) points and (N,) visibilities, object by object, every ray cast."""
    scene, camera, rng = view.scene, view.camera, view.rng
    rounded = np.array([spec.category == "capsule" for spec in scene.objects])
    bounds = bounding_boxes(scene.poses, np.array([spec.size for spec in scene.objects]), rounded)
    corners = np.array([[[box[i][0], box[j][1], box[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)] for box in bounds])
    pixels = camera.project(corners)
    limit = np.array([camera.width, camera.height])
    low, high = np.clip(pixels.min(axis=1), 0, limit), np.clip(pixels.max(axis=1), 0, limit)
    inside = ((high - low) > 0).all(axis=1)
    rays, found = np.zeros(len(scene), int), [np.empty((0, 3)) for _ in scene.objects]
    for number, count in enumerate(RAYS):
        side = math.isqrt(count - 1) + 1
        wants = [_wants(number, count, rays[i], len(found[i])) and bool(inside[i]) for i in range(len(scene))]
        grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2)
        jitter = iter(rng.random((sum(wants), side * side, 2)) if any(wants) else ())
        for i in np.flatnonzero(wants):
            directions = camera.rays((grid + next(jitter)) / side * (high - low)[i] + low[i])
            owners, distances = view.cast(np.array(camera.eye), directions)
            own = owners == i
            found[i] = np.concatenate([found[i], directions[own] * distances[own, None] + camera.eye])
            rays[i] += side * side
    points = np.stack([_drawn(points, rng) for points in found])
    if camera.noise:
        points = points + camera.noise * rng.standard_normal(points.shape)
    share = np.array([len(points) for points in found]) / np.maximum(rays, 1) * (high - low).prod(axis=1)
    turned = [quat2mat(pose[3:]) for pose in scene.poses]
    own = [
        [pose[:3] + turn @ (spec.size * np.array([i, j, k])) for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (-0.5, 0.5)]
        for spec, pose, turn in zip(scene.objects, scene.poses, turned, strict=True)
    ]
    outlines = np.minimum(
        *(box_areas(np.ascontiguousarray(p.transpose(2, 1, 0))) for p in (pixels, camera.project(np.array(own))))
    )
    return points, np.minimum(share / np.maximum(outlines, 1.0), 1.0)


def _wants(number: int, count: int, rays: int, hits: int) -> bool:
    if number == 0:
        return True
    return hits < POINTS and (number == len(RAYS) - 1 or hits * (1 + count / rays) >= POINTS)


def _drawn(points: Array, rng: np.random.Generator) -> Array:
    if len(points) >= POINTS:
        return points[rng.permutation(len(points))[:POINTS]]
    if len(points):
        return np.concatenate([points, points[rng.integers(0, len(points), size=POINTS - len(points))]])
    return np.full((POINTS, 3), np.nan)
