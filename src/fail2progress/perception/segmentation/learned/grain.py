"""How the noise of depth goes from pixel to pixel: each pixel's own, as a sensor reads it, or spread over several, as matched
windows and drivers that smooth leave it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.quantiles import quantile
from fail2progress.core.scene import Array

_SPARSE = 8
"""Every so many rows and columns are asked."""
_FAR = 4
"""Pixels to a neighbour whose noise has nothing to do with a pixel's own."""
_EVEN = 0.7
"""Share of places, the least curved, that tell noise; the others may be edges."""
_FEWEST = 100
"""Places that tell."""


@dataclass(frozen=True)
class GrainRules:
    """What noise is each pixel's own."""

    least: float = 0.0005
    """Its standard deviation, of inverse depth (1 / m), below which it makes no difference."""
    alone: float = 0.85
    """The same between neighbours, as a share of that four pixels apart, at least: smooth noise hardly changes from pixel to
    pixel."""
    most: float = 1.03
    """Share of that two pixels apart, at most: where an image was enlarged, noise goes to and fro."""


@dataclass(frozen=True)
class Grain:
    """Standard deviation of inverse depth (1 / m) about the straight line between two neighbours, as that of one pixel where
    the noise of each is its own: of neighbours one, two and four pixels away."""

    one: float
    two: float
    four: float

    def own(self, rules: GrainRules) -> bool:
        """Whether the noise is each pixel's own, and there is some."""
        if not self.one >= rules.least:
            return False
        return self.one >= rules.alone * self.four and rules.alone * self.two <= self.one <= rules.most * self.two


def grain(depth: NDArray[np.float32]) -> Grain:
    """Of depth (H, W) m, 0 for none; all zero where too little of it is known."""
    curves = [_curves(lines) for lines in (depth[::_SPARSE], depth[:, ::_SPARSE].T)]
    squares = [_even_squares(found) for found in curves if found.shape[1] >= _FEWEST]
    if not squares:
        return Grain(0.0, 0.0, 0.0)
    one, two, four = np.sqrt(np.mean(squares, axis=0) / 6)
    return Grain(float(one), float(two), float(four))


def _curves(depth: NDArray[np.float32]) -> Array:
    """(3, n) second differences of inverse depth along lines of depth (m, 0 for none), of neighbours one, two and four pixels
    away, where all of these are known."""
    width = depth.shape[1]
    if width <= 2 * _FAR:
        return np.empty((3, 0))
    lines = np.where(depth > 0, 1 / np.maximum(depth, 1e-3), np.nan)
    middle = lines[:, _FAR : width - _FAR]
    steps = (1, 2, _FAR)
    found = np.stack([lines[:, _FAR - s : width - _FAR - s] - 2 * middle + lines[:, _FAR + s : width - _FAR + s] for s in steps])
    return np.asarray(found[:, np.isfinite(found).all(axis=0)])


def _even_squares(curves: Array) -> Array:
    """(3,) mean squares of second differences (3, n), of the least curved of these."""
    bend = np.abs(curves).max(axis=0)
    return np.asarray(np.square(curves[:, bend <= quantile(bend, _EVEN)]).mean(axis=1))
