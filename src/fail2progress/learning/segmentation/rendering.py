"""Training scenes as a camera sees them, by rasters: depth, labels, and colours with random prints and light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.rasters import Triangles
from fail2progress.learning.segmentation.scenery import SUPPORT, Scenery

Real = NDArray[np.floating[Any]]
Painter = Callable[[Array, Array, bool, np.random.Generator], Array]
"""Colours (n, 3) of places (n, 3) m about a thing's middle, from its base colour, whether it is a support, and chance."""
Place = tuple[Intrinsics, Array, Array]
"""A camera, its place (3,) m, and its axes as rows (3, 3): right, down, forward."""
WIDTH, HEIGHT = 640, 480
_FAR = 6.0
_AWAY = 1000.0
"""Metres down to where nothing is seen."""
_THROUGH = 0.6
"""Share of things of glass whose depth is of what is behind them."""
_CONE = 1.2
"""Tangent of the angle to which a lamp's light is followed."""
_LAMP = 140.0
"""Pixels of the image from the lamp to one of that tangent."""


@dataclass(frozen=True)
class View:
    """colour (H, W, 3) uint8; depth (H, W) float32 m, 0 for none; labels (H, W) uint8: see `scenery`; facing (H, W) float32
    cosine between ray and surface; darkness (H, W) bool: what sends little light back."""

    colour: NDArray[np.uint8]
    depth: NDArray[np.float32]
    labels: NDArray[np.uint8]
    facing: NDArray[np.float32]
    dark: NDArray[np.bool_]
    camera: Intrinsics
    pose: Array | None = None
    """(4, 4) from the optical frame to the scene's, where it is known."""


def view(scene: Scenery, rng: np.random.Generator, width: int = WIDTH, painted: Painter | None = None) -> View:
    """From a random place with a random roll, small as a rule; width: of an image of 4 by 3, in pixels; painted: how a thing
    gets its colours."""
    place = _camera(scene, rng, width)
    if scene.clear:
        return _seen_through(scene, place, rng, painted or printed)
    return _rendered(scene, place, rng, painted or printed)


def _rendered(scene: Scenery, place: Place, rng: np.random.Generator, painted: Painter) -> View:
    """What a camera sees of things that let no light through."""
    camera, eye, axes = place
    triangles = Triangles(scene.meshes)
    columns, rows = (np.arange(n) for n in (camera.width, camera.height))
    u, v = np.meshgrid((columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy)
    rays = (np.stack([u, v, np.ones_like(u)], axis=-1) @ axes).astype(np.float32)
    hits = triangles.seen(camera, eye, axes)
    geometry, normals = hits.mesh, hits.normals.astype(np.float32)
    known = np.isfinite(hits.reach) & (hits.reach < _FAR)
    depth = np.where(known, hits.reach, 0.0).astype(np.float32)
    cosine = _dot(normals, rays) / np.sqrt(_dot(rays, rays))
    normals *= np.where(cosine > 0, np.float32(-1), np.float32(1))[..., None]
    points = eye.astype(np.float32) + rays * depth[..., None]
    labels = np.where(known, np.array(scene.labels)[np.where(known, geometry, 0)], 0)
    albedo = _albedo(scene, points, np.where(known, geometry, -1), rng, painted)
    colour = _lit(triangles, albedo, points, normals, known, rng)
    dark = np.asarray((albedo < 0.12).all(axis=-1))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = axes.T, eye
    facing = np.abs(cosine).astype(np.float32)
    return View(colour, depth, labels.astype(np.uint8), facing, dark, camera, pose)


def _seen_through(scene: Scenery, place: Place, rng: np.random.Generator, painted: Painter) -> View:
    """What a camera sees where some things are of glass: mostly what is behind them, with bright and dark rims, and depth that is
    the glass's own or of what is behind it."""
    seed = int(rng.integers(2**31))
    looks = {i: scene.looks.get(i, seed + i) for i in range(len(scene.meshes))}
    away = [mesh.shifted(0, 0, -_AWAY) if i in scene.clear else mesh for i, mesh in enumerate(scene.meshes)]
    # The same chances for both, so that all but the glass looks the same.
    whole = _rendered(replace(scene, looks=looks), place, np.random.default_rng(seed), painted)
    behind = _rendered(replace(scene, looks=looks, meshes=away), place, np.random.default_rng(seed), painted)
    colour, depth = whole.colour.astype(np.float32), whole.depth.copy()
    for label in sorted({scene.labels[i] for i in scene.clear}):
        own = whole.labels == label
        tint, rim = rng.uniform(0.02, 0.35), rng.uniform(-0.5, 0.9)
        steep = np.clip(1 - whole.facing[own] / rng.uniform(0.3, 0.8), 0, 1)[:, None]
        through = behind.colour[own] * (1 - tint) + colour[own] * tint
        colour[own] = through * (1 - np.abs(rim) * steep) + 255 * max(rim, 0.0) * steep
        if rng.random() < _THROUGH:
            depth[own] = np.where(behind.depth > 0, behind.depth, whole.depth)[own]
    return replace(whole, colour=np.clip(colour, 0, 255).astype(np.uint8), depth=depth)


def _camera(scene: Scenery, rng: np.random.Generator, width: int) -> Place:
    """By chance, as the scene says."""
    distance, elevation, azimuth = (rng.uniform(*limits) for limits in (scene.distance, scene.elevation, scene.azimuth))
    target = np.array([*rng.normal(0, scene.spread, 2), rng.uniform(0, 0.08)])
    away = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    forward = -away
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= max(float(np.linalg.norm(right)), 1e-6)
    roll = rng.normal(0, 0.12) if rng.random() < 0.75 else rng.uniform(-np.pi, np.pi)
    down = np.cross(forward, right)
    right, down = np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right
    focal, height = width * rng.uniform(0.78, 1.2), width * HEIGHT // WIDTH
    shift = rng.normal(0, 4, 2)
    camera = Intrinsics(width, height, focal, focal, width / 2 + shift[0], height / 2 + shift[1])
    return camera, target + distance * away, np.stack([right, down, forward])


def _albedo(scene: Scenery, points: Array, geometry: NDArray[np.int64], rng: np.random.Generator, painted: Painter) -> Array:
    """(H, W, 3) colours in [0, 1] without light."""
    image = np.zeros((*geometry.shape, 3), np.float32)
    # Some things have the colour of what they stand on, or of one another: of most of them in some scenes.
    common, share = rng.uniform(0.05, 1.0, 3), rng.choice([0.1, 0.3, 0.7], p=[0.6, 0.25, 0.15])
    owner = geometry.ravel().astype(np.int16)
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(len(scene.meshes) + 1))
    places, colours = points.reshape(-1, 3), image.reshape(-1, 3)
    for number, (mesh, label) in enumerate(zip(scene.meshes, scene.labels, strict=True)):
        pixels = order[ends[number] : ends[number + 1]]
        if len(pixels):
            own = np.random.default_rng(scene.looks[number]) if number in scene.looks else rng
            base = common if own.random() < share else any_colour(own)
            local = places[pixels] - mesh.vertices.mean(axis=0)
            colours[pixels] = painted(local, base, label == SUPPORT, own)
    return np.clip(image, 0.0, 1.0)


def any_colour(rng: np.random.Generator) -> Array:
    """(3,) in [0, 1], a shade of grey now and then."""
    if rng.random() < 0.35:
        return np.clip(rng.uniform(0.03, 1.0) + rng.normal(0, 0.03, 3), 0, 1)
    return rng.uniform(0.02, 1.0, 3)


def printed(local: Array, base: Array, support: bool, rng: np.random.Generator) -> Array:
    """(n, 3) colours of places (n, 3) m, as a Painter gives them: plain, striped, in patches, or with a label."""
    kind = rng.random()
    way = rng.standard_normal(3)
    way /= np.linalg.norm(way)
    along = local @ way
    result = np.broadcast_to(base, local.shape).copy()
    if kind < 0.2:
        result[np.sin(along / rng.uniform(0.002, 0.015)) > rng.uniform(-0.5, 0.8)] = any_colour(rng)
    elif kind < 0.4:
        grain = rng.uniform(0.004, 0.05)
        cells = np.floor(local / grain).astype(np.int64) @ np.array([73856093, 19349663, 83492791])
        palette = np.clip(base + rng.normal(0, 0.35 if not support else 0.15, (7, 3)), 0, 1)
        result = palette[cells % 7]
    elif kind < 0.6:
        edge = rng.uniform(-0.03, 0.03, 2)
        result[(along > edge.min()) & (along < edge.max() + 0.02)] = any_colour(rng)
    elif kind < 0.7 and support:
        result = result * (1 + 0.25 * np.sin(along / 0.006 + 3 * np.sin(local[:, :1].sum(axis=1) / 0.05)))[:, None]
    return result


def _lit(
    triangles: Triangles, albedo: Real, points: Real, normals: Real, known: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Under one lamp with shadows, and light from all around; with a camera's exposure, tint and noise."""
    lamp = np.array([*rng.normal(0, 0.8, 2), rng.uniform(0.8, 2.0)])
    toward = lamp.astype(np.float32) - points
    toward /= np.maximum(np.sqrt(_dot(toward, toward)), 1e-6)[..., None]
    light = np.maximum(_dot(normals, toward), 0.0)
    shine = light
    if rng.random() < 0.7:
        blocked = _shaded(triangles, lamp, points + normals * 0.004)
        light = np.where(blocked & known, light * rng.uniform(0.0, 0.6), light)
    ambient = rng.uniform(0.25, 0.8)
    shaded = albedo * (ambient + (1.1 - ambient) * light)[..., None]
    if rng.random() < 0.3:
        shaded += rng.uniform(0.1, 0.7) * (shine**30)[..., None]
    shaded[~known] = rng.uniform(0, 1, 3)
    shaded *= (rng.uniform(0.6, 1.3) * rng.uniform(0.85, 1.15, 3)).astype(np.float32)
    np.power(shaded, rng.uniform(0.7, 1.3), out=shaded)
    shaded += rng.normal(0, rng.uniform(0.0, 0.03), shaded.shape)
    shaded *= 255
    return np.asarray(np.clip(shaded, 0, 255, out=shaded), np.uint8)


def _dot(one: Real, other: Real) -> Real:
    """(H, W) of (H, W, 3) each."""
    return np.asarray(np.einsum("ijk,ijk->ij", one, other))


def _shaded(triangles: Triangles, lamp: Array, points: Real) -> NDArray[np.bool_]:
    """(H, W) whether something is between a lamp (3,) m above the support and points (H, W, 3) m, as far as it is followed."""
    forward = -lamp / np.linalg.norm(lamp)
    right = np.cross(forward, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward])
    size = 2 * _CONE * _LAMP
    camera = Intrinsics(round(size), round(size), _LAMP, _LAMP, size / 2 - 0.5, size / 2 - 0.5)
    first = triangles.seen(camera, lamp, axes).reach
    local = (points - lamp) @ axes.T
    deep = np.maximum(local[..., 2], 1e-3)
    column, row = (np.round(local[..., i] / deep * _LAMP + size / 2 - 0.5).astype(np.int64) for i in (0, 1))
    within = (local[..., 2] > 0) & (np.minimum(column, row) >= 0) & (np.maximum(column, row) < round(size))
    rows, columns = (np.clip(places, 0, round(size) - 1) for places in (row, column))
    return np.asarray(within & (first[rows, columns] < local[..., 2] - 0.01))
