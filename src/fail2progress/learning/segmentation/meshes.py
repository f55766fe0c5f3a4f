"""Triangle meshes made of a few numbers: boxes, things turned on a lathe, tubes along a path, flat outlines with a thickness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array

SIDES = 24
"""Of what is round."""


@dataclass(frozen=True)
class Mesh:
    """vertices: (n, 3) float32 m; triangles: (m, 3) uint32 rows of vertices."""

    vertices: NDArray[np.float32]
    triangles: NDArray[np.uint32]

    def moved(self, rotation: Array, shift: Array | tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Mesh:
        """Turned by (3, 3), then shifted by (3,) m."""
        turned = self.vertices.astype(float) @ np.asarray(rotation).T + np.asarray(shift)
        return Mesh(turned.astype(np.float32), self.triangles)

    def shifted(self, *shift: float) -> Mesh:
        """Shifted by x, y, z in m."""
        return self.moved(np.eye(3), np.array(shift))


def union(*meshes: Mesh) -> Mesh:
    """All of them as one; what is within another stays, since rays do not reach it."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    triangles = [mesh.triangles + np.uint32(start) for mesh, start in zip(meshes, starts, strict=True)]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(triangles))


def box(x: float, y: float, z: float) -> Mesh:
    """Sides in m; the middle of its bottom at the origin."""
    corners = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (0.0, 1.0)]) * (x, y, z)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh(corners.astype(np.float32), np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.uint32))


def open_box(x: float, y: float, z: float, wall: float) -> Mesh:
    """A box without a lid; walls and floor as thick as `wall` (m)."""
    sides = [box(wall, y, z).shifted(s * (x - wall) / 2, 0, 0) for s in (-1, 1)]
    ends = [box(x, wall, z).shifted(0, s * (y - wall) / 2, 0) for s in (-1, 1)]
    return union(box(x, y, wall), *sides, *ends)


def lathe(profile: Array, sides: int = SIDES) -> Mesh:
    """A profile (k, 2) of radius and height in m, from below to above along its outside, turned around z."""
    angles = np.arange(sides) * 2 * np.pi / sides
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    flat = profile[:, None, :1] * ring[None]
    high = np.broadcast_to(profile[:, None, 1:], (len(profile), sides, 1))
    return _strip(np.concatenate([flat, high], axis=2))


def tube(path: Array, radius: float | Array, sides: int = 8) -> Mesh:
    """A path (k, 3) m given a round section, whose radius (m) may change along it."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    one = _sideways(along)
    other = np.cross(along, one)
    angles = np.arange(sides) * 2 * np.pi / sides
    thick = np.broadcast_to(np.asarray(radius, float), (len(path),))[:, None, None]
    ring = np.cos(angles)[None, :, None] * one[:, None] + np.sin(angles)[None, :, None] * other[:, None]
    grid = path[:, None] + thick * ring
    ends = [np.broadcast_to(path[i], (1, sides, 3)) for i in (0, -1)]
    return _strip(np.concatenate([ends[0], grid, ends[1]]))


def _sideways(along: Array) -> Array:
    """(k, 3) a direction across each of (k, 3) along a path. From the path's middle on it turns no more than the path does: else
    a tube would be as thin as a line where its section turns round."""
    found, middle = np.zeros_like(along), len(along) // 2
    helper = np.array([0.0, 0.0, 1.0]) if abs(along[middle, 2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    found[middle] = _across(np.cross(along[middle], helper), along[middle])
    for row in range(middle + 1, len(along)):
        found[row] = _across(found[row - 1], along[row])
    for row in range(middle - 1, -1, -1):
        found[row] = _across(found[row + 1], along[row])
    return found


def _across(way: Array, along: Array) -> Array:
    """(3,) the part of a way that is across another one, made a unit vector."""
    part = way - (way @ along) * along
    return np.asarray(part / max(float(np.linalg.norm(part)), 1e-9))


def plate(outline: Array, thickness: float) -> Mesh:
    """An outline (k, 2) m, star-shaped about its mean, given a thickness (m) upwards."""
    middle = outline.mean(axis=0)
    rings = [(0.0, 0.0), (1.0, 0.0), (1.0, thickness), (0.0, thickness)]
    grid = [np.column_stack([middle + share * (outline - middle), np.full(len(outline), z)]) for share, z in rings]
    return _strip(np.stack(grid))


def pillow(half: Array, square: float, plump: float, sides: int = SIDES) -> Mesh:
    """A superquadric with half sides (3,) m: square and plump are its exponents from above and from aside, the smaller the more
    of a box."""
    angles, heights = np.arange(sides) * 2 * np.pi / sides, np.linspace(-np.pi / 2, np.pi / 2, 11)
    around = np.stack([_power(np.cos(angles), square), _power(np.sin(angles), square)], axis=1)
    flat = _power(np.cos(heights), plump)[:, None, None] * around * half[:2]
    high = np.broadcast_to(_power(np.sin(heights), plump)[:, None, None] * half[2], (*flat.shape[:2], 1))
    return _strip(np.concatenate([flat, high], axis=2))


def _power(values: Array, exponent: float) -> Array:
    """With its sign."""
    return np.asarray(np.sign(values) * np.abs(values) ** exponent)


def _strip(grid: Array) -> Mesh:
    """A (rows, sides, 3) grid of points, closed around."""
    rows, sides = grid.shape[:2]
    index = np.arange(rows * sides).reshape(rows, sides)
    a, b = index[:-1], index[1:]
    c, d = np.roll(b, -1, axis=1), np.roll(a, -1, axis=1)
    quads = np.stack([a, b, c, d], axis=-1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return Mesh(grid.reshape(-1, 3).astype(np.float32), triangles.astype(np.uint32))
