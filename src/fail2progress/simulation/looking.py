"""A pinhole depth camera by ray casting: partial-view segmented clouds without a renderer, whatever casts the rays.

Rays go where the objects are: stratified over every object's window in the image, then more for objects that are mostly hidden.
What such rays hit of other objects is not used, so that the density of points within a segment stays even.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.camera import Camera
from fail2progress.core.observation import POINTS, SegmentedCloud
from fail2progress.core.scene import Array, Scene

FIRST_RAYS = 256
MORE_RAYS = 2048
_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])


Cast = Callable[[Array, Array], tuple[NDArray[np.int64], Array]]
"""Casts rays from an eye (3,) along unit directions (n, 3): the (n,) rows of the objects hit, -1 for none, and distances (m)."""


def look(cast: Cast, scene: Scene, camera: Camera, rng: np.random.Generator) -> tuple[SegmentedCloud, float]:
    """The segmented cloud of a scene, and the seconds that casting its rays took."""
    windows, outline = _windows(scene, camera)
    points = [np.empty((0, 3))] * len(scene)
    seen = np.zeros(len(scene))
    seconds = 0.0
    wanted = np.flatnonzero((windows[:, 1] > windows[:, 0]).all(axis=1))
    for count in (FIRST_RAYS, MORE_RAYS):
        if not len(wanted):
            break
        hits, spent = _through(cast, camera, windows[wanted], count, rng)
        seconds += spent
        for own, (positions, owners) in zip(wanted, hits, strict=True):
            mine = owners == own
            points[own] = np.concatenate([points[own], positions[mine]])
            area = np.prod(windows[own, 1] - windows[own, 0])
            seen[own] = mine.mean() * area / max(outline[own], 1.0)
        wanted = np.array([i for i in wanted if 0 < len(points[i]) < POINTS or _hidden(points[i], seen[i])], int)
    cloud = np.stack([_resample(p, rng) for p in points]) if len(scene) else np.empty((0, POINTS, 3))
    cloud = cloud + camera.noise * rng.standard_normal(cloud.shape)
    visibility = np.where([len(p) > 0 for p in points], np.clip(seen, 0.0, 1.0), 0.0)
    categories = tuple(spec.category for spec in scene.objects)
    return SegmentedCloud(scene.names, categories, cloud.astype(np.float32), visibility.astype(np.float32)), seconds


def _hidden(points: Array, seen: float) -> bool:
    return len(points) == 0 and seen == 0.0


def _windows(scene: Scene, camera: Camera) -> tuple[Array, Array]:
    """(N, 2, 2) pixel rectangles around the objects, clipped to the image, and the (N,) areas of their outlines."""
    bounds = scene.bounds()
    corners = bounds[:, None, 0] + _CORNERS[None] * (bounds[:, 1] - bounds[:, 0])[:, None]
    pixels = camera.project(corners)
    limit = np.array([camera.width, camera.height], float)
    windows = np.stack([np.clip(pixels.min(axis=1), 0, limit), np.clip(pixels.max(axis=1), 0, limit)], axis=1)
    return windows, _box_areas(pixels)


_FACES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


def _box_areas(pixels: Array) -> Array:
    """(N,) area of projected boxes: half the sum of the absolute areas of their six projected faces."""
    faces = pixels[:, _FACES]
    after = np.roll(faces, -1, axis=2)
    shoelace = (faces[..., 0] * after[..., 1] - faces[..., 1] * after[..., 0]).sum(axis=2) / 2
    return np.asarray(np.abs(shoelace).sum(axis=1) / 2)


def _through(
    cast: Cast, camera: Camera, windows: Array, count: int, rng: np.random.Generator
) -> tuple[list[tuple[Array, NDArray[np.int64]]], float]:
    """Cast `count` rays through each window: hit points (k, 3) and the objects hit, for each, and the seconds it took."""
    directions = camera.rays(_stratified(windows, count, rng).reshape(-1, 2))
    eye = np.array(camera.eye)
    start = time.perf_counter()
    owners, distances = cast(eye, directions)
    seconds = time.perf_counter() - start
    points = (eye + directions * distances[:, None]).reshape(len(windows), -1, 3)
    return list(zip(points, owners.reshape(len(windows), -1), strict=True)), seconds


def _stratified(windows: Array, count: int, rng: np.random.Generator) -> Array:
    """(W, count', 2) jittered pixels on a grid over each window, the same number for each."""
    side = int(np.ceil(np.sqrt(count)))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2)
    unit = (grid + rng.random((len(windows), side * side, 2))) / side
    return np.asarray(windows[:, None, 0] + unit * (windows[:, 1] - windows[:, 0])[:, None])


def _resample(points: Array, rng: np.random.Generator) -> Array:
    """(k, 3) to (POINTS, 3): a random subset, or with repetition where too few were seen; NaN where none was."""
    if len(points) == 0:
        return np.full((POINTS, 3), np.nan)
    if len(points) >= POINTS:
        return points[rng.permutation(len(points))[:POINTS]]
    return np.concatenate([points, points[rng.integers(len(points), size=POINTS - len(points))]])
