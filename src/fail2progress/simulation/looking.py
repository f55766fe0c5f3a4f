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
from fail2progress.core.scene import Array, Scene

RAYS = (256, 400, 2116)
"""Rays through an object's window at first, where that gave too few points, and where very little of it is to be seen."""
_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])


Cast = Callable[[Array, Array], tuple[NDArray[np.int64], Array]]
"""Casts rays from an eye (3,) along unit directions (n, 3): the (n,) rows of the objects hit, -1 for none, and distances (m)."""


def look(cast: Cast, scene: Scene, camera: Camera, rng: np.random.Generator) -> tuple[SegmentedCloud, float]:
    """The segmented cloud of a scene, and the seconds that casting its rays took."""
    windows, outline = _windows(scene, camera)
    sides = windows[:, 1] - windows[:, 0]
    views, passes, seconds = _views(scene, camera), [], 0.0
    rays, hits = np.zeros(len(scene), int), np.zeros(len(scene), int)
    wanted = np.flatnonzero((sides > 0).all(axis=1))
    for count in RAYS:
        now = wanted[_suffices(count, rays[wanted], hits[wanted])]
        if not len(now):
            continue
        pixels = _stratified(windows[now], count, rng)
        positions, rows, spent = _hits(cast, camera, pixels, now, views)
        passes.append((positions, now[rows]))
        hits += np.bincount(now[rows], minlength=len(scene))
        rays[now] += pixels.shape[1]
        seconds += spent
        wanted = wanted[hits[wanted] < POINTS]
    visibility = hits / np.maximum(rays, 1) * sides.prod(axis=1) / np.maximum(outline, 1.0)
    points = _sample(passes, hits, rng)
    if camera.noise:
        points += camera.noise * rng.standard_normal(points.shape)
    categories = tuple(spec.category for spec in scene.objects)
    seen = np.clip(visibility, 0.0, 1.0).astype(np.float32)
    return SegmentedCloud(scene.names, categories, points.astype(np.float32), seen), seconds


def _suffices(count: int, rays: NDArray[np.int64], hits: NDArray[np.int64]) -> Mask:
    """(W,) whether so many rays more will do, by what those hit that were cast so far. The first and the last always do."""
    if count in (RAYS[0], RAYS[-1]):
        return np.ones(len(rays), bool)
    return np.asarray(hits * (1 + count / rays) >= POINTS)


def _sample(passes: list[tuple[Array, NDArray[np.int64]]], hits: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """(N, POINTS, 3) of each object's points a random subset, repeated where too few were seen; NaN where none was."""
    rows = np.concatenate([np.empty(0, int), *(rows for _, rows in passes)])
    points = np.concatenate([np.empty((0, 3)), *(points for points, _ in passes), np.full((1, 3), np.nan)])
    order = np.append(np.argsort(rows, kind="stable"), len(rows))
    chosen = np.full((len(hits), POINTS), len(rows))
    for own, (end, number) in enumerate(zip(np.cumsum(hits).tolist(), hits.tolist(), strict=True)):
        if number >= POINTS:
            chosen[own] = end - number + rng.permutation(number)[:POINTS]
        elif number:
            chosen[own, :number] = np.arange(end - number, end)
            chosen[own, number:] = rng.integers(end - number, end, size=POINTS - number)
    return np.asarray(points[order[chosen]])


def _windows(scene: Scene, camera: Camera) -> tuple[Array, Array]:
    """(N, 2, 2) pixel rectangles around the objects, clipped to the image, and the (N,) areas of their outlines."""
    pixels = camera.project(box_corners(scene.bounds()))
    limit = np.array([camera.width, camera.height], float)
    windows = np.stack([np.clip(pixels.min(axis=1), 0, limit), np.clip(pixels.max(axis=1), 0, limit)], axis=1)
    return windows, box_areas(pixels)


def box_corners(bounds: Array) -> Array:
    """(..., 8, 3) corners of boxes (..., 2, 3)."""
    low, high = bounds[..., None, 0, :], bounds[..., None, 1, :]
    return np.asarray(low + _CORNERS * (high - low))


_FACES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
_NEXT = np.roll(_FACES, -1, axis=1)


def box_areas(pixels: Array) -> Array:
    """(...) area of projected boxes (..., 8, 2): half the sum of the absolute areas of their six projected faces."""
    x, y = pixels[..., 0], pixels[..., 1]
    shoelace = (x[..., _FACES] * y[..., _NEXT] - y[..., _FACES] * x[..., _NEXT]).sum(axis=-1) / 2
    return np.asarray(np.abs(shoelace).sum(axis=-1) / 2)


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
    turns = scene.turns
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
