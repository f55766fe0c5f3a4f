"""Colours of things with several of them: parts of their own colour, labels and pictures, as real packages and tools have."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.rendering import any_colour, printed

_PLAIN = 0.4
"""Share of things with one print."""


def several(local: Array, base: Array, support: bool, rng: np.random.Generator) -> Array:
    """(n, 3) colours of places (n, 3) m about the middle of a thing: see Painter. Parts beyond a plane or two have another print
    each, and stickers cover what is near a line through the thing."""
    result = printed(local, base, support, rng)
    if support or rng.random() < _PLAIN:
        return result
    size = np.maximum(local.std(axis=0), 0.005)
    for _ in range(int(rng.integers(0, 3))):
        beyond = (local / size) @ direction(rng) > rng.uniform(-1.2, 1.2)
        if beyond.any():
            result[beyond] = printed(local[beyond], any_colour(rng), False, rng)
    for _ in range(int(rng.integers(0, 4))):
        on = sticker(local / size, rng)
        if on.any():
            result[on] = printed(local[on], any_colour(rng), False, rng)
    return result


def sticker(local: Array, rng: np.random.Generator) -> Array:
    """(n,) whether places (n, 3), in units of the thing, lie on a rectangle or an ellipse that is put on it from one side."""
    right = direction(rng)
    down = np.cross(right, direction(rng))
    down /= max(float(np.linalg.norm(down)), 1e-6)
    across, along = local @ right - rng.normal(0, 0.8), local @ down - rng.normal(0, 0.8)
    half = rng.uniform(0.2, 1.1, 2)
    if rng.random() < 0.5:
        return np.asarray((np.abs(across) < half[0]) & (np.abs(along) < half[1]))
    return np.asarray((across / half[0]) ** 2 + (along / half[1]) ** 2 < 1)


def direction(rng: np.random.Generator) -> Array:
    """(3,) a unit vector, any."""
    way = rng.standard_normal(3)
    return np.asarray(way / np.linalg.norm(way))
