"""Measured cavities: what was seen of a thing's inside below its rim. What has none holds nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.perception.segmentation.geometric.region_adjacency import Table
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.rims import around_middle, crossings
from fail2progress.perception.segmentation.geometric.support_surfaces import within


@dataclass(frozen=True)
class CavityRules:
    """What counts as the inside of a thing."""

    rim: float = 0.012
    """Metres below the top of a thing down to which its rim is."""
    slope: float = 0.2
    """The same as a share of its height, where that is more."""
    closed: float = 0.66
    """Share of directions around the middle in which there is a rim."""
    across: float = 0.6
    """Share of the rim's radius within which one looks into a thing."""
    below: float = 0.008
    """Metres below the rim from which something is lower."""
    open: float = 0.7
    """Share of what is seen through the rim that is lower, and within the thing's outline."""
    deep: float = 0.02
    """Metres from the rim to the lowest that is seen of the inside: a lid or a plate has less."""
    deeper: float = 0.2
    """The same as a share of the thing's height, where that is more."""
    outline: float = 0.01
    """Metres by which readings of the inside may be beyond the outline."""
    seen: int = 12
    """Readings through the rim, at least."""


@dataclass(frozen=True)
class Cavity:
    """depth: m from the rim to the lowest that was seen; open: share of the view through the rim that is lower."""

    depth: float
    open: float
    closed: float
    readings: int


def measured(rows: Table, pixels: Numbers, others: NDArray[np.bool_], rules: CavityRules) -> Cavity | None:
    """What was seen of the inside of pixels (n,); None where they have no rim. others: (H * W,) pixels of other things, which
    may lie in it, and of which what is lower than the rim shows that it is open, too."""
    if len(pixels) < 60:
        return None
    points, heights = rows.points[pixels], rows.heights[pixels]
    low, high = min(float(np.quantile(heights, 0.03)), 0.02), float(np.quantile(heights, 0.97))
    top = points[heights > high - max(rules.rim, rules.slope * (high - low)), :2]
    if high - low < rules.deep or len(top) < 10:
        return None
    # The middle of a rim's outline, not of its readings, most of which lie on its far side.
    centre = (np.quantile(top, 0.01, axis=0) + np.quantile(top, 0.99, axis=0)) / 2
    radius, closed = around_middle(top - centre)
    window = rows.window(pixels)
    through = window[crossings(rows, window, high, centre) < rules.across * radius]
    lower = rows.heights[through] < high - max(rules.below, 0.08 * high)
    through, lower = through[~others[through] | lower], lower[~others[through] | lower]
    inner = lower & within(points[:, :2].astype(float), rows.points[through, :2], rules.outline)
    if not inner.any():
        return Cavity(0.0, 0.0, closed, len(through))
    depth = high - float(np.quantile(rows.heights[through[inner]], 0.05))
    return Cavity(depth, float(inner.mean()), closed, len(through))


def depth_of(rows: Table, pixels: Numbers, others: NDArray[np.bool_], rules: CavityRules) -> float:
    """Metres from a thing's rim to the lowest that was seen of its inside; 0 where it has no measured cavity."""
    found = measured(rows, pixels, others, rules)
    if found is None or found.readings < rules.seen or found.closed < rules.closed or found.open < rules.open:
        return 0.0
    low, high = np.quantile(rows.heights[pixels], (0.03, 0.97))
    return found.depth if found.depth > max(rules.deep, rules.deeper * float(high - low)) else 0.0
