"""Tables, of which one picture seldom shows all: whether two views show the same one, and what earlier ones showed of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.objects import Shape
from fail2progress.core.outlines import corners_of, rectangle
from fail2progress.core.scene import Array, pose
from fail2progress.perception.segmentation.base import Perceived, Segment

_AREA = 0.05
"""Metres: sides of the cells by which areas are compared."""
_GRAIN = 0.01
"""Metres: sides of the cells of which one point each is kept, so that what was seen from afar counts as much as what is near."""
_LEVEL = 0.015
"""Metres by which the heights of one table may differ between two views of it; boards lie on tables."""
_ENOUGH = 10_000
"""Points that an area is known from, at least where there are so many."""
_FITTING = 2000
"""Points that a camera's focal lengths follow from, about."""


def common(one: Segment, other: Segment) -> float:
    """Share of the smaller one's area, seen from above, that two tables have in common at one height; 0 of anything else."""
    if one.shape is not Shape.TABLE or other.shape is not Shape.TABLE or not len(one.points) or not len(other.points):
        return 0.0
    (cells, heights), (others, other_heights) = _area(one.points), _area(other.points)
    _, mine, yours = np.intersect1d(cells, others, assume_unique=True, return_indices=True)
    if not len(mine) or abs(float(np.median(heights[mine] - other_heights[yours]))) > _LEVEL:
        return 0.0
    return len(mine) / min(len(cells), len(others))


def _area(points: NDArray[np.float32]) -> tuple[NDArray[np.int64], Array]:
    """(k,) cells that a table covers, and (k,) m its heights in them."""
    some = points[:: 1 + len(points) // _ENOUGH].astype(float)
    corners = np.floor(some[:, :2] / _AREA).astype(np.int64)
    first, (rows, columns) = corners.min(axis=0), np.ptp(corners, axis=0) + 1
    numbers = (corners - first) @ (columns, 1)
    counts, heights = (np.bincount(numbers, of, rows * columns) for of in (None, some[:, 2]))
    covered = np.flatnonzero(counts)
    return _numbers(first + np.stack(np.divmod(covered, columns), axis=1)), heights[covered] / counts[covered]


def _numbers(corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) one number each for cells (n, 2)."""
    return np.asarray((corners[:, 0] << 32) + corners[:, 1])


@dataclass(frozen=True)
class Camera:
    """What a picture can show. pose: (4, 4) from the optical frame; focal, middle, size: (2,) px along columns and rows."""

    pose: Array
    focal: Array
    middle: Array
    size: Array

    @classmethod
    def of(cls, perceived: Perceived) -> Camera | None:
        """As the pixels of the frame's largest segment and their places say; None where these are of no camera's."""
        part = max((*perceived.surfaces, *perceived.segments), key=lambda part: len(part.pixels), default=None)
        if part is None or not perceived.width or len(part.pixels) != len(part.points):
            return None
        some = slice(None, None, 1 + len(part.pixels) // _FITTING)
        away = _in_front(part.points[some], perceived.pose)
        if len(away) < 3 or away[:, 2].min() <= 0:
            return None
        rows, columns = np.divmod(part.pixels[some], perceived.width)
        found = []
        for pixels, slopes in zip((columns, rows), (away[:, :2] / away[:, 2:]).T, strict=True):
            terms = np.column_stack([slopes, np.ones(len(slopes))])
            law = np.linalg.lstsq(terms, pixels.astype(float), rcond=None)[0]
            if law[0] <= 0 or np.abs(terms @ law - pixels).max() > 1.0:
                return None
            found.append(law)
        focal, middle = np.transpose(found)
        return cls(perceived.pose, focal, middle, np.array([perceived.width, perceived.height], float))

    def misses(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(n,) whether points (n, 3) are out of the picture."""
        away = _in_front(points, self.pose)
        at = self.focal * away[:, :2] / np.maximum(away[:, 2:], 1e-6) + self.middle
        return np.asarray((away[:, 2] <= 0) | (at < -1.0).any(axis=1) | (at > self.size).any(axis=1))


def _in_front(points: NDArray[np.float32], camera: Array) -> Array:
    """(n, 3) m the points in a camera's optical frame."""
    return np.asarray((points.astype(float) - camera[:3, 3]) @ camera[:3, :3])


def whole(sighting: Segment, known: list[Segment], camera: Camera | None) -> Segment:
    """A sighting of a table with what is known of it beyond the edges of the picture: one point for each cell then, those of
    the sighting among them, not one for each of its pixels. What the picture could show is as the picture shows it."""
    if camera is None or not any(camera.misses(one.points[:: 1 + len(one.points) // _ENOUGH]).any() for one in known):
        return sighting
    points = np.concatenate([sighting.points, *(one.points[camera.misses(one.points)] for one in known)])
    cells = _numbers(np.floor(points[:, :2] / _GRAIN).astype(np.int64))
    points = points[np.unique(cells, return_index=True)[1]]
    middle, size, yaw = rectangle(corners_of(points[:, :2].astype(float)))
    at = pose(float(middle[0]), float(middle[1]), float(sighting.pose[2]), yaw)
    return replace(sighting, points=points, pose=at, size=np.array([*size, sighting.size[2]]))
