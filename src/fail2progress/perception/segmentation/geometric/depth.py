"""Depth images as sensors deliver them: what can be believed, and which way surfaces face.

Everything is fitted to inverse depth: a plane in space is a plane in (u, v, 1 / z), and stereo and structured-light sensors
err by the same amount of it everywhere, since their noise grows with the square of the distance.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import NOISE, Intrinsics
from fail2progress.perception.segmentation.geometric.plane_windows import fits

Image = NDArray[np.float32]

_STEEPEST = np.tan(np.radians(84))
"""Of surfaces against the ray; what is steeper joins a near thing to a far one and is of neither."""
_STRIP = 48
"""Rows that are looked at together, so that what is known of them stays near the processor."""


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
    across, down = np.broadcast_arrays(u, v[:, None])
    return across, down


def points(inverted: Image, camera: Intrinsics, rotation: NDArray[np.floating]) -> tuple[Image, Image]:
    """(H, W) m along the optical axis, and (H, W, 3) m along axes that a rotation (3, 3) turns optical ones into; 0 for none."""
    u, v = rays(camera)
    depth = np.where(inverted > 0, 1 / np.maximum(inverted, 1e-6), 0).astype(np.float32)
    return depth, np.stack([(x * u + y * v + z) * depth for x, y, z in rotation.astype(np.float32)], axis=-1)


def inverse(depth: Image, nearest: float = 0.1, furthest: float = 6.0) -> Image:
    """(H, W) 1 / z in 1 / m, 0 where there is no reading, or none that this kind of sensor can have made."""
    good = np.isfinite(depth) & (depth >= nearest) & (depth <= furthest)
    return np.where(good, 1.0 / np.where(good, depth, 1.0), 0.0).astype(np.float32)


def without_flying(inverted: Image, camera: Intrinsics) -> Image:
    """Readings on slopes that no surface has in this view are dropped: they lie between a near thing and a far one."""
    slope = np.zeros(inverted.shape, np.float32)
    for axis, focal in ((0, camera.fy), (1, camera.fx)):
        # Over two pixels, so that noise of one reading is no slope.
        ahead, behind = _neighbours(inverted, axis)
        known = (ahead > 0) & (behind > 0)
        noise = 3 * np.sqrt(2.0) * NOISE
        step = np.maximum(np.abs(ahead - behind) - noise, 0.0)
        slope = np.maximum(slope, np.where(known, step * focal / 2 / np.maximum(inverted, 1e-6), 0.0))
    return np.where(slope > _STEEPEST, 0.0, inverted).astype(np.float32)


def _neighbours(image: Image, axis: int) -> tuple[Image, Image]:
    """(H, W) the next value along an axis and the one before; 0 beyond the image."""
    ahead, behind = np.zeros_like(image), np.zeros_like(image)
    following, preceding, own = (np.swapaxes(part, 0, axis) for part in (ahead, behind, image))
    following[:-1], preceding[1:] = own[1:], own[:-1]
    return ahead, behind


def facets(inverted: Image, camera: Intrinsics, radius: int) -> Facets:
    """Fit windows of 2 * radius + 1 pixels; each pixel takes the best of the windows that hold it (Kuwahara's choice)."""
    wide = np.pad(inverted, 2 * radius)
    starts = range(0, len(inverted), _STRIP)
    with ThreadPoolExecutor(2) as pool:  # two strips at once: numpy works outside the interpreter's lock
        strips = pool.map(lambda start: _facets(wide[start : start + _STRIP + 4 * radius], start, camera, radius), starts)
        return Facets(*(np.concatenate(parts) for parts in zip(*strips, strict=True)))


def _facets(inverted: Image, start: int, camera: Intrinsics, radius: int) -> tuple[Image, Image, Image]:
    """planes, normals and misfits of the rows from `start`; inverted: these rows with a margin of twice the radius around."""
    height, width = inverted.shape[0] - 4 * radius, inverted.shape[1] - 4 * radius
    found = fits(inverted, (start - radius, -radius), camera, radius)
    # Windows whose middle is outside the image are dropped.
    spread = found.spread
    spread[:, :radius] = spread[:, radius + width :] = np.inf
    spread[: max(radius - start, 0)] = spread[max(camera.height - start, 0) + radius :] = np.inf
    inverted = inverted[2 * radius : 2 * radius + height, 2 * radius : 2 * radius + width]
    u, v = (part[start : start + height] for part in rays(camera))
    best, chosen = np.full(inverted.shape, np.inf, np.float32), np.zeros(inverted.shape, np.uint8)
    corners = [(dy, dx) for dy in (0, radius, 2 * radius) for dx in (0, radius, 2 * radius)]
    for number, (dy, dx) in enumerate(corners):
        a, b, c, spread = (part[dy : dy + height, dx : dx + width] for part in vars(found).values())
        cost = spread + np.float32(0.5) * np.abs(a * u + b * v + c - inverted)
        # A later window has a larger number; this is faster than to assign under a mask.
        np.maximum(chosen, (cost < best).view(np.uint8) * np.uint8(number), out=chosen)
        np.minimum(best, cost, out=best)
    index = np.array([dy * found.a.shape[1] + dx for dy, dx in corners])[chosen]
    index += np.arange(height)[:, None] * found.a.shape[1] + np.arange(width)
    planes = [np.where(np.isfinite(best), part.ravel()[index], np.float32(0.0)) for part in (found.a, found.b, found.c)]
    return _finish(inverted, planes, u, v)


def _finish(inverted: Image, planes: list[Image], u: Image, v: Image) -> tuple[Image, Image, Image]:
    a, b, c = planes
    length = np.sqrt(a * a + b * b + c * c)
    fitted = (length > 0) & (inverted > 0)
    scale = np.where(fitted, -1 / np.maximum(length, 1e-9), 0.0).astype(np.float32)
    gap = np.abs(a * u + b * v + c - inverted) / NOISE
    misfit = np.where(fitted, gap, np.inf).astype(np.float32)
    return np.stack(planes, axis=-1), np.stack([part * scale for part in planes], axis=-1), misfit


def smoothed(inverted: Image, found: Facets, camera: Intrinsics, trust: float = 3.0) -> Image:
    """(H, W) inverse depth of the facets, where readings lie no more standard deviations off them than `trust`."""
    u, v = rays(camera)
    fitted = found.planes[..., 0] * u + found.planes[..., 1] * v + found.planes[..., 2]
    return np.where((found.misfit < trust) & (fitted > 0), fitted, inverted).astype(np.float32)


def no_depth(depth: Image) -> str:
    """What is wrong with a depth image (H, W) in which nothing can be believed."""
    known = depth[np.isfinite(depth) & (depth > 0)]
    if len(known) < 0.01 * depth.size:
        return f"the depth image is empty: {len(known)} of {depth.size} pixels have a reading"
    middle = float(np.median(known))
    return f"depth does not look like metres: its median is {middle:.4g}, a table stands at 0.2 to 3; check the unit of depth"


def farness(inverted: Image) -> str:
    """What to doubt where no table is in an inverse depth image (H, W): a wrong unit makes everything too near or too far."""
    known = inverted[inverted > 0]
    middle = 1 / float(np.median(known)) if len(known) else np.inf
    return f"the median depth is {middle:.2g} m; if that is wrong, so is the unit of depth (depth_unit_m in a camera's file)"
