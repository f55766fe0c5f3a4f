"""What stands above a surface, cut at concave creases and where one thing hides another (after LCCP, Stein et al. 2014)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.geometric.depth import NOISE, Image

Numbers = NDArray[np.int64]
_T = TypeVar("_T", bound=np.generic)
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
    for dy, dx in ((0, 2), (2, 0), (2, 2), (2, -2)):
        broken = _creased(scan, dy, dx, rules) | _stepped(scan, dy, dx, rules)
        broken &= (scan.inverted > 0) & (moved(scan.inverted, dy, dx) > 0)
        for back in (0, 1, 2):
            result |= moved(broken, -dy * back // 2, -dx * back // 2)
    return result


def moved(image: NDArray[_T], dy: int, dx: int) -> NDArray[_T]:
    """What lies (dy, dx) pixels further; the image is taken to go round."""
    return np.roll(image, (-dy, -dx), (0, 1))


def _creased(scan: Scan, dy: int, dx: int, rules: CutRules) -> Mask:
    turned = moved(scan.normals, dy, dx)
    angle = np.einsum("ijk,ijk->ij", scan.normals, turned) < np.cos(rules.crease)
    inward = np.einsum("ijk,ijk->ij", turned - scan.normals, moved(scan.points, dy, dx) - scan.points) < 0
    return np.asarray(angle & inward)


def _stepped(scan: Scan, dy: int, dx: int, rules: CutRules) -> Mask:
    """Whether the plane on each side misses the reading on the other by more than a step."""
    there, u, v, planes = (moved(part, dy, dx) for part in (scan.inverted, scan.u, scan.v, scan.planes))
    least = np.maximum(rules.step * scan.inverted * there, 4 * NOISE)
    ahead = scan.planes[..., 0] * u + scan.planes[..., 1] * v + scan.planes[..., 2] - there
    back = planes[..., 0] * scan.u + planes[..., 1] * scan.v + planes[..., 2] - scan.inverted
    return np.asarray((np.abs(ahead) > least) & (np.abs(back) > least))


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
        rows, columns = ndimage.distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
        near = np.linalg.norm(scan.points - scan.points[rows, columns], axis=-1) < rules.reach
        labels = np.where(scan.standing & near, cores[rows, columns], 0)
    rest, count = ndimage.label(scan.standing & (labels == 0))
    rest = np.where(np.bincount(rest.ravel(), minlength=count + 1) >= 8, np.arange(count + 1), 0)[rest]
    return np.where(rest > 0, rest + int(labels.max(initial=0)), labels)
