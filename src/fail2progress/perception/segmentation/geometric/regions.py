"""What stands above a surface, cut at concave creases and where one thing hides another (after LCCP, Stein et al. 2014)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import NOISE
from fail2progress.perception.pixels import places_of
from fail2progress.perception.segmentation.geometric.depth import Image

Numbers = NDArray[np.int64]
Window = tuple[slice, slice]
"""Rows and columns of an image."""
_AROUND = 5
"""Pixels around what stands that tell where it ends."""


@dataclass(frozen=True)
class CutRules:
    """Where surfaces are cut."""

    crease: float = np.radians(35)
    """Angle between neighbouring facets from which a concave edge may part two objects."""
    step: float = 0.006
    """Metres of depth between neighbouring facets from which one hides the other, if that is beyond noise."""
    reach: float = 0.025
    """Metres from a core within which pixels that lie on an edge belong to it."""
    core: float = 0.006
    """Metres across, of the smallest core."""
    misfit: float = 5.0
    """Standard deviations of noise off its own facet from which a pixel lies on an edge."""


@dataclass(frozen=True)
class Scan:
    """All that is known of the pixels of an image, or of a part of it.

    points: (H, W, 3) m, level axes with the camera at the origin; normals: alike; planes, misfit: see Facets; heights: (H, W) m
    above the surface under the pixel; inverted: (H, W) 1 / z, 0 where unknown; u, v: rays; standing: (H, W) what is above a
    surface and on it; plain, tinted: (H, W) what has the surface's colour, and what has another hue in any light; focal: pixels.
    """

    points: Image
    normals: Image
    planes: Image
    misfit: Image
    heights: Image
    inverted: Image
    colour: NDArray[np.uint8]
    u: Image
    v: Image
    standing: Mask
    plain: Mask
    tinted: Mask
    focal: float

    def seen_in(self, window: tuple[slice, ...]) -> Scan:
        """A part of the image: rows and columns."""
        images = {part.name: getattr(self, part.name)[window] for part in fields(self) if part.name != "focal"}
        return replace(self, **images)


def cut(scan: Scan, rules: CutRules) -> Mask:
    """(H, W) pixels on a concave crease or an occlusion."""
    result = np.asarray(scan.misfit > rules.misfit)
    normals, points, planes = (np.ascontiguousarray(np.moveaxis(part, 2, 0)) for part in (scan.normals, scan.points, scan.planes))
    facing, known = _Sides(normals, points, planes, scan), scan.inverted > 0
    for dy, dx in ((0, 2), (2, 0), (2, 2), (2, -2)):
        here, there = between(result.shape, dy, dx)
        broken = (facing.creased(here, there, rules) | facing.stepped(here, there, rules)) & known[here] & known[there]
        for part in (0, 1, 2):
            down, right = dy * part // 2, dx * part // 2
            rows, columns = here
            result[rows.start + down : rows.stop + down, columns.start + right : columns.stop + right] |= broken
    return result


def between(shape: tuple[int, ...], dy: int, dx: int) -> tuple[Window, Window]:
    """Windows of an image (H, W) whose pixels lie (dy, dx) from one another, dy at least 0; empty where it is no larger."""
    height, width = shape
    here = slice(0, max(height - dy, 0)), slice(max(0, -dx), max(width - max(0, dx), 0))
    return here, (slice(dy, height), slice(max(0, dx), max(width - max(0, -dx), 0)))


@dataclass(frozen=True)
class _Sides:
    """Facets as images by coordinate: normals, points and planes (3, H, W)."""

    normals: Image
    points: Image
    planes: Image
    scan: Scan

    def creased(self, here: Window, there: Window, rules: CutRules) -> Mask:
        """Whether facets at both places form a valley."""
        one, other = self.normals[(slice(None), *here)], self.normals[(slice(None), *there)]
        turned = one[0] * other[0] + one[1] * other[1] + one[2] * other[2] < np.float32(np.cos(rules.crease))
        y, x = places_of(turned)  # few are, and for others it is not looked at where they lie
        apart = self.points[(slice(None), *there)][:, y, x] - self.points[(slice(None), *here)][:, y, x]
        turned[y, x] = ((other[:, y, x] - one[:, y, x]) * apart).sum(axis=0) < 0
        return np.asarray(turned)

    def stepped(self, here: Window, there: Window, rules: CutRules) -> Mask:
        """Whether the plane on each side misses the reading on the other by more than a step."""
        inverted, beyond = self.scan.inverted[here], self.scan.inverted[there]
        least = np.maximum(np.float32(rules.step) * inverted * beyond, np.float32(4 * NOISE))
        a, b, c = self.planes[(slice(None), *here)]
        missed = np.abs(a * self.scan.u[there] + b * self.scan.v[there] + c - beyond) > least
        y, x = places_of(missed)
        a, b, c = self.planes[(slice(None), *there)][:, y, x]
        back = a * self.scan.u[here][y, x] + b * self.scan.v[here][y, x] + c - inverted[y, x]
        missed[y, x] = np.abs(back) > least[y, x]
        return np.asarray(missed)


def regions(scan: Scan, rules: CutRules) -> Numbers:
    """(H, W) number of the region that a pixel belongs to, from 1; 0 for none."""
    labels = np.zeros(scan.standing.shape, np.int64)
    rows, columns = (np.flatnonzero(scan.standing.any(axis=axis)) for axis in (1, 0))
    if len(rows):
        window = tuple(slice(max(0, int(part[0]) - _AROUND), int(part[-1]) + _AROUND + 1) for part in (rows, columns))
        labels[window] = _regions(scan.seen_in(window), rules)
    return labels


def _regions(scan: Scan, rules: CutRules) -> Numbers:
    cores, count = ndimage.label(scan.standing & ~cut(scan, rules))
    depth = 1 / np.maximum(scan.inverted, 1e-6)
    index = np.arange(1, count + 1)
    pixels = np.bincount(cores.ravel(), minlength=count + 1)[1:]
    distance = ndimage.mean(depth, cores, index) if count else np.zeros(0)
    least = np.maximum((rules.core * scan.focal / np.maximum(distance, 1e-3)) ** 2, 6)
    large = np.concatenate([[False], pixels >= least])
    return _grown(scan, np.where(large[cores], cores, 0), rules)


def _grown(scan: Scan, cores: Numbers, rules: CutRules) -> Numbers:
    """Every other standing pixel goes to the nearest core, if it is near in space too; what is left are regions of their own."""
    labels = cores
    if cores.any():
        nearest = ndimage.distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
        y, x = places_of(scan.standing & (cores == 0))
        rows, columns = nearest[:, y, x]
        near = np.linalg.norm(scan.points[y, x] - scan.points[rows, columns], axis=-1) < rules.reach
        labels = cores.copy()
        labels[y, x] = np.where(near, cores[rows, columns], 0)
    rest, count = ndimage.label(scan.standing & (labels == 0))
    rest = np.where(np.bincount(rest.ravel(), minlength=count + 1) >= 8, np.arange(count + 1), 0)[rest]
    return np.where(rest > 0, rest + int(labels.max(initial=0)), labels)
