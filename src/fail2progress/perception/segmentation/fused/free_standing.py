"""Things that the network takes for background and that geometry cannot mistake: they stand free on a surface, and all round them
it is seen, or what is behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from fail2progress.core.quantiles import quantiles
from fail2progress.perception.pixels import rows_and_columns
from fail2progress.perception.segmentation.geometric.crosses import grown
from fail2progress.perception.segmentation.geometric.guide import Geometry
from fail2progress.perception.segmentation.geometric.region_adjacency import extent
from fail2progress.perception.segmentation.geometric.regions import Numbers


@dataclass(frozen=True)
class FreeRules:
    """When an object of geometry stands free."""

    foot: float = 0.03
    """Metres above the surface of what is lowest of it, at most."""
    top: float = 0.05
    """Metres above the surface of what is highest of it, at least: lower ones may be folds and rims."""
    across: float = 0.4
    """Metres across, as a square, at most: what is larger is furniture, as for OutsiderRules."""
    over: float = 0.98
    """Share of it over a surface, at least."""
    plain: float = 0.6
    """Share of it that has the surface's colour, at most: walls of totes have it."""
    around: float = 0.95
    """Share of what is seen around it that is a surface or farther away, at least; ..."""
    below: float = 0.85
    """... and that is a surface, in the lower half."""
    level: float = 0.02
    """Metres that a surface's readings lie off it."""
    behind: float = 0.05
    """Metres farther away that something is behind it."""
    ring: tuple[int, int] = (2, 7)
    """Pixels off its outline, between which is around it."""


def stands_free(geometry: Geometry, pixels: Numbers, rules: FreeRules) -> bool:
    """Whether an object of geometry is in view as a whole, from a surface upwards, with nothing against it.

    pixels: (n,) flat indices of those with a reading.
    """
    rows, heights = geometry.rows, geometry.rows.heights[pixels]
    foot, top = quantiles(heights, (0.05, 0.95))
    if foot > rules.foot or top < rules.top or rows.meets_frame(pixels) or extent(rows, pixels) > rules.across:
        return False
    if geometry.over(pixels) < rules.over or geometry.scan.plain.ravel()[pixels].mean() > rules.plain:
        return False
    around, below = surroundings(geometry, pixels, rules)
    return around >= rules.around and below >= rules.below


def surroundings(geometry: Geometry, pixels: Numbers, rules: FreeRules) -> tuple[float, float]:
    """Shares of what is seen in a ring around pixels (n,): what is a surface or behind them; in its lower half, a surface."""
    scan, (near, far) = geometry.scan, rules.ring
    y, x = rows_and_columns(pixels, scan.inverted.shape[1])
    window = tuple(slice(max(int(side.min()) - far - 1, 0), int(side.max()) + far + 2) for side in (y, x))
    own = np.zeros(scan.inverted[window].shape, bool)
    own[y - window[0].start, x - window[1].start] = True
    own = ndimage.binary_fill_holes(own)
    ring = grown(own, far) & ~grown(own, near)
    ring &= scan.inverted[window] > 0
    surface = np.abs(scan.heights[window]) < rules.level
    away = 1 / (float(np.median(geometry.rows.range[pixels])) + rules.behind)
    behind = scan.inverted[window] < away
    lower = ring.copy()
    lower[: (int(y.min()) + int(y.max())) // 2 - window[0].start] = False
    if not ring.any() or not lower.any():
        return 0.0, 0.0
    return float((surface | behind)[ring].mean()), float(surface[lower].mean())
