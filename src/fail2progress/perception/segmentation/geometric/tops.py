"""Level tops of boxy things: where a box stands, how large it is from above, and which way its sides face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from fail2progress.core.outlines import corners_of, rectangle
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan


@dataclass(frozen=True)
class TopRules:
    """What counts as the top of a box."""

    high: float = 0.06
    """Metres above the surface, at least."""
    sides: tuple[float, float] = (0.10, 1.2)
    """Metres of its shorter and of its longer side, at least and at most."""
    level: float = 0.95
    """Of a facet's normal upwards."""
    flat: float = 0.006
    """Metres by which half of its readings lie off their median height, at most."""
    filled: float = 0.8
    """Share of the smallest rectangle around it that it fills."""


@dataclass(frozen=True)
class Top:
    """A rectangle seen from above: middle (2,) and full sides (2,) in m, the angle of the first one in rad; top and foot: m above
    the camera; pixels: (n,) flat indices that show it."""

    middle: Array
    sides: Array
    yaw: float
    top: float
    foot: float
    pixels: Numbers

    def faces(self) -> list[tuple[Array, Array, float, float]]:
        """Of its four sides: middle (2,), outward normal (2,), width and the depth behind it (m)."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        axes = np.array([[c, s], [-s, c]])
        found = []
        for axis in (0, 1):
            for sign in (-1.0, 1.0):
                normal = sign * axes[axis]
                found.append((self.middle + normal * self.sides[axis] / 2, normal, self.sides[1 - axis], self.sides[axis]))
        return found


def tops(scan: Scan, rules: TopRules) -> list[Top]:
    """Of all boxes whose top is seen."""
    up = (scan.heights > rules.high) & (scan.normals[..., 2] > rules.level)
    labels, count = ndimage.label(up)
    least = 0.5 * rules.sides[0] ** 2
    found = [_top(scan, np.flatnonzero(labels == number), rules) for number in _large(scan, labels, count, least)]
    return [top for top in found if top is not None]


def _large(scan: Scan, labels: Numbers, count: int, least: float) -> list[int]:
    """Numbers of the patches that cover so many m^2, roughly."""
    shown = labels.ravel() > 0
    spots = _areas(scan, np.flatnonzero(shown))
    sizes = np.bincount(labels.ravel()[shown], weights=spots, minlength=count + 1)
    return [int(number) for number in np.flatnonzero(sizes > least)]


def _areas(scan: Scan, pixels: Numbers) -> Array:
    """(n,) m^2 that each pixel covers of a level plane: by its share of the sphere around the camera, which goes with the cube of
    the cosine off the optical axis, and the slant at which it is seen."""
    points = scan.points.reshape(-1, 3)[pixels].astype(float)
    reach = np.linalg.norm(points, axis=1)
    away = 1 / np.maximum(scan.inverted.ravel()[pixels], 1e-6)
    reach = np.maximum(reach, 1e-6)
    return np.asarray(away**3 / reach / scan.focal**2 / np.maximum(-points[:, 2] / reach, 0.05))


def _top(scan: Scan, pixels: Numbers, rules: TopRules) -> Top | None:
    points = scan.points.reshape(-1, 3)[pixels].astype(float)
    height = float(np.median(points[:, 2]))
    off = np.abs(points[:, 2] - height)
    if np.median(off) > rules.flat:
        return None
    pixels, points = pixels[off < 2 * rules.flat], points[off < 2 * rules.flat]
    middle, sides, yaw = rectangle(corners_of(points[:, :2]))
    if sides.min() < rules.sides[0] or sides.max() > rules.sides[1]:
        return None
    if _areas(scan, pixels).sum() < rules.filled * np.prod(sides):
        return None
    foot = height - float(np.median(scan.heights.ravel()[pixels]))
    return Top(middle, sides, yaw, height, foot, pixels)
