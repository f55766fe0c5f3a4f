"""Images turned so that up in the world is up in the image, and segments turned back; and frames of more pixels than serve."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import NOISE, Intrinsics, Labels, RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.perception.pixels import rows_and_columns
from fail2progress.perception.segmentation.base import Perceived, Segment, WayUp

_T = TypeVar("_T", bound=np.generic)
_STRAIGHT_DOWN = 0.3
"""Length of up in the image plane, below which the camera looks straight down and one side of the image is as good as another."""
_QUARTER = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""From the optical frame to that of the image turned by a quarter against the clock."""
SIDES = ("top", "right", "bottom", "left")
"""Where up in the world is in the image that so many quarters against the clock set upright."""
PIXELS = 480_000
"""Of a frame that is segmented as it is; more show no more of things on a table."""
_OFF = 0.006
"""Metres off the point that is expected at a pixel, from which a reading is none of that."""
_SIGMAS = 4.0
"""The same in standard deviations of noise, where that is more."""


def quarters(up: Array) -> int:
    """How often an image is to be turned by a quarter against the clock, so that up (3,) in the optical frame is at its top."""
    if np.hypot(up[0], up[1]) < _STRAIGHT_DOWN * np.linalg.norm(up):
        return 0
    return round(float(np.arctan2(up[0], -up[1])) / (np.pi / 2)) % 4


def turned(frame: RgbdFrame, turns: int) -> RgbdFrame:
    """The frame with its image turned by so many quarters against the clock; pose and up go with it."""
    if turns % 4 == 0:
        return frame
    k, labels = frame.intrinsics, frame.labels
    for _ in range(turns % 4):
        k = Intrinsics(k.height, k.width, k.fy, k.fx, k.cy, k.width - 1 - k.cx)
    rotation = rotation_of(turns)
    return replace(
        frame,
        colour=np.ascontiguousarray(np.rot90(frame.colour, turns)),
        depth=np.ascontiguousarray(np.rot90(frame.depth, turns)),
        intrinsics=k,
        pose=None if frame.pose is None else frame.pose @ rotation.T,
        labels=None if labels is None else Labels(np.rot90(labels.image, turns), labels.names, labels.categories),
        up=None if frame.up is None else rotation[:3, :3] @ frame.up,
    )


def rotation_of(turns: int) -> Array:
    """(4, 4) from the optical frame to that of the image turned by so many quarters against the clock."""
    result = np.eye(4)
    result[:3, :3] = np.linalg.matrix_power(_QUARTER, turns % 4)
    return result


def turned_back(found: Perceived, frame: RgbdFrame, turns: int) -> Perceived:
    """What was found in `turned(frame, turns)`, in pixels and optical axes of the frame itself."""
    if turns % 4 == 0:
        return found
    size = frame.intrinsics
    index = np.rot90(np.arange(size.width * size.height).reshape(size.height, size.width), turns).ravel()
    rotation = rotation_of(turns)
    way_up = found.way_up and replace(found.way_up, direction=rotation[:3, :3].T @ found.way_up.direction, side=SIDES[turns % 4])
    return replace(
        found,
        segments=tuple(_at(segment, index) for segment in found.segments),
        surfaces=tuple(_at(surface, index) for surface in found.surfaces),
        pose=found.pose @ rotation,
        width=size.width,
        height=size.height,
        way_up=way_up,
    )


def _at(segment: Segment, index: NDArray[np.int64]) -> Segment:
    """With the pixels that stand at its own in the index of the image."""
    pixels, covered = index[segment.pixels], segment.covered
    order = np.argsort(pixels)
    covered = None if covered is None else np.sort(index[covered])
    return replace(segment, pixels=pixels[order], points=segment.points[order], covered=covered)


def stride(frame: RgbdFrame) -> int:
    """Every so many pixels of the frame are enough."""
    size = frame.intrinsics
    return max(1, math.ceil(math.sqrt(size.width * size.height / PIXELS)))


def thinned(frame: RgbdFrame, step: int) -> RgbdFrame:
    """Every so many pixels in a row, and rows; of depth the first reading in each square, so that few are lost."""
    k, rows, columns = frame.intrinsics, len(frame.depth) // step, frame.depth.shape[1] // step
    squares = _squares(frame.depth, step, rows, columns)
    depth = squares[..., 0].copy()
    for i in range(1, step * step):
        depth = np.where(depth > 0, depth, squares[..., i])
    colour = np.stack([_squares(frame.colour[..., i], step, rows, columns).mean(axis=-1) for i in range(3)], axis=-1)
    centre = (step - 1) / 2
    small = Intrinsics(columns, rows, k.fx / step, k.fy / step, (k.cx - centre) / step, (k.cy - centre) / step)
    labels = frame.labels
    if labels is not None:
        labels = Labels(labels.image[: rows * step : step, : columns * step : step], labels.names, labels.categories)
    return replace(frame, colour=colour.astype(np.uint8), depth=depth, intrinsics=small, labels=labels)


def _squares(image: NDArray[_T], step: int, rows: int, columns: int) -> NDArray[_T]:
    """(rows, columns, step * step) pixels of every square."""
    cut = image[: rows * step, : columns * step].reshape(rows, step, columns, step)
    return np.asarray(cut.transpose(0, 2, 1, 3).reshape(rows, columns, step * step))


def enlarged(found: Perceived, frame: RgbdFrame, step: int) -> Perceived:
    """What was found in `thinned(frame, step)`, with the pixels of the frame itself.

    Of these only readings count that lie where the points that were found lead one to expect them, and points are there: what was
    not counted in the thinned frame is not in this one either, and noise that was taken out stays out.
    """
    size = frame.intrinsics

    def all_of(segment: Segment) -> Segment:
        pixels, points = _between(segment, found, frame, step)
        covered = None if segment.covered is None else np.sort(_pixels(segment.covered, found.width, size.width, step).ravel())
        return replace(segment, pixels=pixels, points=points, covered=covered)

    segments, surfaces = (tuple(all_of(part) for part in parts) for parts in (found.segments, found.surfaces))
    return replace(found, segments=segments, surfaces=surfaces, width=size.width, height=size.height)


def _pixels(few: NDArray[np.int64], width: int, all_of: int, step: int) -> NDArray[np.int64]:
    """(n, step * step) flat indices in an image `all_of` pixels wide, of the squares that pixels (n,) of a thinned one are of."""
    rows, columns = rows_and_columns(few, width)
    corner = (np.arange(step)[:, None] * all_of + np.arange(step)).ravel()
    return np.asarray((rows * all_of + columns)[:, None] * step + corner)


def _between(segment: Segment, found: Perceived, frame: RgbdFrame, step: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pixels (m,) of the frame whose readings lie where the points of a segment of the thinned one lead one to expect them, and
    (m, 3) m these places."""
    if not len(segment.pixels):
        return segment.pixels, segment.points
    pixels = _pixels(segment.pixels, found.width, frame.intrinsics.width, step)
    inverted = 1 / np.maximum(((segment.points - found.pose[:3, 3]) @ found.pose[:3, :3])[:, 2], 1e-3)
    down, right = _slopes(segment.pixels, inverted, found.width)
    off = (np.arange(step) - (step - 1) / 2) / step
    expected = inverted[:, None] + down[:, None] * np.repeat(off, step) + right[:, None] * np.tile(off, step)
    depth = frame.depth.ravel()[pixels]
    known = np.isfinite(depth) & (depth > 0) & (expected > 0)
    read = 1 / np.where(known, depth, 1.0)
    known &= np.abs(read - expected) <= np.maximum(_OFF * inverted[:, None] ** 2, _SIGMAS * NOISE)
    pixels, away = pixels[known], 1 / expected[known]
    order, k = np.argsort(pixels), frame.intrinsics
    rows, columns = rows_and_columns(pixels[order], k.width)
    rays = np.stack([(columns - k.cx) / k.fx, (rows - k.cy) / k.fy, np.ones(len(rows))], axis=-1)
    points = (rays * away[order, None]) @ found.pose[:3, :3].T + found.pose[:3, 3]
    return pixels[order], points.astype(np.float32)


def _slopes(pixels: NDArray[np.int64], values: Array, width: int) -> tuple[Array, Array]:
    """(n,) by how much values (n,) at pixels grow to the next row and to the next column: of both sides the flatter one, as it
    may be another facet's; 0 where there is neither."""
    rows, columns = rows_and_columns(pixels, width)
    rows, columns = rows - rows.min() + 1, columns - columns.min() + 1
    image = np.full((rows.max() + 2, columns.max() + 2), np.nan)
    image[rows, columns] = values

    def flatter(down: int, right: int) -> Array:
        ahead = image[rows + down, columns + right] - values
        behind = values - image[rows - down, columns - right]
        ahead, behind = (np.where(np.isfinite(side), side, np.inf) for side in (ahead, behind))
        flat = np.where(np.abs(ahead) < np.abs(behind), ahead, behind)
        return np.asarray(np.where(np.isfinite(flat), flat, 0.0))

    return flatter(1, 0), flatter(0, 1)


def way_up(direction: Array, source: str) -> WayUp:
    """Up (3,) in the optical frame, with the side of the image that it is at."""
    return WayUp(np.asarray(direction), SIDES[quarters(direction)], source)
