"""Things let down onto what is there, without physics: from above, until they touch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh
from fail2progress.learning.segmentation.rasters import Triangles

CELL = 0.005
"""Metres; heights are kept on such a grid."""
_TOUCH = 0.006
"""Metres between two things up to which one carries the other."""


@dataclass(frozen=True)
class Profile:
    """Lowest and highest point of a mesh over cells from a corner (2,): (k, l) m each, NaN where there is nothing."""

    corner: NDArray[np.int64]
    bottom: Array
    top: Array


def profile(mesh: Mesh) -> Profile:
    """Seen from below and from above."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    first, last = np.floor(low[:2] / CELL).astype(np.int64), np.floor(high[:2] / CELL).astype(np.int64)
    x, y = ((np.arange(a, b + 1) + 0.5) * CELL for a, b in zip(first, last, strict=True))
    return Profile(first, *Triangles([mesh]).heights(x, y))


@dataclass
class Ground:
    """Heights (n, n) m of what is there, on a square about the origin; -inf where things would fall down."""

    heights: Array = field(default_factory=lambda: np.zeros((300, 300)))

    @property
    def middles(self) -> Array:
        """(n,) m of the middles of its cells, along either side."""
        return np.asarray((np.arange(len(self.heights)) - len(self.heights) / 2 + 0.5) * CELL)

    def landing(self, shape: Profile, x: float, y: float) -> tuple[float, Array] | None:
        """Height (m) at which a thing let down at x, y comes to rest, and (n, 2) offsets (m) where it touches.

        None where it would hang over the edge.
        """
        window = self._window(shape, x, y)
        if window is None:
            return None
        gaps = self.heights[window] - shape.bottom
        if not np.isfinite(gaps[np.isfinite(shape.bottom)]).all() or not np.isfinite(shape.bottom).any():
            return None
        z = float(np.nanmax(gaps))
        rows, columns = np.nonzero(gaps > z - _TOUCH)
        return z, np.asarray((np.stack([rows, columns], axis=1) + shape.corner + 0.5) * CELL, float)

    def put(self, shape: Profile, x: float, y: float, z: float) -> None:
        """It stays there."""
        window = self._window(shape, x, y)
        if window is not None:
            self.heights[window] = np.fmax(self.heights[window], shape.top + z)

    def _window(self, shape: Profile, x: float, y: float) -> tuple[slice, slice] | None:
        half = len(self.heights) // 2
        first = shape.corner + np.round(np.array([x, y]) / CELL).astype(np.int64) + half
        last = first + shape.bottom.shape
        if (first < 0).any() or (last > len(self.heights)).any():
            return None
        return slice(int(first[0]), int(last[0])), slice(int(first[1]), int(last[1]))


def steady(touching: Array) -> bool:
    """Whether a thing that touches at offsets (n, 2) from its middle stands: it is carried on both sides of it, both ways."""
    if len(touching) < 2:
        return False
    sides = [touching @ np.array([np.cos(a), np.sin(a)]) for a in np.arange(4) * np.pi / 4]
    return all(side.min() < 0.001 and side.max() > -0.001 for side in sides)


@dataclass
class Pile:
    """Things on a ground, put there one by one; ways: the word for how each was put."""

    ground: Ground
    meshes: list[Mesh] = field(default_factory=list)
    places: list[Array] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)
    ceiling: float = np.inf
    """Metres up to which things reach: what would be higher is not put there."""

    def add(
        self,
        mesh: Mesh,
        at: Array,
        way: str,
        steadily: bool = True,
        level: float | None = None,
        shape: Profile | None = None,
    ) -> bool:
        """Let it down at (2,) m; shape: its profile, where it is known. False, and it is not added, where it would fall, not
        come to rest at a level (m), or reach above the ceiling."""
        shape = shape or profile(mesh)
        found = self.ground.landing(shape, *at)
        if found is None or (steadily and not steady(found[1])):
            return False
        if level is not None and abs(found[0] - level) > 0.003:
            return False
        if found[0] + float(mesh.vertices[:, 2].max()) > self.ceiling:
            return False
        x, y = np.round(at / CELL) * CELL
        self.ground.put(shape, x, y, found[0])
        self.meshes.append(mesh.shifted(x, y, found[0]))
        self.places.append(np.array([x, y]))
        self.ways.append(way)
        return True

    def take(self, other: Pile, chosen: list[int], height: float) -> None:
        """Some things of another pile, by their places in its list, so much higher (m); the ground stays as it is."""
        self.meshes += [other.meshes[i].shifted(0, 0, height) for i in chosen]
        self.places += [other.places[i] for i in chosen]
        self.ways += [other.ways[i] for i in chosen]

    def beside(self, mesh: Mesh, neighbour: Array, angle: float, shape: Profile | None = None) -> bool:
        """Put it on the ground as near to something at (2,) as it can be in a direction (rad): they touch."""
        shape, way = shape or profile(mesh), np.array([np.cos(angle), np.sin(angle)])
        for distance in np.arange(0.02, 0.3, CELL):
            at = neighbour + distance * way
            found = self.ground.landing(shape, *at)
            if found is not None and abs(found[0]) < 0.003 and steady(found[1]):
                return self.add(mesh, at, "touching", level=0.0, shape=shape)
        return False
