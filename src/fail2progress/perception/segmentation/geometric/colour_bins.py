"""Colours in bins that shading leaves alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHROMA = 8
GREYS = 5
COLOURS = CHROMA * CHROMA + GREYS
_TOGETHER = 30_000
"""Pixels that are looked at at once, so that what is known of them stays near the processor."""


def colour_bins(colour: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(...,) bins of (..., 3) colours: by red and green shares where there is colour, which shading leaves alone; else grey."""
    flat = colour.reshape(-1, 3)
    parts = np.array_split(flat, 1 + len(flat) // _TOGETHER)
    return np.asarray(np.concatenate([_bins(*part.T) for part in parts]).reshape(colour.shape[:-1]))


def _bins(r: NDArray[np.uint8], g: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(n,) of channels (n,)."""
    r, g, b = (np.ascontiguousarray(part) for part in (r, g, b))
    most, least = np.maximum(np.maximum(r, g), b), np.minimum(np.minimum(r, g), b)
    total = r.astype(np.float32) + g + b
    whole = np.maximum(total, np.float32(1))
    red, green = (
        np.clip((part / whole - np.float32(0.08)) / np.float32(0.07), 0, CHROMA - 1).astype(np.uint8) for part in (r, g)
    )
    grey = ((most - least).astype(np.float32) < np.float32(0.15) * most) | (total < 90)
    light = np.clip(total / np.float32(768) * GREYS, 0, GREYS - 1).astype(np.uint8)
    return np.asarray(np.where(grey, CHROMA * CHROMA + light, red * CHROMA + green), np.int64)
