"""The view of a box from straight before one of its sides: how far every spot of it lies behind that side's plane."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array
from fail2progress.perception.pixels import rows_and_columns
from fail2progress.perception.segmentation.geometric.depth import Image
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan

_Part = TypeVar("_Part")
_FEWEST = 100
"""Readings of a face, at least."""
_FILLED = 2.0
"""Cells to the nearest one with a reading, below which a cell shows what that does."""


@dataclass(frozen=True)
class Face:
    """A vertical side of a box: middle (2,), outward normal (2,), width, depth behind it, foot and top, all in m."""

    middle: Array
    normal: Array
    width: float
    depth: float
    foot: float
    top: float

    def local(self, points: Image) -> Array:
        """(n, 3) along the side, behind it, and above its foot, of points (n, 3)."""
        offset = points[:, :2].astype(float) - self.middle
        along = offset @ np.array([-self.normal[1], self.normal[0]])
        return np.stack([along, -(offset @ self.normal), points[:, 2] - self.foot], axis=1)

    @property
    def facing(self) -> float:
        """Cosine between the normal and the level way to the camera, which is at the origin."""
        return float(-self.middle @ self.normal / max(float(np.linalg.norm(self.middle)), 1e-6))


@dataclass(frozen=True)
class Elevation:
    """(rows from the foot upwards, columns along the face): `behind` in m of the frontmost reading of every cell and `deepest` of
    its last one, `light` of all, from 0 to 255, or of the nearest cell that has one; `known`: cells that have one, or nearly;
    cell: (2,) height and width of cells (m); noise: standard deviation of `behind` (m)."""

    face: Face
    behind: Array
    deepest: Array
    light: Array
    known: Mask
    cell: Array
    noise: float

    def place(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[float, float, float, float]:
        """From and to, along the face and above its foot (m), of rows and columns (first, last)."""
        begin = -self.face.width / 2
        height, width = self.cell
        return begin + columns[0] * width, begin + (columns[1] + 1) * width, rows[0] * height, (rows[1] + 1) * height


def elevation(scan: Scan, pixels: Numbers, at: Array, face: Face, before: float) -> Elevation | None:
    """Of what pixels (n,) at places (n, 3) show of a face, and up to so many m before it; None where too little is seen."""
    shown = (np.abs(at[:, 0]) < face.width / 2) & (at[:, 1] > -before) & (at[:, 1] < face.depth)
    shown &= (at[:, 2] > 0) & (at[:, 2] < face.top - face.foot)
    at, shade = at[shown], scan.colour.reshape(-1, 3)[pixels[shown]].mean(axis=1)
    if len(at) < _FEWEST:
        return None
    size = np.array([face.top - face.foot, face.width])
    shape = np.maximum((size / pitch(scan, face)).astype(int), 1)
    cell = size / shape
    places = ((at[:, [2, 0]] + (0.0, face.width / 2)) / cell).astype(int)
    rows, columns = np.minimum(places, shape - 1).T
    cells, count = rows * shape[1] + columns, int(shape[0] * shape[1])
    order = np.argsort(at[:, 1], kind="stable")
    behind, deepest = np.full((2, count), np.nan)
    deepest[cells[order]] = at[order, 1]
    behind[cells[order[::-1]]] = at[order[::-1], 1]
    hits = np.bincount(cells, minlength=count)
    light = np.bincount(cells, weights=shade, minlength=count) / np.maximum(hits, 1)
    away, nearest = ndimage.distance_transform_edt((hits == 0).reshape(shape), return_indices=True)
    behind, deepest, light = (image.reshape(shape)[tuple(nearest)] for image in (behind, deepest, light))
    noise = _noise(behind, hits.reshape(shape) > 0)
    return Elevation(face, behind, deepest, light, np.asarray(away < _FILLED), cell, noise)


def raw(scan: Scan, rotation: Array, pixels: Numbers) -> Image:
    """(n, 3) m, level axes with the camera at the origin: readings as they are, not those of facets."""
    rows, columns = rows_and_columns(pixels, scan.inverted.shape[1])
    rays = np.stack([scan.u[rows, columns], scan.v[rows, columns], np.ones(len(pixels), np.float32)], axis=1)
    away = 1 / np.maximum(scan.inverted[rows, columns], 1e-6)
    return np.asarray((rays * away[:, None]) @ rotation.T.astype(np.float32))


def pitch(scan: Scan, face: Face) -> Array:
    """(2,) m between the places of neighbouring pixels on a face, up and along it."""
    middle = np.array([*face.middle, (face.foot + face.top) / 2])
    away = float(np.linalg.norm(middle))
    level = float(np.linalg.norm(face.middle))
    return np.array([away / level, 1 / max(face.facing, 0.2)]) * away / scan.focal


def _noise(behind: Array, seen: Mask) -> float:
    """Standard deviation (m) of what lies in a plane, by neighbouring cells that have readings of their own."""
    beside = np.abs(np.diff(behind, axis=1))[seen[:, 1:] & seen[:, :-1]]
    return float(1.05 * np.median(beside)) if len(beside) else np.inf


def apart(found: Iterable[_Part], meets: Callable[[_Part, _Part], bool]) -> list[_Part]:
    """Parts of a face that meet none of those before them."""
    kept: list[_Part] = []
    for part in found:
        if not any(meets(part, other) for other in kept):
            kept.append(part)
    return kept
