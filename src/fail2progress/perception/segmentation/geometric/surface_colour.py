"""The colour of a surface, so that what depth says to rise a little above it can be told from the surface itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.geometric.depth import Image

_HALF = 2
"""Every so many pixels in a row are looked at: colours of surfaces are even."""
_STEP = 4
"""Every so many of those, for averages over the image."""
_SHADE = (0.6, 1.2)
"""How much darker than around (a shadow) or lighter (a gloss) the same surface may be."""
_LIGHT = (0.8, 1.2)
"""The same where only little shadow is expected."""
_ANY = (0.3, 1.3)
"""The same in any light."""
_FLOOR = 8.0
"""Levels of 255 that a camera's noise makes of one colour."""

_TEXTURE = 12.0
"""Levels of 255: standard deviation of the grain of wood or of a patterned cloth, at most."""


def like_surface(colour: NDArray[np.uint8], mask: Mask) -> tuple[Mask, Mask, Mask]:
    """(H, W) pixels whose colour is that of the surface (its readings: mask) near them, in light or in shadow; those of which
    that is beyond doubt; and those whose hue is another one in any light."""
    image = _halved(colour)
    shape, mask = mask.shape, mask[::_HALF, ::_HALF]
    mean, spread = _around(image, mask)
    # Once more without the feet of objects and what lies flat.
    mean, spread = _around(image, mask & (np.abs(image - mean) < 1.5 * spread + _FLOOR).all(axis=0))
    shade = (image * mean).sum(axis=0) / np.maximum((mean * mean).sum(axis=0), 1.0)
    spread = np.minimum(spread, _TEXTURE)
    off = (np.abs(image - np.clip(shade, *limits) * mean) for limits in (_SHADE, _LIGHT, _ANY))
    widths = (2.0, 1.2, 1.2)
    loose, strict, tint = ((part < width * spread + _FLOOR).all(axis=0) for part, width in zip(off, widths, strict=True))
    return _smooth(loose, shape), _smooth(strict, shape), _smooth(~tint, shape)


def _halved(colour: NDArray[np.uint8]) -> Image:
    """(3, H / 2, W / 2) means over 3 x 3 pixels around every second one."""
    wide = np.pad(colour, ((1, 1), (1, 1), (0, 0)), mode="edge").astype(np.uint16)
    rows = wide[:-2:_HALF] + wide[1:-1:_HALF] + wide[2::_HALF]
    sums = rows[:, :-2:_HALF] + rows[:, 1:-1:_HALF] + rows[:, 2::_HALF]
    return np.ascontiguousarray(np.moveaxis(sums, 2, 0)).astype(np.float32) / np.float32(9)


def _smooth(mask: Mask, shape: tuple[int, ...]) -> Mask:
    even = ndimage.uniform_filter(mask.astype(np.float32), 3) > 0.5
    return np.asarray(np.repeat(np.repeat(even, _HALF, axis=0), _HALF, axis=1)[: shape[0], : shape[1]])


def _around(image: Image, mask: Mask) -> tuple[Image, Image]:
    """(3, H, W) mean and standard deviation of a surface's colour, over about a tenth of the image."""
    small = image[:, ::_STEP, ::_STEP]
    known = mask[::_STEP, ::_STEP].astype(np.float32)
    total = known.sum() + 1e-6
    overall = ((small * known).sum(axis=(1, 2)) / total)[:, None, None]
    width = max(mask.shape) / _STEP / 12
    weight = ndimage.gaussian_filter(known, width) + 1e-3
    offset = (small - overall) * known
    mean = ndimage.gaussian_filter(offset, (0, width, width)) / weight
    square = ndimage.gaussian_filter(offset * offset, (0, width, width)) / weight
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    return _enlarged(mean + overall, mask.shape), _enlarged(spread, mask.shape)


def _enlarged(small: Image, shape: tuple[int, ...]) -> Image:
    large = np.repeat(np.repeat(small, _STEP, axis=1), _STEP, axis=2)
    return np.asarray(large[:, : shape[0], : shape[1]], np.float32)
