"""Planes through the readings around every pixel, by moments of square windows: sums over rows, then over columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import Intrinsics

Floats = NDArray[np.floating]
_SHARE = 0.3
"""Of readings in a window, from which a plane is fitted."""
_LINE = 0.05
"""Determinant of their places, in squares of the larger variance, below which they lie on a line."""


@dataclass(frozen=True)
class Fits:
    """1 / z = a * u + b * v + c around every pixel (H, W), and the standard deviation of readings off it (1 / m); zero and
    infinite where there are too few of them."""

    a: NDArray[np.float32]
    b: NDArray[np.float32]
    c: NDArray[np.float32]
    spread: NDArray[np.float32]


def fits(inverted: NDArray[np.float32], first: tuple[int, int], camera: Intrinsics, radius: int) -> Fits:
    """Of windows of 2 * radius + 1 pixels that lie in an image (h, w) of inverse depth (1 / m), 0 for no reading.

    Of (h - 2 * radius, w - 2 * radius) windows; first: row and column of the camera's image in which the middle of the first is.
    """
    known = (inverted > 0).astype(np.float32)
    count, x, y, xx, yy, xy = _of_places(known, radius)
    d, dx, dy, dd = _of_readings(inverted.astype(np.float64), radius)
    share = 1 / np.maximum(count, 1).astype(np.float64)
    x, y, d = x * share, y * share, d * share
    # Places are pixels from the middle of the window: their sums are small integers, and exact.
    uu, vv, uv = xx * share - x * x, yy * share - y * y, xy * share - x * y
    ud, vd, dd = dx * share - x * d, dy * share - y * d, dd * share - d * d
    det = uu * vv - uv * uv
    widest = np.maximum(uu / camera.fx**2, vv / camera.fy**2) * (camera.fx * camera.fy)
    solvable = (count > _SHARE * (2 * radius + 1) ** 2) & (det > _LINE * widest * widest)
    scale = solvable / np.where(solvable, det, 1.0)
    a, b = (ud * vv - vd * uv) * scale, (vd * uu - ud * uv) * scale
    spread = np.sqrt(np.maximum(dd - a * ud - b * vd, 0.0))
    rows, columns = (np.arange(size) + start for size, start in zip(a.shape, first, strict=True))
    c = (d - a * (x + (columns - camera.cx)) - b * (y + (rows - camera.cy)[:, None])) * solvable
    spread[~solvable] = np.inf
    return Fits(*(part.astype(np.float32) for part in (a * camera.fx, b * camera.fy, c, spread)))


def _of_places(known: Floats, radius: int) -> tuple[Floats, ...]:
    """Sums over windows of 1, x, y, x * x, y * y, x * y, of the pixels that are known (1; 0 for others)."""
    none, first, second = _sums(known, radius, 1, 2)
    (count, y, yy), (x, xy), (xx,) = (_sums(none, radius, 0, 2), _sums(first, radius, 0, 1), _sums(second, radius, 0, 0))
    return count, x, y, xx, yy, xy


def _of_readings(readings: Floats, radius: int) -> tuple[Floats, ...]:
    """Sums over windows of d, d * x, d * y, d * d."""
    none, first = _sums(readings, radius, 1, 1)
    (d, dy), (dx,) = _sums(none, radius, 0, 1), _sums(first, radius, 0, 0)
    (dd,) = _sums(_sums(readings * readings, radius, 1, 0)[0], radius, 0, 0)
    return d, dx, dy, dd


def _sums(image: Floats, radius: int, axis: int, order: int) -> list[Floats]:
    """Sums along an axis over 2 * radius + 1 pixels, weighted by their distance from the middle to the powers up to an order, 2
    at most. Shorter by twice the radius."""
    length = image.shape[axis] - 2 * radius
    parts = [image[start : start + length] if axis == 0 else image[:, start : start + length] for start in range(2 * radius + 1)]
    plain: Floats = parts[radius].copy()
    first, second = np.zeros_like(plain), np.zeros_like(plain)
    for distance in range(1, radius + 1):
        before, after = parts[radius - distance], parts[radius + distance]
        both = before + after
        plain += both
        if order > 0:
            first += distance * (after - before)
        if order > 1:
            second += distance * distance * both
    return [plain, first, second][: order + 1]
