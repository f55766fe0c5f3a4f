"""Where a level plane is and ends: its readings from above, the parts that lie apart, their outlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError, cKDTree

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import NOISE, Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.pixels import rows_and_columns
from fail2progress.perception.segmentation.geometric.crosses import grown, shrunk
from fail2progress.perception.segmentation.geometric.depth import Image, rays

_BLOCK = 8
"""Rows and columns of a block of pixels."""


@dataclass(frozen=True)
class PlaneRules:
    """Every number of the search for surfaces."""

    reach: float = 3.5
    """Metres from the camera beyond which no surface is looked for."""
    band: float = 6 * NOISE
    """1 / m: how far readings of a plane lie off it; noise, and the slight bending that stereo cameras show."""
    share: float = 0.015
    """Of the readings, for a plane to be one."""
    planes: int = 8
    """Planes looked at in a frame."""
    draws: int = 4000
    """Planes through three readings that are tried for each."""
    tilt: float = np.radians(6)
    """Between the normals of surfaces that are parallel."""
    roll: float = np.radians(40)
    """How far a camera held by hand may be rolled to a side."""
    gravity: float = np.radians(10)
    """By how much a given direction of gravity may be off a surface's normal."""
    area: float = 0.06
    """m^2 seen of a surface for it to be more than the top of an object."""
    covered: float = 0.012
    """The same in pieces, of a floor that things cover, where there is no table."""
    floor: float = 0.25
    """Metres between a floor and the table that stands on it, at least."""
    thing: float = 0.35
    """Metres of height of a thing, a shelf say, whose top is no surface of its own where it is smaller than what it stands on."""
    edge: float = 0.05
    """Metres by which the top of a thing may reach over what is seen of its surface."""
    under: float = 0.9
    """Share of what is seen of a level that lies under a higher surface, grown by `edge`, from which it is no floor: of 16 boards
    of rendered cupboards ten have more, and of 102 floors none has more than .81."""
    step: float = 0.02
    """Metres between two surfaces, at least; what differs by less is one."""
    through: float = 0.05
    """Share of a surface's readings at least half a `step` above another one, and as many below it, at most."""
    dense: float = 0.5
    """Of the readings near a surface's plane, where it is, those on it, at least: else they are another's noise, unless ..."""
    even: float = 0.3
    """... this share of the others, at least, lies above it, and as much below."""
    beyond: float = 0.2
    """Metres that a surface is taken to go on outside the image."""
    cell: float = 0.02
    """Metres; surfaces are outlined on such a grid."""


@dataclass(frozen=True)
class Level:
    """Which way is up: rotation (3, 3) from the optical frame to x away from the camera, y to its left, z up."""

    rotation: Array

    @property
    def up(self) -> Array:
        """(3,) unit vector in the optical frame."""
        return np.asarray(self.rotation[2])


def flat_points(mask: Mask, inverted: Image, axes: Level, camera: Intrinsics, step: int = 1) -> Array:
    """(n, 2) m along x and y of the level axes, of the readings under a mask, or of every so many of them."""
    u, v = rays(camera)
    pixels = np.flatnonzero(mask)[::step]
    rows, columns = rows_and_columns(pixels, mask.shape[1])
    away = 1 / inverted.ravel()[pixels].astype(np.float64)
    found = np.empty((len(away), 2))
    for axis, (right, down, ahead) in enumerate(axes.rotation[:2]):
        across, along = right * u[0].astype(np.float64), down * v[:, 0].astype(np.float64) + ahead
        found[:, axis] = (across[columns] + along[rows]) * away
    return found


def area(mask: Mask, inverted: Image, axes: Level, camera: Intrinsics, rules: PlaneRules) -> float:
    """m^2 that the readings under a mask cover on their plane."""
    cells = np.floor(flat_points(mask, inverted, axes, camera) / rules.cell).astype(np.int64)
    return len(np.unique(cells, axis=0)) * rules.cell**2


def patches(mask: Mask, expected: Image, inverted: Image, axes: Level, camera: Intrinsics, rules: PlaneRules) -> list[Mask]:
    """Parts of a plane that lie apart on it, each large enough for a table; what only hidden places part is one table.

    expected: (H, W) inverse depth that the plane would show everywhere.
    """
    if mask.sum() < 100:
        return []
    points = flat_points(mask, inverted, axes, camera)
    along = np.ascontiguousarray(points.T)
    origin = along.min(axis=1)
    rows, columns = ((along[i] - origin[i]) / rules.cell for i in (0, 1))
    down, across = rows.astype(np.int32), columns.astype(np.int32)
    grid = np.zeros((int(down.max()) + 1, int(across.max()) + 1), bool)
    cells = down * grid.shape[1] + across
    grid.ravel()[cells] = True
    hidden = _hidden(expected, inverted, origin, grid.shape, axes, camera, rules)
    pieces, groups = _joined(grid), _joined(grid | hidden)
    sizes = np.bincount(pieces[grid]) * rules.cell**2
    labels = groups.ravel()[cells]
    result = []
    for piece in np.flatnonzero(sizes >= rules.area):
        group = int(groups[pieces == piece][0])
        rivals = np.unique(pieces[grid & (groups == group)])
        # Small pieces belong to the large one beside them; of two large ones, each is a table.
        alone = (sizes[rivals] >= rules.area).sum() == 1
        patch = np.zeros(mask.shape, bool)
        patch[mask] = labels == group if alone else pieces.ravel()[cells] == piece
        result.append(patch)
    return result


def _joined(grid: Mask) -> NDArray[np.int32]:
    """Numbers of the cells' groups from 1, small gaps bridged; 0 for none."""
    closed = shrunk(grown(np.pad(grid, 4), 3), 3)[4:-4, 4:-4]
    return np.asarray(ndimage.label(closed | grid, np.ones((3, 3)))[0])


def _hidden(
    expected: Image, inverted: Image, origin: Array, shape: tuple[int, ...], axes: Level, camera: Intrinsics, rules: PlaneRules
) -> Mask:
    """Cells of a plane that something nearer hides, in a grid from an origin (2,); narrow strips are left out."""
    nearer = np.zeros(inverted.shape, bool)
    nearer[::2, ::2] = (inverted > expected + rules.band)[::2, ::2] & (expected[::2, ::2] > 1 / rules.reach)
    cells = np.floor((flat_points(nearer, expected, axes, camera) - origin) / rules.cell).astype(np.int64)
    cells = cells[((cells >= 0) & (cells < shape)).all(axis=1)]
    grid = np.zeros(shape, bool)
    grid[cells[:, 0], cells[:, 1]] = True
    return np.asarray(ndimage.binary_opening(grid, np.ones((4, 4))))


def scattered(patch: Mask, near: Mask, above: Mask, rules: PlaneRules) -> bool:
    """Whether a patch (H, W) has few of the readings near its plane where it is, and the others lie on one side of it: noise of a
    table that is nearly as high. What has them on both sides is a surface that its sensor reads with more noise than others.

    above: (H, W) readings above the plane.
    """
    own = _by_blocks(patch)
    there = own > 0
    on, around = int(own.sum()), int(_by_blocks(near)[there].sum())
    if on >= rules.dense * around:
        return False
    higher = int(_by_blocks(near & above & ~patch)[there].sum())
    return not rules.even <= higher / max(around - on, 1) <= 1 - rules.even


def crosses(patch: Mask, inverted: Image, expected: Image, camera_height: float, rules: PlaneRules) -> bool:
    """Whether a patch (H, W) goes through another surface, so many metres below the camera, as no level one does: of a plane that
    leans over what is left of readings beside a table and under it.

    expected: (H, W) inverse depth that the other one would show everywhere.
    """
    above = camera_height * (1 - expected[patch] / inverted[patch])
    return bool(min((above > rules.step / 2).mean(), (above < -rules.step / 2).mean()) > rules.through)


def _by_blocks(mask: Mask) -> NDArray[np.int64]:
    """(h, w) how many pixels of each block a mask (H, W) has; what does not fill one at the end is left out."""
    rows, columns = (size // _BLOCK for size in mask.shape)
    return np.asarray(mask[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK).sum(axis=(1, 3)))


def outline(mask: Mask, inverted: Image, axes: Level, camera: Intrinsics) -> Array:
    """(k, 2) corners of the convex outline of the readings under a mask, m along x and y of the level axes."""
    rim = mask & ~shrunk(mask)  # the image's border is one, too
    return corners_of(flat_points(rim, inverted, axes, camera))


def corners_of(points: Array) -> Array:
    """(k, 2) corners of the convex outline of points (n, 2), those in 32 directions; one of the points where they have none, and
    none of no points."""
    if len(points) == 0:
        return points
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:
        return points[:1]
    # A round table has a hundred corners; of those in 32 directions none is further than 2 mm from its edge.
    angles = np.arange(32) * np.pi / 16
    reach = corners @ np.stack([np.cos(angles), np.sin(angles)])
    return np.asarray(corners[np.unique(reach.argmax(axis=0))])


def beyond(mask: Mask, sides: Array, inverted: Image, axes: Level, camera: Intrinsics, rules: PlaneRules) -> Array:
    """(n, 2) points outside the image where a surface of a convex outline (k, 2) goes on, if it meets the image's edge: not past
    the line of an edge of it that is in the image."""
    border = mask.copy()
    border[:-2, 2:-2] = False
    if border.sum() < 5:
        return np.empty((0, 2))
    thinned = np.zeros_like(mask)
    thinned[::4, ::4] = mask[::4, ::4]
    few = thinned if thinned.any() else mask
    middle = flat_points(few, inverted, axes, camera).mean(axis=0)
    cut = flat_points(border, inverted, axes, camera)
    away = cut - middle
    further = middle + away * (1 + rules.beyond / np.maximum(np.linalg.norm(away, axis=1), 0.05))[:, None]
    lines = _edges_in_view(sides, mask, inverted, axes, camera, rules)
    return np.asarray(further[(further @ lines[:, :2].T + lines[:, 2] <= 0.0).all(axis=1)])


def _edges_in_view(sides: Array, mask: Mask, inverted: Image, axes: Level, camera: Intrinsics, rules: PlaneRules) -> Array:
    """(n, 3) a, b, c of a x + b y + c <= 0 within, of the edges of a convex outline (k, 2) that are not where the image ends."""
    if len(sides) < 3:
        return np.empty((0, 3))
    border = mask.copy()
    border[2:-2, 2:-2] = False
    cut = flat_points(border, inverted, axes, camera)
    hull = ConvexHull(sides)
    along = np.linspace(0.1, 0.9, 5)[:, None]
    places = np.stack([sides[a] + along * (sides[b] - sides[a]) for a, b in hull.simplices])
    beside = cKDTree(cut).query(places.reshape(-1, 2))[0].reshape(places.shape[:2]) < 2 * rules.cell
    return np.asarray(hull.equations[beside.mean(axis=1) < 0.5])


def within(outline: Array, points: NDArray[np.floating], margin: float) -> Mask:
    """(...,) whether (..., 2) points lie in a convex outline grown by a margin (m)."""
    if len(outline) < 3:
        return np.zeros(points.shape[:-1], bool)
    equations = ConvexHull(outline).equations.astype(np.float32)
    # Most points of an image are well within: a circle around the middle tells, and the sides need not be asked.
    middle = outline.mean(axis=0).astype(np.float32)
    reach = max(float(-(equations[:, :2] @ middle + equations[:, 2]).max()) + margin, 0.0)
    x, y = (np.ascontiguousarray(points[..., axis]) for axis in (0, 1))
    result = np.asarray((x - middle[0]) ** 2 + (y - middle[1]) ** 2 < reach * reach)
    rest = np.flatnonzero(~result)
    for a, b, c in equations:
        some_x, some_y = x.ravel()[rest], y.ravel()[rest]
        rest = rest[some_x * a + some_y * b + c <= margin]
    result.ravel()[rest] = True
    return result
