"""Images of triangle meshes by numpy alone: what a pinhole camera sees, and how low and high a mesh is from above.

In a camera's frame a triangle with corners as rows of V is hit by the ray d = (u, v, 1) where all of b = d V^-1 are positive; its
inverse depth there is their sum. So every triangle is three linear forms over the image, before and behind the camera alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh

_LARGE = 1500
"""Pixels in the window of a triangle from which it is drawn by itself."""
_NEAR = 0.02
"""Metres; what a triangle has nearer than that makes its window the whole image."""
_SEAM = 1e-5
"""Share by which triangles overlap, so that no ray goes between them."""


@dataclass(frozen=True)
class Hits:
    """(H, W) depth in m of the first hit, infinite for none; number of the mesh; (H, W, 3) normal there, of any sign."""

    reach: Array
    mesh: NDArray[np.int64]
    normals: Array


@dataclass(frozen=True)
class Forms:
    """n triangles as linear forms (n, 3, 3), rows by (x, y, 1) and columns by corner, what corners are worth (n, 3), and windows
    (n, 4): first and last column and row, in pixels. x, y: coordinates of columns and rows."""

    shares: Array
    worth: Array
    windows: NDArray[np.int64]
    x: Array
    y: Array

    def highest(self) -> tuple[Array, NDArray[np.int64]]:
        """(H, W) the most that a triangle is worth at each pixel, -infinite for none, and that triangle."""
        best = np.full(len(self.y) * len(self.x), -np.inf, np.float32)
        owner = np.full(best.shape, -1, np.int64)
        first, last = self.windows[:, ::2], self.windows[:, 1::2]
        spans = np.maximum(last - first + 1, 0)
        area = spans.prod(axis=1)
        self._small(np.flatnonzero((area > 0) & (area <= _LARGE)), spans, best, owner)
        shape = (len(self.y), len(self.x))
        for number in np.flatnonzero(area > _LARGE):
            self._large(int(number), best.reshape(shape), owner.reshape(shape))
        return best.reshape(shape).astype(float), owner.reshape(shape)

    def _small(
        self, rows: NDArray[np.int64], spans: NDArray[np.int64], best: NDArray[np.float32], owner: NDArray[np.int64]
    ) -> None:
        """All at once, pixel by pixel of their windows."""
        if len(rows) == 0:
            return
        wide = spans[rows, 0]
        counts = wide * spans[rows, 1]
        triangle = np.repeat(np.arange(len(rows)), counts)
        place = np.arange(len(triangle)) - np.repeat(np.cumsum(counts) - counts, counts)
        down, across = np.divmod(place, wide[triangle])
        column, line = across + self.windows[rows, 0][triangle], down + self.windows[rows, 2][triangle]
        x, y = self.x[column], self.y[line]
        shares = [
            part[0][triangle] * x + part[1][triangle] * y + part[2][triangle]
            for part in np.moveaxis(self.shares[rows], 0, -1).swapaxes(0, 1)
        ]
        total = shares[0] + shares[1] + shares[2]
        least = np.minimum(np.minimum(shares[0], shares[1]), shares[2])
        hit = np.flatnonzero((least >= -_SEAM * total) & (total > 0))
        triangle = triangle[hit]
        worth = sum(share[hit] * self.worth[rows, i][triangle] for i, share in enumerate(shares)).astype(np.float32)
        pixel = line[hit] * len(self.x) + column[hit]
        np.maximum.at(best, pixel, worth)
        first = best[pixel] == worth
        owner[pixel[first]] = rows[triangle[first]]

    def _large(self, number: int, best: NDArray[np.float32], owner: NDArray[np.int64]) -> None:
        left, right, top, bottom = self.windows[number]
        window = (slice(top, bottom + 1), slice(left, right + 1))
        x, y = self.x[window[1]].astype(np.float32), self.y[window[0]].astype(np.float32)[:, None]
        forms = self.shares[number].astype(np.float32)
        shares = [forms[0, i] * x + (forms[1, i] * y + forms[2, i]) for i in range(3)]
        total = shares[0] + shares[1] + shares[2]
        worth = sum(share * np.float32(self.worth[number, i]) for i, share in enumerate(shares))
        margin = -np.float32(_SEAM) * total
        hit = (shares[0] >= margin) & (shares[1] >= margin) & (shares[2] >= margin) & (total > 0) & (worth > best[window])
        best[window][hit] = worth[hit]
        owner[window][hit] = number


class Triangles:
    """The triangles of some meshes."""

    def __init__(self, meshes: Sequence[Mesh]) -> None:
        self.corners = np.concatenate([mesh.vertices[mesh.triangles].astype(float) for mesh in meshes])
        self.mesh = np.repeat(np.arange(len(meshes)), [len(mesh.triangles) for mesh in meshes])

    def seen(self, camera: Intrinsics, eye: Array, axes: Array) -> Hits:
        """From a place (3,) m by a camera whose right, down and forward are the rows of axes (3, 3)."""
        corners = (self.corners - eye) @ axes.T
        x = np.asarray((np.arange(camera.width) - camera.cx) / camera.fx, float)
        y = np.asarray((np.arange(camera.height) - camera.cy) / camera.fy, float)
        near = corners[..., 2] < _NEAR
        places = corners[..., :2] / np.where(near, _NEAR, corners[..., 2])[..., None]
        places = places * (camera.fx, camera.fy) + (camera.cx, camera.cy)
        windows = _windows(places, np.asarray(near.any(axis=1)), camera.width, camera.height)
        windows[near.all(axis=1)] = (0, -1, 0, -1)
        kept = np.flatnonzero((windows[:, 1] >= windows[:, 0]) & (windows[:, 3] >= windows[:, 2]))
        kept, shares = _inverses(corners, kept)
        value, owner = Forms(shares, np.ones((len(kept), 3)), windows[kept], x, y).highest()
        owner = np.where(owner >= 0, kept[owner] if len(kept) else owner, -1)
        reach = np.where(owner >= 0, 1 / np.maximum(value, 1e-9), np.inf)
        return Hits(reach, np.where(owner >= 0, self.mesh[owner], -1), self._normals()[owner])

    def heights(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Lowest and highest z (len(x), len(y)) m over places at x and y (m, all as far apart); NaN where there is nothing."""
        pitch = next((float(line[1] - line[0]) for line in (x, y) if len(line) > 1), 1.0)
        places = (self.corners[..., :2] - (x[0], y[0])) / pitch
        windows = _windows(places, np.zeros(len(places), bool), len(x), len(y))
        flat = np.concatenate([self.corners[..., :2], np.ones((*self.corners.shape[:2], 1))], axis=-1)
        kept, shares = _inverses(flat, np.flatnonzero((windows[:, 1] >= windows[:, 0]) & (windows[:, 3] >= windows[:, 2])))
        found = []
        for sign in (-1.0, 1.0):
            high, owner = Forms(shares, sign * self.corners[kept][..., 2], windows[kept], x, y).highest()
            found.append(np.where(owner >= 0, sign * high, np.nan).T)
        return found[0], found[1]

    def _normals(self) -> Array:
        found = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12))


def _windows(places: Array, everywhere: NDArray[np.bool_], width: int, height: int) -> NDArray[np.int64]:
    """(n, 4) first and last column and row within an image, of triangles at places (n, 3, 2) in pixels."""
    low = np.clip(np.ceil(places.min(axis=1) - 1e-3), 0, (width, height))
    high = np.clip(np.floor(places.max(axis=1) + 1e-3), -1, (width - 1, height - 1))
    windows = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1).astype(np.int64)
    windows[everywhere] = (0, width - 1, 0, height - 1)
    return windows


def _inverses(corners: Array, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Array]:
    """Those of the rows of (n, 3, 3) that are not seen edge-on, and their inverses by which places are shared between corners."""
    a, b, c = (corners[rows, i] for i in range(3))
    columns = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=-1)
    volume = np.einsum("ij,ij->i", a, columns[..., 0])
    scale = np.abs(columns).max(axis=(1, 2)) * np.abs(a).max(axis=1)
    plain = np.abs(volume) > 1e-9 * np.maximum(scale, 1e-30)
    return rows[plain], columns[plain] / volume[plain][:, None, None]
