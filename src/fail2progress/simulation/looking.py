"""A pinhole depth camera by ray casting: partial-view segmented clouds without a renderer, whatever casts the rays.

Rays go where the objects are: stratified over every object's window in the image, then more for objects that are mostly hidden.
What such rays hit of other objects is not used, so that the density of points within a segment stays even.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.camera import Camera
from fail2progress.core.observation import POINTS, SegmentedCloud
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, Boxes, Scene

RAYS = (256, 400, 2116)
"""Rays through an object's window at first, where that gave too few points, and where very little of it is to be seen."""
_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]).T[:, :, None]


Cast = Callable[[Array, Array], tuple[NDArray[np.int64], Array]]
"""Casts rays from an eye (3,) along unit directions (n, 3): the (n,) rows of the objects hit, -1 for none, and distances (m)."""


@dataclass(frozen=True)
class View:
    """A scene, what sees it, what casts rays in it, and the chance of this look."""

    cast: Cast
    scene: Scene
    camera: Camera
    rng: np.random.Generator


def look(cast: Cast, scene: Scene, camera: Camera, rng: np.random.Generator) -> tuple[SegmentedCloud, float]:
    """The segmented cloud of a scene, and the seconds that casting its rays took."""
    return look_all([View(cast, scene, camera, rng)])[0]


def look_all(views: Sequence[View]) -> list[tuple[SegmentedCloud, float]]:
    """What `look` gives for each view: all objects are aimed at in one pass, rays are cast view by view."""
    starts = np.cumsum([0, *(len(view.scene) for view in views)])
    rigs, boxes = _Rigs.of([view.camera for view in views], np.diff(starts)), Boxes.of([view.scene for view in views])
    windows, outline = _windows(boxes, rigs)
    sides = windows[:, 1] - windows[:, 0]
    lines, half = _lines(boxes, rigs)
    rays, hits = np.zeros(starts[-1], int), np.zeros(starts[-1], int)
    wanted = np.flatnonzero((sides[:, 0] > 0) & (sides[:, 1] > 0))
    passes, seconds = [_NOTHING], [0.0] * len(views)
    for count in RAYS:
        now = wanted[_suffices(count, rays[wanted], hits[wanted])]
        begin = len(passes)
        for number, rows in _by_view(now, starts):
            view = views[number]
            pixels = _stratified(windows[rows], count, view.rng)
            positions, owners, spent = _hits(view, pixels, rows, int(starts[number]), (lines[rows], half[rows]))
            passes.append((positions, owners))
            rays[rows] += pixels.shape[2]
            seconds[number] += spent
        hits += np.bincount(np.concatenate([owners for _, owners in passes[begin:]] or [now]), minlength=len(hits))
        wanted = wanted[hits[wanted] < POINTS]
    visibility = np.minimum(hits / np.maximum(rays, 1) * (sides[:, 0] * sides[:, 1]) / np.maximum(outline, 1.0), 1.0)
    points = _sample(passes, hits, [(view.rng, len(view.scene)) for view in views])
    clouds = map(_cloud, views, np.split(points, starts[1:-1]), np.split(visibility, starts[1:-1]))
    return list(zip(clouds, seconds, strict=True))


def _cloud(view: View, points: Array, visibility: Array) -> SegmentedCloud:
    if view.camera.noise:
        points = points + view.camera.noise * view.rng.standard_normal(points.shape)
    categories = tuple(spec.category for spec in view.scene.objects)
    return SegmentedCloud(view.scene.names, categories, points.astype(np.float32, order="C"), visibility.astype(np.float32))


def _by_view(rows: NDArray[np.int64], starts: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Ascending rows of objects by the views that have some of them."""
    cuts = np.searchsorted(rows, starts).tolist()
    for number, (begin, end) in enumerate(pairwise(cuts)):
        if begin < end:
            yield number, rows[begin:end]


def _suffices(count: int, rays: NDArray[np.int64], hits: NDArray[np.int64]) -> Mask:
    """(W,) whether so many rays more will do, by what those hit that were cast so far. The first and the last always do."""
    if count in (RAYS[0], RAYS[-1]):
        return np.ones(len(rays), bool)
    return np.asarray(hits * (1 + count / rays) >= POINTS)


def _sample(
    passes: list[tuple[Array, NDArray[np.int64]]], hits: NDArray[np.int64], chances: list[tuple[np.random.Generator, int]]
) -> Array:
    """(M, POINTS, 3) of each object's points a random subset, repeated where too few were seen; NaN where none was.

    passes: (3, h) points and the (h,) objects that they are of. chances: whose chance decides for how many of the objects.
    """
    rows = np.concatenate([rows for _, rows in passes])
    points = np.concatenate([*(points for points, _ in passes), _NOWHERE], axis=1)
    order = np.append(np.argsort(rows, kind="stable"), len(rows))
    chosen = np.full((len(hits), POINTS), len(rows))
    begin, numbers = 0, iter(zip(hits.tolist(), chosen, strict=True))
    for rng, objects in chances:
        for number, own in islice(numbers, objects):
            if number >= POINTS:
                np.add(rng.permutation(number)[:POINTS], begin, out=own)
            elif number:
                own[:number] = np.arange(begin, begin + number)
                own[number:] = rng.integers(begin, begin + number, size=POINTS - number)
            begin += number
    return points.take(order.take(chosen), axis=1).transpose(1, 2, 0)


_NOWHERE = np.full((3, 1), np.nan)
_NOTHING = np.empty((3, 0)), np.empty(0, int)


@dataclass(frozen=True)
class _Rigs:
    """The cameras of M objects: (M, 3) eye, (M, 3, 3) axes and unprojection, (M,) focal, (M, 2) width and height of the image."""

    eye: Array
    axes: Array
    unprojection: Array
    focal: Array
    image: Array

    @staticmethod
    def of(cameras: Sequence[Camera], objects: NDArray[np.int64]) -> _Rigs:
        """objects: how many each camera sees."""
        columns = (
            [camera.eye for camera in cameras],
            [camera.axes() for camera in cameras],
            [camera.unprojection() for camera in cameras],
            [camera.focal for camera in cameras],
            [(camera.width, camera.height) for camera in cameras],
        )
        return _Rigs(*(np.repeat(np.array(column, float), objects, axis=0) for column in columns))


def _windows(boxes: Boxes, rigs: _Rigs) -> tuple[Array, Array]:
    """(M, 2, 2) pixel rectangles around the objects, clipped to the image, and the (M,) areas of their outlines."""
    pixels = _projected(box_corners(boxes.bounds), rigs)
    image = rigs.image.T
    edges = np.stack([pixels.min(axis=1), pixels.max(axis=1)])
    np.maximum(edges, 0.0, out=edges)
    np.minimum(edges, image, out=edges)
    own = _projected(own_corners(boxes.centres, boxes.turns, boxes.sizes), rigs)
    return edges.transpose(2, 0, 1), outlines(pixels, own)


def _projected(corners: Array, rigs: _Rigs) -> Array:
    """(2, 8, M) pixels of corners (3, 8, M) m."""
    local = np.ascontiguousarray((rigs.axes @ (corners - rigs.eye.T[:, None]).transpose(2, 0, 1)).transpose(1, 2, 0))
    pixels = local[:2] / np.maximum(local[2], 1e-3)
    pixels *= rigs.focal
    pixels += rigs.image.T[:, None] / 2
    return np.asarray(pixels)


def box_corners(bounds: Array) -> Array:
    """(3, 8, N) corners of N boxes (N, 2, 3)."""
    low, high = bounds.transpose(1, 2, 0)[:, :, None]
    return np.asarray(low + _CORNERS * (high - low))


def own_corners(centres: Array, turns: Array, sizes: Array) -> Array:
    """(3, 8, N) corners of boxes with centres (N, 3) m, turns (N, 3, 3) and sizes (N, 3) m."""
    local = (_CORNERS[:, :, 0].T - 0.5) * sizes[:, None]
    return np.asarray((centres[:, None] + local @ turns.transpose(0, 2, 1)).transpose(2, 1, 0))


def outlines(around: Array, own: Array) -> Array:
    """(N,) areas of things' outlines, from projected boxes (2, 8, N) around them: along the axes of the frame, and their own. The
    lesser counts: a bar that lies askew fills its own box, and a cup does not turn with its box."""
    return np.minimum(box_areas(around), box_areas(own))


_FACES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
_AROUND = np.concatenate([_FACES, _FACES[:, :1]], axis=1)


def box_areas(pixels: Array) -> Array:
    """(N,) areas of projected boxes (2, 8, N): half the sum of the absolute areas of their six projected faces."""
    x, y = pixels.take(_AROUND, axis=1)
    shoelace = x[:, :-1] * y[:, 1:]
    shoelace -= y[:, :-1] * x[:, 1:]
    return np.asarray(np.abs(shoelace.sum(axis=1) / 2).sum(axis=0) / 2)


def _hits(
    view: View, pixels: Array, rows: NDArray[np.int64], first: int, boxes: tuple[Array, Array]
) -> tuple[Array, NDArray[np.int64], float]:
    """Rays through (W, 3, n) pixels of W objects: (3, h) where they hit that object, the (h,) rows of the objects, and seconds.

    first: the row of the view's first object. A ray that does not pass through the object's own box is not cast: it cannot hit.
    """
    begin = time.perf_counter()
    aimed, eye = _through(pixels, *boxes), np.array(view.camera.eye)
    picking = time.perf_counter() - begin
    count = pixels.shape[2]
    cells = np.flatnonzero(aimed)
    windows = cells // count
    corner = cells + 2 * count * windows  # pixels hold three numbers for each cell
    objects, flat = rows.take(windows), pixels.ravel()
    directions = view.camera.ray_rows(flat.take(corner), flat.take(corner + count))
    begin = time.perf_counter()
    owners, distances = view.cast(eye, np.ascontiguousarray(directions.T))
    casting = time.perf_counter() - begin
    own = np.flatnonzero(owners == objects - first)
    positions = directions.take(own, axis=1)
    positions *= distances.take(own)
    positions += eye[:, None]
    return positions, objects.take(own), picking + casting


def _lines(boxes: Boxes, rigs: _Rigs) -> tuple[Array, Array]:
    """Of every box as its camera sees it: (M, 6, 3) coefficients of a pixel's (u, v, 1), and (M, 3, 3) half sizes.

    The first three rows give the direction d of the pixel's ray along the axes of the box, the others the moment p x d of
    that line about the middle of the box, of which the eye is at p.
    """
    turns = boxes.turns
    eye = ((rigs.eye - boxes.centres)[:, None] @ turns)[:, 0]
    directions = turns.transpose(0, 2, 1) @ rigs.unprojection
    lines = np.empty((len(turns), 6, 3))
    lines[:, :3] = directions
    np.multiply(eye.take(_AFTER, axis=1)[:, :, None], directions.take(_BEFORE, axis=1), out=lines[:, 3:])
    lines[:, 3:] -= eye.take(_BEFORE, axis=1)[:, :, None] * directions.take(_AFTER, axis=1)
    return lines, (boxes.sizes @ _HALVES).reshape(-1, 3, 3)


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
