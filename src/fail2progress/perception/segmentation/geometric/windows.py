"""Which part of an image shows the surfaces and what is over them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.perception.segmentation.geometric.depth import Image
from fail2progress.perception.segmentation.geometric.planes import Surface
from fail2progress.perception.segmentation.geometric.regions import Window

_MARGIN = 0.12
"""Of a window's sides, by which it is larger on each side than what it is to show."""
_SHARES = 20
"""Of an image's sides, whole ones of which a window has, so that it hangs on no single row or column."""
_ALIKE = 0.85
"""Intersection over union of two windows that show the same."""


def window_of(heights: Image, surfaces: list[Surface], shape: tuple[int, ...], step: int = 1) -> Window:
    """Of an image of a shape (H, W), what shows surfaces and what is over them, and a margin; all where that is most of it.

    heights: (h, w) m above a surface, -1 where above none, and surfaces: of every so many rows and columns.
    """
    shown = np.any([surface.mask for surface in surfaces], axis=0) | (heights > -0.5)
    rows, columns = (_part(shown.sum(axis=1 - axis) > 2 / step, shape[axis]) for axis in (0, 1))
    return rows, columns


def _part(shown: Mask, size: int) -> slice:
    """Of one side of an image: what is shown of it, (n,) at even distances, and a margin."""
    places = np.flatnonzero(shown) / len(shown)
    first, last = (float(places[0]), float(places[-1]) + 1 / len(shown)) if len(places) else (0.0, 1.0)
    more = _MARGIN * (last - first) + 4 / size
    begin, end = max(math.floor((first - more) * _SHARES), 0), min(math.ceil((last + more) * _SHARES), _SHARES)
    return slice(round(begin * size / _SHARES), round(end * size / _SHARES))


def sparse(frame: RgbdFrame, inverted: Image, step: int) -> tuple[RgbdFrame, Image]:
    """Every so many rows and columns of a frame and of its inverse depth (H, W)."""
    k, every = frame.intrinsics, (slice(step // 2, None, step),) * 2
    few = np.ascontiguousarray(inverted[every])
    height, width = few.shape
    camera = Intrinsics(width, height, k.fx / step, k.fy / step, (k.cx - step // 2) / step, (k.cy - step // 2) / step)
    return replace(frame, colour=frame.colour[every], depth=frame.depth[every], intrinsics=camera, labels=None), few


def alike(one: Window, other: Window) -> bool:
    """Whether two windows of an image show the same but for their borders."""
    shared = 1
    for mine, its in zip(one, other, strict=True):
        shared *= max(min(mine.stop, its.stop) - max(mine.start, its.start), 0)
    return shared >= _ALIKE * (_size(one) + _size(other) - shared)


def _size(window: Window) -> int:
    rows, columns = window
    return int((rows.stop - rows.start) * (columns.stop - columns.start))
