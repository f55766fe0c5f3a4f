"""Depth images as sensors deliver them: what can be believed, and which way surfaces face.

Everything is fitted to inverse depth: a plane in space is a plane in (u, v, 1 / z), and stereo and structured-light sensors
err by the same amount of it everywhere, since their noise grows with the square of the distance.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from fail2progress.core.rgbd import Intrinsics

Image = NDArray[np.float32]

NOISE = 0.002
"""Standard deviation of inverse depth (1 / m): 2 mm at 1 m, what a RealSense D435 has."""
_STEEPEST = np.tan(np.radians(84))
"""Of surfaces against the ray; what is steeper joins a near thing to a far one and is of neither."""
_NONE = (0.0, 0.0, 0.0, np.inf)
"""a, b, c and spread of a window in which no plane could be fitted."""


@dataclass(frozen=True)
class Facets:
    """The plane through every pixel's neighbourhood, on its own side of any edge: 1 / z = u * a + v * b + c.

    planes: (H, W, 3) a, b, c in 1 / m over u = (x - cx) / fx and v alike; normals: (H, W, 3) towards the camera, optical
    frame; misfit: (H, W) of the pixel itself in standard deviations. Where nothing could be fitted: zero, zero, infinite.
    """

    planes: Image
    normals: Image
    misfit: Image


def rays(camera: Intrinsics) -> tuple[Image, Image]:
    """(H, W) u and v: where the ray of every pixel meets z = 1 m."""
    u = (np.arange(camera.width, dtype=np.float32) - np.float32(camera.cx)) / np.float32(camera.fx)
    v = (np.arange(camera.height, dtype=np.float32) - np.float32(camera.cy)) / np.float32(camera.fy)
    across, down = np.meshgrid(u, v, indexing="xy")
    return across, down


def inverse(depth: Image, nearest: float = 0.1, furthest: float = 6.0) -> Image:
    """(H, W) 1 / z in 1 / m, 0 where there is no reading, or none that this kind of sensor can have made."""
    good = np.isfinite(depth) & (depth >= nearest) & (depth <= furthest)
    return np.where(good, 1.0 / np.where(good, depth, 1.0), 0.0).astype(np.float32)


def without_flying(inverted: Image, camera: Intrinsics) -> Image:
    """Readings on slopes that no surface has in this view are dropped: they lie between a near thing and a far one."""
    slope = np.zeros(inverted.shape, np.float32)
    for axis, focal in ((0, camera.fy), (1, camera.fx)):
        # Over two pixels, so that noise of one reading is no slope.
        ahead, behind = np.roll(inverted, -1, axis), np.roll(inverted, 1, axis)
        known = (ahead > 0) & (behind > 0)
        noise = 3 * np.sqrt(2.0) * NOISE
        step = np.maximum(np.abs(ahead - behind) - noise, 0.0)
        slope = np.maximum(slope, np.where(known, step * focal / 2 / np.maximum(inverted, 1e-6), 0.0))
    return np.where(slope > _STEEPEST, 0.0, inverted).astype(np.float32)


def facets(inverted: Image, camera: Intrinsics, radius: int) -> Facets:
    """Fit windows of 2 * radius + 1 pixels; each pixel takes the best of the windows that hold it (Kuwahara's choice)."""
    u, v = rays(camera)
    height, margin = len(inverted), 2 * radius
    middle = height // 2
    strips = [slice(0, min(middle + margin, height)), slice(max(middle - margin, 0), height)]
    with ThreadPoolExecutor(2) as pool:  # both halves at once: numpy and scipy work outside the interpreter's lock
        upper, lower = pool.map(lambda rows: _facets(inverted[rows], u[rows], v[rows], radius), strips)
    below = middle - strips[1].start
    both = (np.concatenate([one[:middle], two[below:]]) for one, two in zip(upper, lower, strict=True))
    return Facets(*both)


def _facets(inverted: Image, u: Image, v: Image, radius: int) -> tuple[Image, Image, Image]:
    height, width = inverted.shape
    # Windows outside the image are dropped.
    fitted = zip(_windows(inverted, u, v, radius), _NONE, strict=True)
    parts = [np.pad(part, radius, constant_values=fill) for part, fill in fitted]
    best = np.full(inverted.shape, np.inf, np.float32)
    chosen = np.arange(parts[0].size).reshape(parts[0].shape)[radius : radius + height, radius : radius + width].copy()
    index = chosen.copy()
    for dy in (-radius, 0, radius):
        for dx in (-radius, 0, radius):
            a, b, c, spread = (part[radius + dy :, radius + dx :][:height, :width] for part in parts)
            cost = spread + 0.5 * np.abs(a * u + b * v + c - inverted)
            better = cost < best
            np.copyto(best, cost, where=better)
            np.copyto(chosen, index + (dy * parts[0].shape[1] + dx), where=better)
    planes = [np.where(np.isfinite(best), part.ravel()[chosen], np.float32(0.0)) for part in parts[:3]]
    return _finish(inverted, planes, u, v)


def _finish(inverted: Image, planes: list[Image], u: Image, v: Image) -> tuple[Image, Image, Image]:
    a, b, c = planes
    length = np.sqrt(a * a + b * b + c * c)
    fitted = (length > 0) & (inverted > 0)
    scale = np.where(fitted, -1 / np.maximum(length, 1e-9), 0.0).astype(np.float32)
    gap = np.abs(a * u + b * v + c - inverted) / NOISE
    misfit = np.where(fitted, gap, np.inf).astype(np.float32)
    return np.stack(planes, axis=-1), np.stack([part * scale for part in planes], axis=-1), misfit


def _windows(inverted: Image, u: Image, v: Image, radius: int) -> tuple[Image, Image, Image, Image]:
    """(H, W) a, b, c of the plane fitted around every pixel, and the standard deviation of its readings (1 / m)."""
    known = (inverted > 0).astype(np.float64)
    size = 2 * radius + 1

    def mean(image: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(uniform_filter(image, size, mode="constant"))

    share = mean(known)
    safe = np.maximum(share, 1e-9)
    mu, mv, md = (mean(known * image) / safe for image in (u, v, inverted))
    uu, vv, uv = mean(known * u * u) / safe - mu * mu, mean(known * v * v) / safe - mv * mv, mean(known * u * v) / safe - mu * mv
    ud, vd = mean(known * u * inverted) / safe - mu * md, mean(known * v * inverted) / safe - mv * md
    dd = mean(known * inverted * inverted) / safe - md * md
    det = uu * vv - uv * uv
    solvable = (share > 0.3) & (det > 0.05 * np.maximum(uu, vv) ** 2)
    det = np.where(solvable, det, 1.0)
    a, b = (ud * vv - vd * uv) / det, (vd * uu - ud * uv) / det
    spread = np.sqrt(np.maximum(dd - a * ud - b * vd, 0.0))
    c = md - a * mu - b * mv
    planes = [np.where(solvable, part, 0.0).astype(np.float32) for part in (a, b, c)]
    return planes[0], planes[1], planes[2], np.where(solvable, spread, np.inf).astype(np.float32)


def smoothed(inverted: Image, found: Facets, camera: Intrinsics, trust: float = 3.0) -> Image:
    """(H, W) inverse depth of the facets, where readings lie no more standard deviations off them than `trust`."""
    u, v = rays(camera)
    fitted = found.planes[..., 0] * u + found.planes[..., 1] * v + found.planes[..., 2]
    return np.where((found.misfit < trust) & (fitted > 0), fitted, inverted).astype(np.float32)
