"""Cloths with folds that lie over a support: no things, though they stand up from it."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh

_THREADS = 48
"""Points of a cloth along either side."""
_THICK = 0.002
"""Metres of a cloth that lies flat."""


def cloth(sides: Array, rng: np.random.Generator) -> Mesh:
    """A cloth of (2,) m about the origin: folds that end somewhere, over bulges, and a border that is not straight."""
    rows, columns = np.meshgrid(*(np.linspace(-0.5, 0.5, _THREADS),) * 2, indexing="ij")
    flat = np.stack([rows, columns], axis=-1) * sides
    flat = flat + 0.05 * sides * _slow(flat / sides, rng)
    heights = np.full(rows.shape, _THICK)
    for _ in range(int(rng.integers(2, 9))):
        heights = heights + _fold(flat, sides, rng)
    if rng.random() < 0.5:
        heights = heights + rng.uniform(0.0, 0.02) * np.maximum(_slow(flat / sides, rng)[..., 0], 0.0)
    points = np.concatenate([flat, heights[..., None]], axis=-1)
    index = np.arange(rows.size).reshape(rows.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    triangles = np.concatenate([np.stack(corners, axis=-1).reshape(-1, 3) for corners in ((a, b, c), (a, c, d))])
    return Mesh(points.reshape(-1, 3).astype(np.float32), triangles.astype(np.uint32))


def _fold(flat: Array, sides: Array, rng: np.random.Generator) -> Array:
    """Heights (m) over places (n, n, 2) m of one fold: a ridge along a bent line, which fades towards its ends."""
    way = rng.uniform(0, np.pi)
    along, across = (flat @ np.array(axis) for axis in ((np.cos(way), np.sin(way)), (-np.sin(way), np.cos(way))))
    reach = float(sides.max()) * rng.uniform(0.15, 0.6)
    middle = rng.uniform(-0.5, 0.5, 2) * sides
    along = along - middle @ (np.cos(way), np.sin(way))
    across = across - middle @ (-np.sin(way), np.cos(way)) + rng.uniform(-0.6, 0.6) * along**2 / reach
    wide, high = rng.uniform(0.006, 0.025), rng.uniform(0.003, 0.022)
    return np.asarray(high * np.exp(-((across / wide) ** 2) - (along / reach) ** 4))


def _slow(places: Array, rng: np.random.Generator) -> Array:
    """(n, n, 2) values in about [-1, 1] that change slowly over places (n, n, 2) in units of the cloth."""
    ways, phases = rng.uniform(-9, 9, (3, 2, 2)), rng.uniform(0, 2 * np.pi, (3, 2))
    return np.asarray(sum(np.sin(places @ way + phase) for way, phase in zip(ways, phases, strict=True)) / 3)
