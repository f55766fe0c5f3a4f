"""A pinhole depth camera by ray casting: partial-view segmented clouds without a renderer, whatever casts the rays.

Rays go where the objects are: stratified over every object's window in the image, then more for objects that are mostly hidden.
What such rays hit of other objects is not used, so that the density of points within a segment stays even.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.camera import Camera
from fail2progress.core.observation import POINTS, SegmentedCloud
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, Scene, rotations

FIRST_RAYS = 256
MORE_RAYS = 2048
_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])


Cast = Callable[[Array, Array], tuple[NDArray[np.int64], Array]]
"""Casts rays from an eye (3,) along unit directions (n, 3): the (n,) rows of the objects hit, -1 for none, and distances (m)."""


def look(cast: Cast, scene: Scene, camera: Camera, rng: np.random.Generator) -> tuple[SegmentedCloud, float]:
    """The segmented cloud of a scene, and the seconds that casting its rays took."""
    windows, outline = _windows(scene, camera)
    sides = windows[:, 1] - windows[:, 0]
    views = _views(scene, camera)
    points = [np.empty((0, 3))] * len(scene)
    seen, seconds = np.zeros(len(scene)), 0.0
    wanted = np.flatnonzero((sides > 0).all(axis=1))
    for count in (FIRST_RAYS, MORE_RAYS):
        if not len(wanted):
            break
        pixels = _stratified(windows[wanted], count, rng)
        positions, rows, spent = _hits(cast, camera, pixels, wanted, views)
        seconds += spent
        found = np.bincount(rows, minlength=len(wanted))
        seen[wanted] = found / pixels.shape[1] * np.prod(sides[wanted], axis=1) / np.maximum(outline[wanted], 1.0)
        for own, part in zip(wanted.tolist(), np.split(positions, np.cumsum(found)[:-1]), strict=True):
            points[own] = np.concatenate([points[own], part]) if len(points[own]) else part
        total = np.array([len(points[own]) for own in wanted])
        wanted = wanted[((total > 0) & (total < POINTS)) | ((total == 0) & (seen[wanted] == 0.0))]
    return _cloud(scene, points, seen, camera.noise, rng), seconds


def _cloud(scene: Scene, points: list[Array], seen: Array, noise: float, rng: np.random.Generator) -> SegmentedCloud:
    cloud = np.empty((len(scene), POINTS, 3))
    for own, found in enumerate(points):
        cloud[own] = _resample(found, rng)
    cloud += noise * rng.standard_normal(cloud.shape)
    visibility = np.where([len(found) > 0 for found in points], np.clip(seen, 0.0, 1.0), 0.0)
    categories = tuple(spec.category for spec in scene.objects)
    return SegmentedCloud(scene.names, categories, cloud.astype(np.float32), visibility.astype(np.float32))


def _windows(scene: Scene, camera: Camera) -> tuple[Array, Array]:
    """(N, 2, 2) pixel rectangles around the objects, clipped to the image, and the (N,) areas of their outlines."""
    bounds = scene.bounds()
    corners = bounds[:, None, 0] + _CORNERS[None] * (bounds[:, 1] - bounds[:, 0])[:, None]
    pixels = camera.project(corners)
    limit = np.array([camera.width, camera.height], float)
    windows = np.stack([np.clip(pixels.min(axis=1), 0, limit), np.clip(pixels.max(axis=1), 0, limit)], axis=1)
    return windows, _box_areas(pixels)


_FACES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
_NEXT = np.roll(_FACES, -1, axis=1)


def _box_areas(pixels: Array) -> Array:
    """(N,) area of projected boxes: half the sum of the absolute areas of their six projected faces."""
    x, y = pixels[..., 0], pixels[..., 1]
    shoelace = (x[:, _FACES] * y[:, _NEXT] - y[:, _FACES] * x[:, _NEXT]).sum(axis=2) / 2
    return np.asarray(np.abs(shoelace).sum(axis=1) / 2)


def _hits(
    cast: Cast, camera: Camera, pixels: Array, wanted: NDArray[np.int64], views: tuple[Array, Array]
) -> tuple[Array, NDArray[np.int64], float]:
    """Rays through n pixels for each of W wanted objects: (h, 3) where they hit that object, the (h,) rows of `wanted`, seconds.

    A ray that does not pass through the object's own box cannot hit it and is not cast.
    """
    begin = time.perf_counter()
    aimed, eye = _through(pixels, *(values[wanted] for values in views)), np.array(camera.eye)
    picking = time.perf_counter() - begin
    rows = np.nonzero(aimed)[0]
    directions = camera.rays(pixels[aimed])
    begin = time.perf_counter()
    owners, distances = cast(eye, directions)
    casting = time.perf_counter() - begin
    own = owners == wanted[rows]
    return directions[own] * distances[own, None] + eye, rows[own], picking + casting


def _views(scene: Scene, camera: Camera) -> tuple[Array, Array]:
    """Of every object's box as the camera sees it: (N, 6, 3) coefficients of a pixel's (u, v, 1), and (N, 3, 3) half sizes.

    The first three rows give the direction d of the pixel's ray along the axes of the box, the others the moment p x d of
    that line about the middle of the box, of which the eye is at p.
    """
    turns = rotations(scene.poses[:, 3:])
    eye = ((np.array(camera.eye) - scene.poses[:, :3])[:, None] @ turns)[:, 0]
    directions = turns.transpose(0, 2, 1) @ camera.unprojection()
    first, second = directions[:, _AFTER], directions[:, _BEFORE]
    moments = eye[:, _AFTER, None] * second - eye[:, _BEFORE, None] * first
    half = np.zeros((len(scene), 3, 3))
    half[:, [0, 1, 2], _AFTER] = scene.sizes[:, _BEFORE] / 2
    half[:, [0, 1, 2], _BEFORE] = scene.sizes[:, _AFTER] / 2
    return np.concatenate([directions, moments], axis=1), half


_AFTER, _BEFORE = [1, 2, 0], [2, 0, 1]
_GRAZING = 1e-4
"""Metres by which a ray may pass beside a box and is cast all the same: the scene was read up to a step of physics ago."""


def _through(pixels: Array, coefficients: Array, half: Array) -> Mask:
    """(W, n) whether the lines through (W, n, 2) pixels meet the boxes: no axis across both separates them."""
    homogeneous = np.ones((len(pixels), 3, pixels.shape[1]))
    homogeneous[:, :2] = pixels.transpose(0, 2, 1)
    lines = coefficients @ homogeneous
    np.abs(lines, out=lines)
    reach = half @ lines[:, :3]
    reach += _GRAZING
    return np.asarray((lines[:, 3:] <= reach).all(axis=1))


def _stratified(windows: Array, count: int, rng: np.random.Generator) -> Array:
    """(W, count', 2) jittered pixels on a grid over each window, the same number for each."""
    side = int(np.ceil(np.sqrt(count)))
    unit = rng.random((len(windows), side * side, 2))
    unit += _grid(side)
    unit /= side
    unit *= (windows[:, 1] - windows[:, 0])[:, None]
    unit += windows[:, None, 0]
    return np.asarray(unit)


@lru_cache(maxsize=4)
def _grid(side: int) -> Array:
    """(side * side, 2) rows and columns."""
    return np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2).astype(float)


def _resample(points: Array, rng: np.random.Generator) -> Array:
    """(k, 3) to (POINTS, 3): a random subset, or with repetition where too few were seen; NaN where none was."""
    if len(points) == 0:
        return np.full((POINTS, 3), np.nan)
    if len(points) >= POINTS:
        return points[rng.permutation(len(points))[:POINTS]]
    return np.concatenate([points, points[rng.integers(len(points), size=POINTS - len(points))]])
