"""A pinhole depth camera by ray casting: partial-view segmented clouds without a renderer, whatever casts the rays.

Rays go where the objects are: stratified over every object's window in the image, then more for objects that are mostly hidden.
What such rays hit of other objects is not used, so that the density of points within a segment stays even.
"""

from __future__ import annotations

import math
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
_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]).T[:, :, None]


Cast = Callable[[Array, Array], tuple[NDArray[np.int64], Array]]
"""Casts rays from an eye (3,) along unit directions (n, 3): the (n,) rows of the objects hit, -1 for none, and distances (m)."""


def look(cast: Cast, scene: Scene, camera: Camera, rng: np.random.Generator) -> tuple[SegmentedCloud, float]:
    """The segmented cloud of a scene, and the seconds that casting its rays took."""
    windows, outline = _windows(scene, camera)
    sides = windows[:, 1] - windows[:, 0]
    views, passes, seconds = _views(scene, camera), [], 0.0
    rays, hits = np.zeros(len(scene), int), np.zeros(len(scene), int)
    areas = sides[:, 0] * sides[:, 1]
    wanted = np.flatnonzero((sides[:, 0] > 0) & (sides[:, 1] > 0))
    for count in RAYS:
        now = wanted[_suffices(count, rays[wanted], hits[wanted])]
        if not len(now):
            continue
        pixels = _stratified(windows[now], count, rng)
        positions, owners, spent = _hits(cast, camera, pixels, now, views)
        passes.append((positions, owners))
        hits += np.bincount(owners, minlength=len(scene))
        rays[now] += pixels.shape[2]
        seconds += spent
        wanted = wanted[hits[wanted] < POINTS]
    visibility = np.minimum(hits / np.maximum(rays, 1) * areas / np.maximum(outline, 1.0), 1.0)
    points = _sample(passes, hits, rng)
    if camera.noise:
        points += camera.noise * rng.standard_normal(points.shape)
    categories = tuple(spec.category for spec in scene.objects)
    seen = points.astype(np.float32, order="C")
    return SegmentedCloud(scene.names, categories, seen, visibility.astype(np.float32)), seconds


def _suffices(count: int, rays: NDArray[np.int64], hits: NDArray[np.int64]) -> Mask:
    """(W,) whether so many rays more will do, by what those hit that were cast so far. The first and the last always do."""
    if count in (RAYS[0], RAYS[-1]):
        return np.ones(len(rays), bool)
    return np.asarray(hits * (1 + count / rays) >= POINTS)


def _sample(passes: list[tuple[Array, NDArray[np.int64]]], hits: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """(N, POINTS, 3) of each object's points a random subset, repeated where too few were seen; NaN where none was.

    passes: (3, h) points and the (h,) objects that they are of.
    """
    rows = np.concatenate([np.empty(0, int), *(rows for _, rows in passes)])
    points = np.concatenate([*(points for points, _ in passes), _NOWHERE], axis=1)
    order = np.append(np.argsort(rows, kind="stable"), len(rows))
    chosen = np.full((len(hits), POINTS), len(rows))
    begin = 0
    for number, own in zip(hits.tolist(), chosen, strict=True):
        if number >= POINTS:
            np.add(rng.permutation(number)[:POINTS], begin, out=own)
        elif number:
            own[:number] = np.arange(begin, begin + number)
            own[number:] = rng.integers(begin, begin + number, size=POINTS - number)
        begin += number
    return points.take(order.take(chosen), axis=1).transpose(1, 2, 0)


_NOWHERE = np.full((3, 1), np.nan)


def _windows(scene: Scene, camera: Camera) -> tuple[Array, Array]:
    """(N, 2, 2) pixel rectangles around the objects, clipped to the image, and the (N,) areas of their outlines."""
    pixels = camera.project_rows(box_corners(scene.bounds()).reshape(3, -1)).reshape(2, 8, -1)
    edges = np.stack([pixels.min(axis=1), pixels.max(axis=1)])
    np.maximum(edges, 0.0, out=edges)
    np.minimum(edges, np.array([camera.width, camera.height], float)[:, None], out=edges)
    return edges.transpose(2, 0, 1), box_areas(pixels)


def box_corners(bounds: Array) -> Array:
    """(3, 8, N) corners of N boxes (N, 2, 3)."""
    low, high = bounds.transpose(1, 2, 0)[:, :, None]
    return np.asarray(low + _CORNERS * (high - low))


_FACES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
_AROUND = np.concatenate([_FACES, _FACES[:, :1]], axis=1)


def box_areas(pixels: Array) -> Array:
    """(N,) areas of projected boxes (2, 8, N): half the sum of the absolute areas of their six projected faces."""
    x, y = pixels.take(_AROUND, axis=1)
    shoelace = x[:, :-1] * y[:, 1:]
    shoelace -= y[:, :-1] * x[:, 1:]
    return np.asarray(np.abs(shoelace.sum(axis=1) / 2).sum(axis=0) / 2)


def _hits(
    cast: Cast, camera: Camera, pixels: Array, wanted: NDArray[np.int64], views: tuple[Array, Array]
) -> tuple[Array, NDArray[np.int64], float]:
    """Rays through (W, 3, n) pixels of W wanted objects: (3, h) where they hit that object, the (h,) objects, and seconds.

    A ray that does not pass through the object's own box cannot hit it and is not cast.
    """
    begin = time.perf_counter()
    aimed, eye = _through(pixels, *(values[wanted] for values in views)), np.array(camera.eye)
    picking = time.perf_counter() - begin
    count = pixels.shape[2]
    cells = np.flatnonzero(aimed)
    rows = cells // count
    first = cells + 2 * count * rows  # pixels hold three numbers for each cell
    objects, flat = wanted.take(rows), pixels.ravel()
    directions = camera.ray_rows(flat.take(first), flat.take(first + count))
    begin = time.perf_counter()
    owners, distances = cast(eye, np.ascontiguousarray(directions.T))
    casting = time.perf_counter() - begin
    own = np.flatnonzero(owners == objects)
    positions = directions.take(own, axis=1)
    positions *= distances.take(own)
    positions += eye[:, None]
    return positions, objects.take(own), picking + casting


def _views(scene: Scene, camera: Camera) -> tuple[Array, Array]:
    """Of every object's box as the camera sees it: (N, 6, 3) coefficients of a pixel's (u, v, 1), and (N, 3, 3) half sizes.

    The first three rows give the direction d of the pixel's ray along the axes of the box, the others the moment p x d of
    that line about the middle of the box, of which the eye is at p.
    """
    turns = scene.turns
    eye = ((np.array(camera.eye) - scene.poses[:, :3])[:, None] @ turns)[:, 0]
    directions = turns.transpose(0, 2, 1) @ camera.unprojection()
    lines = np.empty((len(scene), 6, 3))
    lines[:, :3] = directions
    np.multiply(eye.take(_AFTER, axis=1)[:, :, None], directions.take(_BEFORE, axis=1), out=lines[:, 3:])
    lines[:, 3:] -= eye.take(_BEFORE, axis=1)[:, :, None] * directions.take(_AFTER, axis=1)
    return lines, (scene.sizes @ _HALVES).reshape(-1, 3, 3)


_AFTER, _BEFORE = np.array([1, 2, 0]), np.array([2, 0, 1])
_HALVES = np.array([[[0.0, 0, 0], [0, 0, 1], [0, 1, 0]], [[0, 0, 1], [0, 0, 0], [1, 0, 0]], [[0, 1, 0], [1, 0, 0], [0, 0, 0]]])
_HALVES = _HALVES.reshape(3, 9) / 2
"""Sizes times this: of the axis after each axis half the extent along the one before it, and the other way round."""
_GRAZING = 1e-4
"""Metres by which a ray may pass beside a box and is cast all the same: the scene was read up to a step of physics ago."""


def _through(pixels: Array, coefficients: Array, half: Array) -> Mask:
    """(W, n) whether the lines through (W, 3, n) pixels meet the boxes: no axis across both separates them."""
    lines = coefficients @ pixels
    np.abs(lines, out=lines)
    reach = half @ lines[:, :3]
    reach += _GRAZING
    return np.asarray((lines[:, 3:] <= reach).all(axis=1))


def _stratified(windows: Array, count: int, rng: np.random.Generator) -> Array:
    """(W, 3, count') jittered pixels (u, v, 1) on a grid over each window, the same number for each."""
    side = math.isqrt(count - 1) + 1
    pixels = np.ones((len(windows), 3, side * side))
    unit = pixels[:, :2]
    np.add(rng.random((len(windows), side * side, 2)).transpose(0, 2, 1), _grid(side), out=unit)
    unit /= side
    unit *= (windows[:, 1] - windows[:, 0])[:, :, None]
    unit += windows[:, 0, :, None]
    return pixels


@lru_cache(maxsize=4)
def _grid(side: int) -> Array:
    """(2, side * side) rows and columns."""
    return np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij")).reshape(2, -1).astype(float)
