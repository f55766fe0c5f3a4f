"""Measured cavities: what was seen of a thing's inside below its rim. What has none holds nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.quantiles import quantile, quantiles
from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.geometric.region_adjacency import Others, Table
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.rims import DIRECTIONS, crossed, directions, reaches
from fail2progress.perception.segmentation.geometric.support_surfaces import within


@dataclass(frozen=True)
class CavityRules:
    """What counts as the inside of a thing."""

    rim: float = 0.012
    """Metres below the top of a thing down to which its rim is. What is lower is no rim."""
    slope: float = 0.1
    """The same as a share of its height, where that is more."""
    closed: float = 0.66
    """Share of directions around the middle in which there is a rim, of those in which the view does not end before it."""
    known: int = 8
    """Such directions, at least, of 24."""
    ring: tuple[float, float] = (0.6, 1.15)
    """Shares of the rim's radius between which something in the way hides it."""
    hiding: float = 0.5
    """Share of what is seen there that is above the rim, from which it is hidden."""
    across: float = 0.6
    """Share of the rim's radius within which one looks into a thing."""
    open: float = 0.6
    """Share of what is seen through the rim that is lower, and within the thing's outline."""
    deep: float = 0.02
    """Metres from the rim to the lowest that is seen of the inside: a lid or a plate has less."""
    deeper: float = 0.12
    """The same as a share of the thing's height, where that is more."""
    outline: float = 0.01
    """Metres by which readings of the inside may be beyond the outline."""
    seen: int = 8
    """Readings through the rim, at least."""
    flat: float = 0.015
    """Metres of height of a thing that can have an inside, at least."""


@dataclass(frozen=True)
class Cavity:
    """depth: m from the rim to the lowest that was seen; open: share of the view through the rim that is lower; closed: share of
    the `known` directions in which there is a rim; tall: m of height of what was seen of the thing."""

    depth: float
    open: float
    closed: float
    known: int
    readings: int
    tall: float


def measured(rows: Table, pixels: Numbers, others: Mask | Others, rules: CavityRules) -> Cavity | None:
    """What was seen of the inside of pixels (n,); None where they have no rim. others: (H * W,) pixels of other things, which
    may lie in it, and of which what is lower than the rim shows that it is open, too. Heights are the thing's own: it may stand
    on something, or on nothing that was found."""
    pixels = pixels[rows.points[pixels, 2] < 0]
    if len(pixels) < 60:
        return None
    points = rows.points[pixels].astype(float)
    low, high = quantiles(points[:, 2], (0.03, 0.97))
    slack = max(rules.rim, rules.slope * (high - low))
    top = points[points[:, 2] > high - slack, :2]
    if high - low < rules.flat or len(top) < 10:
        return None
    # The middle of a rim's outline, not of its readings, most of which lie on its far side.
    centre = quantiles(top, (0.01, 0.99)).sum(axis=0) / 2
    reach = reaches(top - centre)
    radius = float(np.median(reach[reach > 0]))
    window = rows.window(pixels, margin=0.15)
    own = np.zeros(len(rows.range), bool)
    own[pixels] = True
    mine = own[window]
    seen, offset = rows.points[window], crossed(rows.points[window], high) - centre
    above, lower = seen[:, 2] > high + slack, seen[:, 2] < high - slack
    rim = reach > rules.ring[0] * radius
    unknown = ~rim & _unseen(offset / radius, rows.at_edge(window), above, ~mine, rules)
    closed = float(rim[~unknown].mean()) if not unknown.all() else 0.0
    through = np.hypot(*offset.T) < rules.across * radius
    through &= mine | lower | ~(others[window] | above)
    inner = through & lower & within(points[:, :2], seen[:, :2], rules.outline)
    depth = high - quantile(seen[inner, 2], 0.05) if inner.any() else 0.0
    count = int(through.sum())
    return Cavity(depth, float(inner.sum()) / max(count, 1), closed, int((~unknown).sum()), count, high - low)


def _unseen(
    offset: NDArray[np.floating],
    edge: Mask,
    above: Mask,
    foreign: Mask,
    rules: CavityRules,
) -> Mask:
    """(24,) directions in which the image ends before a rim could be, or something that is higher than the rim hides it.

    offset: (n, 2) from the middle, in radii of the rim, at which rays cross its plane; the rest says what each has hit.
    """
    away, way = np.hypot(*offset.T), directions(offset)
    ends = np.bincount(way[edge & (away < 1)], minlength=DIRECTIONS) > 0
    beside = foreign & (away > rules.ring[0]) & (away < rules.ring[1])
    all_, high = (np.bincount(way[part], minlength=DIRECTIONS) for part in (beside, beside & above))
    return np.asarray(ends | ((all_ >= 3) & (high > rules.hiding * all_)))


def depth_of(rows: Table, pixels: Numbers, others: Mask | Others, rules: CavityRules) -> float:
    """Metres from a thing's rim to the lowest that was seen of its inside; 0 where it has no measured cavity."""
    found = measured(rows, pixels, others, rules)
    if found is None or found.readings < rules.seen or found.known < rules.known:
        return 0.0
    if found.closed < rules.closed or found.open < rules.open:
        return 0.0
    return found.depth if found.depth > max(rules.deep, rules.deeper * found.tall) else 0.0
