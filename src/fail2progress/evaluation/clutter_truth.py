"""Rendered crowded scenes as a depth sensor sees them, and their truth: where things are, which are hollow, what lies in what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh
from fail2progress.learning.segmentation.rasters import Triangles
from fail2progress.learning.segmentation.rendering import View, view
from fail2progress.learning.segmentation.scenery import FIRST, KINDS, SUPPORT, Scenery, scenery_of
from fail2progress.learning.segmentation.sensors import SENSORS, sensed_by

WIDTH = 640
"""Pixels of an image of 640 x 480."""
_PLACES = ("table", "table", "table", "table", "tote", "floor", "shelf")
"""Kinds of scenes, one after another."""
_CELL = 0.003
"""Metres; heights are looked at on such a grid."""
_DEEP = 0.012
"""Metres below its rim of the inside of something hollow, at least."""
_IN = 0.25
"""Share of a content's height that is below the rim, at least: what people call inside."""
_OUT = 0.003
"""Metres below the rim up to which something lies across it."""
_AROUND = 24
"""Directions in which a rim is looked for."""


@dataclass(frozen=True)
class Truth:
    """Of n things: vertices (k, 3) m of each; hollow (n,); inside (n, n), 1 where row lies in column, 0 where not, -1 where
    people would not agree."""

    vertices: tuple[Array, ...]
    hollow: NDArray[np.bool_]
    inside: NDArray[np.int8]


@dataclass(frozen=True)
class Snapshot:
    """One frame with its truth: things (H, W) from 1, 0 for what is none; ways: how each was put there, from thing 1."""

    frame: RgbdFrame
    things: NDArray[np.int64]
    ways: tuple[str, ...]
    place: str
    sensor: str
    truth: Truth
    tote: NDArray[np.bool_]
    """(H, W) pixels of what holds all things; none where nothing does."""
    pose: Array
    """(4, 4) from the optical frame to the scene's."""


def snapshot(seed: int, number: int) -> Snapshot:
    """A scene of a seed; the camera's pose is known in every other frame."""
    rng = np.random.default_rng((seed, number, 47))
    place, sensor = _PLACES[number % len(_PLACES)], SENSORS[number % len(SENSORS)]
    assert place in KINDS
    scene = scenery_of(place, rng)
    seen: View = view(scene, rng, WIDTH)
    depth = sensed_by(sensor, seen, rng)
    frame = RgbdFrame(seen.colour, depth, seen.camera, pose=seen.pose if number % 2 else None)
    things = np.maximum(seen.labels.astype(np.int64) - FIRST + 1, 0)
    assert seen.pose is not None
    tote = (seen.labels == SUPPORT) & (place == "tote")
    return Snapshot(frame, things, tuple(scene.ways), place, sensor, truth_of(scene), tote, seen.pose)


@dataclass(frozen=True)
class _Cavity:
    """rim, floor: m above the origin; middle (2,) and radii (24,) m of its outline by direction."""

    rim: float
    floor: float
    middle: Array
    radii: Array

    def around(self, points: Array) -> NDArray[np.bool_]:
        """(n,) whether points (n, 2) are within its outline."""
        offset = points - self.middle
        bins = _bins(offset)
        return np.asarray(np.hypot(*offset.T) < self.radii[bins])


def truth_of(scene: Scenery) -> Truth:
    """Of every thing, in the order of its label."""
    meshes = [mesh for mesh, label in zip(scene.meshes, scene.labels, strict=True) if label >= FIRST]
    cavities = [_cavity(mesh, place) for mesh, place in zip(meshes, scene.places, strict=True)]
    inside = np.zeros((len(meshes),) * 2, np.int8)
    for j, cavity in enumerate(cavities):
        for i, mesh in enumerate(meshes):
            if cavity is not None and i != j:
                inside[i, j] = _lies_in(mesh, cavity)
    vertices = tuple(mesh.vertices.astype(float) for mesh in meshes)
    return Truth(vertices, np.array([cavity is not None for cavity in cavities], bool), inside)


def _cavity(mesh: Mesh, axis: Array) -> _Cavity | None:
    """What is open to above around the mesh's own axis (2,) m; None where that is no cavity."""
    reach = np.arange(-0.16, 0.16, _CELL)
    _, top = Triangles([mesh]).heights(reach + axis[0], reach + axis[1])
    x, y = np.meshgrid(reach, reach, indexing="ij")
    offset = np.stack([x, y], axis=-1)
    middle = top[np.hypot(x, y) < 0.008]
    if not np.isfinite(middle).any():
        return None
    floor, bins, away = float(np.nanmedian(middle)), _bins(offset.reshape(-1, 2)).reshape(x.shape), np.hypot(x, y)
    rims, radii = np.full(_AROUND, -np.inf), np.zeros(_AROUND)
    for k in range(_AROUND):
        own = (bins == k) & np.isfinite(top)
        if own.any():
            rims[k] = top[own].max()
            radii[k] = away[own & (top > rims[k] - 0.003)].min()
    if not np.isfinite(rims).all():
        return None
    rim = float(np.quantile(rims, 0.1))  # a spout or a handle is higher or lower than the rest
    return _Cavity(rim, floor, axis, radii) if rim - floor > _DEEP else None


def _bins(offset: Array) -> NDArray[np.int64]:
    return np.asarray(((np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) + 0.5) * _AROUND).astype(np.int64) % _AROUND)


def _lies_in(mesh: Mesh, cavity: _Cavity) -> int:
    """1, 0 or -1 as in Truth."""
    points = mesh.vertices.astype(float)
    low, high = float(points[:, 2].min()), float(points[:, 2].max())
    foot = points[points[:, 2] < low + 0.1 * (high - low) + 0.002, :2].mean(axis=0)
    if not cavity.around(foot[None])[0] or low > cavity.rim - _OUT:
        return 0
    if low < cavity.floor - _OUT:
        return 0  # of two bowls in one another, the outer one
    return 1 if cavity.rim - low > max(_IN * (high - low), 2 * _OUT) else -1
