"""Support surfaces: the horizontal planes that things stand on, and the planning frame of a camera held by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric import support_surfaces as outlines
from fail2progress.perception.segmentation.geometric.crosses import grown, shrunk
from fail2progress.perception.segmentation.geometric.depth import Image, rays
from fail2progress.perception.segmentation.geometric.support_surfaces import Level, PlaneRules, within

_TOGETHER = 200_000
"""Distances that are looked at at once, so that they stay near the processor."""
_AROUND = 4
"""Bands from a plane in which readings may be of another that is nearly as high."""
_FEW, _BEST = 8, 50
"""Every so many points tell which planes may have most: one in so many of those that are tried."""


@dataclass(frozen=True)
class Surface:
    """A horizontal plane: 1 / z = coefficients of (u, v), with its outline on it.

    expected: (H, W) inverse depth that it would show everywhere; mask: (H, W) its readings; camera_height: m above it;
    outline: (k, 2) corners of its convex hull, in metres along the axes of `Level`; reach: (k, 2) the same, of where it may go on
    beyond the sides and the lower edge of the image; seen: (n, 2) places of some of its readings.
    """

    expected: Image
    mask: Mask
    camera_height: float
    outline: Array
    reach: Array
    seen: Array


def level(up: Array) -> Level:
    """Axes for a camera held by hand: x is its viewing direction (its own up where it looks straight down), made horizontal."""
    forward = np.array([0.0, 0.0, 1.0]) if abs(up[2]) < 0.98 else np.array([0.0, -1.0, 0.0])
    x = forward - up * (forward @ up)
    x = x / np.linalg.norm(x)
    return Level(np.stack([x, np.cross(up, x), up]))


def find_planes(inverted: Image, camera: Intrinsics, rules: PlaneRules) -> list[Array]:
    """Planes 1 / z = a u + b v + c as (3,) a, b, c, the largest first, by RANSAC on inverse depth. Deterministic."""
    u, v = rays(camera)
    step = max(1, round(np.sqrt(camera.width * camera.height / 5_000)))
    near = inverted[::step, ::step] > 1 / rules.reach
    cloud = np.stack([part[::step, ::step][near] for part in (u, v, inverted)], axis=1).astype(np.float64)
    least = max(50.0, rules.share * len(cloud))
    generator, found = np.random.default_rng(0), list[Array]()
    for _ in range(rules.planes):
        if len(cloud) < least:
            break
        own = _largest(cloud, rules, generator)
        if own.sum() < least:
            break
        normal, middle = _through(cloud[own])
        if abs(normal[2]) > 1e-6:
            found.append(np.array([-normal[0], -normal[1], normal @ middle]) / normal[2])
        cloud = cloud[~own]
    return found


def _largest(cloud: Array, rules: PlaneRules, generator: np.random.Generator) -> Mask:
    """(n,) points of a cloud (n, 3) on the plane through three of them that has most, of those that have most of a few; none of
    a cloud that is a line."""
    corners = cloud[generator.integers(len(cloud), size=(rules.draws, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    planes = np.column_stack([normals, -np.einsum("ij,ij->i", normals, corners[:, 0])])[lengths > 1e-12]
    if len(planes) == 0:
        return np.zeros(len(cloud), dtype=bool)
    planes /= lengths[lengths > 1e-12, None]
    points = np.column_stack([cloud, np.ones(len(cloud))])
    for few in (points[::_FEW], points):
        counts = _counts(planes.astype(np.float32), few.astype(np.float32), rules.band)
        planes = planes[np.argsort(-counts, kind="stable")[: max(len(planes) // _BEST, 1)]]
    return np.asarray(np.abs(points @ planes[0]) < rules.band)


def _counts(planes: Image, points: Image, band: float) -> NDArray[np.int64]:
    """(m,) how many points (n, 4) lie within a band of each of m planes (m, 4)."""
    parts = np.array_split(planes, 1 + planes.shape[0] * points.shape[0] // _TOGETHER)
    near = ((np.abs(part @ points.T) < band).view(np.uint8) for part in parts)
    return np.concatenate([some.sum(axis=1, dtype=np.uint32) for some in near]).astype(np.int64)


def _through(points: Array) -> tuple[Array, Array]:
    """Unit normal (3,) of the plane that fits points (n, 3) best, and their middle (3,)."""
    middle = points.mean(axis=0)
    away = points - middle
    return np.asarray(np.linalg.eigh(away.T @ away)[1][:, 0]), np.asarray(middle)


def level_planes(axes: Level, normals: Image, inverted: Image, camera: Intrinsics, rules: PlaneRules) -> list[Array]:
    """Level planes 1 / z = a u + b v + c as (3,) a, b, c, the one with most readings first: heights that many readings have.

    For cameras whose pose is known. RANSAC would also find planes that lean over two tables of different height.
    """
    u, v = rays(camera)
    facing = (normals @ axes.up.astype(np.float32) > np.cos(np.radians(35))) & (inverted > 1 / rules.reach)
    sink = -(u * axes.up[0] + v * axes.up[1] + axes.up[2])[facing]
    below = sink / inverted[facing]
    kept = (below > 0.05) & (below < rules.reach)
    sink, below, least = sink[kept], below[kept], rules.share / 2 * inverted.size
    found = list[Array]()
    for _ in range(rules.planes):
        middle = _most_common(below, least, rules)
        if middle is None:
            break
        found.append(-axes.up / middle)
        # As close as noise lets them: what lies off this height by more may be another table's top.
        other = np.abs(sink / middle - sink / below) > rules.band
        sink, below = sink[other], below[other]
    return found


def _most_common(below: Image, least: float, rules: PlaneRules) -> float | None:
    """Metres below the camera at which most of (n,) readings are; None where fewer than `least` are there."""
    width = rules.step / 4
    counts = np.bincount((below / width).astype(np.int64), minlength=int(rules.reach / width) + 2).astype(float)
    near = np.where(ndimage.uniform_filter1d(counts, 5) * 5 > least, ndimage.gaussian_filter1d(counts, 1.0), 0.0)
    peak = int(near.argmax())
    own = below[np.abs(below / width - peak - 0.5) < 1.5]
    return float(np.median(own)) if near[peak] > 0 and len(own) else None


def _on(plane: Array, inverted: Image, camera: Intrinsics, rules: PlaneRules) -> Mask:
    u, v = rays(camera)
    return np.asarray((np.abs(_expected(plane, u, v) - inverted) < rules.band) & (inverted > 0))


def find_surfaces(
    planes: list[Array], axes: Level, normals: Image, inverted: Image, camera: Intrinsics, rules: PlaneRules
) -> list[Surface]:
    """Tables in view, the largest in the image first; the floor below a table does not count. Empty where nothing is level."""
    flat = [plane for plane in planes if -plane @ axes.up / np.linalg.norm(plane) > np.cos(rules.tilt)]
    upward = normals @ axes.up.astype(np.float32) > np.cos(np.radians(35))
    taken = np.zeros(inverted.shape, bool)
    found: list[Surface] = []
    for plane in flat:
        free = upward & ~taken
        if (_on(plane, inverted, camera, rules) & free).mean() < rules.share / 2:
            continue
        for start, piece in _starts(plane, inverted, free, camera, rules):
            if (piece & taken).sum() > 0.5 * piece.sum():
                continue  # it belongs to what was found from another piece
            fitted = _refined(start, inverted, upward & ~taken, camera, rules)
            if fitted is None:
                continue
            expected, mask, height = fitted
            near = upward & (np.abs(expected - inverted) < _AROUND * rules.band)
            again = [other for other in found if _same(expected, height, other, rules)]
            for patch in outlines.patches(mask, expected, inverted, axes, camera, rules):
                through = any(outlines.crosses(patch, inverted, other.expected, other.camera_height, rules) for other in found)
                if through or outlines.scattered(patch, near, inverted > expected, rules):
                    mask &= ~patch  # readings of a table that is found from another plane
                    continue
                # What is left over of a plane lies within it; another table that is nearly as high does not.
                points = outlines.flat_points(patch, inverted, axes, camera, 50)
                if all(within(other.outline, points, 0.0).mean() < 0.5 for other in again):
                    sides = outlines.outline(patch, inverted, axes, camera)
                    further = outlines.beyond(patch, sides, inverted, axes, camera, rules)
                    reach = outlines.corners_of(np.concatenate([sides, further]))
                    found.append(Surface(expected, patch, height, sides, reach, points))
            taken |= mask
    return _tables(found, rules)


def covered_surface(
    planes: list[Array], axes: Level, normals: Image, inverted: Image, camera: Intrinsics, rules: PlaneRules
) -> list[Surface]:
    """The floor of a tote, a bin or a drawer that is mostly covered: pieces of one level plane, each too small for a table."""
    flat = [plane for plane in planes if -plane @ axes.up / np.linalg.norm(plane) > np.cos(rules.tilt)]
    upward = normals @ axes.up.astype(np.float32) > np.cos(np.radians(35))
    for plane in flat:
        fitted = _refined(plane, inverted, upward, camera, rules)
        if fitted is None:
            continue
        expected, mask, height = fitted
        if outlines.area(mask, inverted, axes, camera, rules) >= rules.covered:
            sides = outlines.outline(mask, inverted, axes, camera)
            return [Surface(expected, mask, height, sides, sides, sides)]
    return []


def _starts(plane: Array, inverted: Image, free: Mask, camera: Intrinsics, rules: PlaneRules) -> list[tuple[Array, Mask]]:
    """Planes through each of the pieces that a plane touches, the largest first, and the pieces.

    A plane found among all readings may run through two tables of different height, and be neither's.
    """
    mask = _on(plane, inverted, camera, rules) & free
    # Which pieces there are is as plain at a quarter of the resolution, and costs a sixteenth.
    coarse = grown(shrunk(mask[::4, ::4]))
    pieces, count = ndimage.label(grown(coarse))
    sizes = np.bincount(pieces[coarse], minlength=count + 1)
    large = [piece for piece in np.argsort(sizes)[::-1] if piece > 0 and sizes[piece] > rules.share / 2 * coarse.size]
    if len(large) < 2:
        return [(plane, mask)]
    u, v = (axis[::4, ::4] for axis in rays(camera))
    readings = inverted[::4, ::4].astype(float)
    starts = []
    for piece in large[:3]:
        own = coarse & (pieces == piece)
        terms = np.stack([u[own], v[own], np.ones(int(own.sum()))], axis=1).astype(float)
        whole = np.zeros_like(mask)
        whole[::4, ::4] = own
        starts.append((np.asarray(np.linalg.lstsq(terms, readings[own], rcond=None)[0], float), whole))
    return starts


def _same(expected: Image, height: float, other: Surface, rules: PlaneRules) -> bool:
    """Whether a plane is one found before, a second time: as high, where that one is seen."""
    ratio = expected[other.mask] / np.maximum(other.expected[other.mask], 1e-6)
    return float(np.median(np.abs(1 - ratio))) * height < rules.step


def _refined(
    plane: Array, inverted: Image, candidates: Mask, camera: Intrinsics, rules: PlaneRules
) -> tuple[Image, Mask, float] | None:
    """The same plane fitted to all of its readings, bent as the sensor bends it; None where too few are left."""
    u, v = rays(camera)
    fit, flat = np.asarray(plane), _expected(plane, u, v)
    candidates = candidates & (inverted > 1 / rules.reach)
    for _ in range(2):
        mask = candidates & (np.abs(flat - inverted) < rules.band)
        if mask.sum() < rules.share * mask.size:
            return None
        own = np.flatnonzero(mask)[::7]
        terms = np.stack([u.ravel()[own], v.ravel()[own], np.ones(len(own))], axis=1).astype(np.float64)
        fit = np.asarray(np.linalg.lstsq(terms, inverted.ravel()[own].astype(np.float64), rcond=None)[0], float)
        flat = _expected(fit, u, v)
    expected = flat + _bending(np.where(mask, inverted - flat, np.float32(0.0)), mask)
    return expected, candidates & (np.abs(expected - inverted) < rules.band), float(1 / np.linalg.norm(fit))


def _expected(plane: Array, u: Image, v: Image) -> Image:
    """(H, W) 1 / z of a plane (3,)."""
    a, b, c = (np.float32(part) for part in plane)
    return np.asarray(a * u + b * v + c, np.float32)


def _bending(residual: Image, mask: Mask) -> Image:
    """(H, W) how far readings lie off the plane on average, over a tenth of the image: no object is as large."""
    step = 8
    known = mask[::step, ::step].astype(np.float32)
    width = max(mask.shape) / step / 12
    weight = ndimage.gaussian_filter(known, width)
    mean = ndimage.gaussian_filter(residual[::step, ::step] * known, width) / (weight + 0.05)
    down, across = (_between(count, size, step) for count, size in zip(mean.shape, mask.shape, strict=True))
    return np.asarray(down @ mean @ across.T, np.float32)


def _between(count: int, size: int, step: int) -> Image:
    """(size, count) weights of linear interpolation from every so many pixels, taken from their middles, to all of them."""
    place = np.clip((np.arange(size) + 0.5) / step - 0.5, 0, count - 1)
    return np.asarray(np.maximum(1 - np.abs(place[:, None] - np.arange(count)), 0), np.float32)


def _tables(found: list[Surface], rules: PlaneRules) -> list[Surface]:
    """Leaves out floors, and tops of what stands on a surface; the surface with most readings first. What lies under what is
    kept is another board, and comes after it: a floor is seen beside its table."""
    found = [s for s in found if not any(_stands_on(s, other, rules) for other in found)]
    if not found:
        return []
    above_floor = [s for s in found if any(o.camera_height - s.camera_height >= rules.floor for o in found)]
    highest_floor = min((s.camera_height for s in found), default=0.0) + rules.floor
    kept = [s for s in found if s.camera_height < highest_floor] if above_floor else found
    lower = [s for s in found if s.camera_height >= highest_floor] if above_floor else []
    boards = [s for s in lower if _lies_under(s, kept, lower, rules)]
    return [s for part in (kept, boards) for s in sorted(part, key=lambda s: -int(s.mask.sum()))]


def _lies_under(surface: Surface, others: list[Surface], lower: list[Surface], rules: PlaneRules) -> bool:
    """Whether what is seen at a surface's height lies under others, as boards of a cupboard do."""
    level = [s.seen for s in lower if abs(s.camera_height - surface.camera_height) < rules.step]
    return share_over(others, np.concatenate(level).astype(np.float32), rules.edge) >= rules.under


def _stands_on(surface: Surface, other: Surface, rules: PlaneRules) -> bool:
    """Whether a surface is the top of something, or of several things as high, on a larger one."""
    rise = other.camera_height - surface.camera_height
    if not 0 < rise < rules.thing or surface.mask.sum() > other.mask.sum():
        return False
    return bool(within(other.reach, surface.outline, rules.edge).mean() > 0.5)


def share_over(surfaces: list[Surface], points: Image, margin: float) -> float:
    """Share of (n, 2) points that lie over what is seen of a surface, or may be it, grown by a margin (m)."""
    points = points[:: 1 + len(points) // 1000]
    return float(np.any([within(surface.reach, points, margin) for surface in surfaces], axis=0).mean())
