"""Cups, bowls and open boxes: rims that go round something lower, their insides and their outer walls."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from fail2progress.core.outlines import rectangle
from fail2progress.core.quantiles import quantile, quantiles
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.region_adjacency import Meeting, Others, Table
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.rims import around_middle, crossings
from fail2progress.perception.segmentation.geometric.support_surfaces import within

_ENOUGH = 5_000
"""Pixels that are enough to tell a rim by: the image's whole furniture would cost seconds."""


def ring(rows: Table, pixels: Numbers, others: Mask | Others) -> bool:
    """Whether a rim goes round something lower: seen from above, high all around, with a free view into the middle.

    others: (H * W,) pixels of other parts, which may lie in it.
    """
    if len(pixels) < 60:
        return False
    pixels = _thinned(pixels)
    points, heights = rows.points[pixels], rows.heights[pixels]
    low, high = quantiles(heights, (0.03, 0.97))
    low = min(low, 0.02)
    slack = max(0.012, 0.2 * (high - low))
    top = points[heights > high - slack, :2]
    if high - low < 0.02 or len(top) < 10:
        return False
    # The middle of a rim's outline, not of its readings, most of which lie on its far side.
    centre = quantiles(top, (0.01, 0.99)).sum(axis=0) / 2
    radius, closed = around_middle(top - centre)
    if closed <= 0.7:
        return False
    window = _thinned(rows.window(pixels))
    return _open_above(rows, window[~others[window]], centre, radius, high)


def _thinned(pixels: Numbers) -> Numbers:
    """Some of pixels (n,), evenly, where there are more than are needed to tell a rim."""
    return pixels[:: max(len(pixels) // _ENOUGH, 1)]


def _open_above(rows: Table, window: Numbers, centre: Array, radius: float, high: float) -> bool:
    """Whether rays through the middle of the rim's plane go on to something lower."""
    off = crossings(rows, window, high, centre) / radius
    # Near the far wall a ray has little way to go below the rim before it meets it.
    low = rows.heights[window] < high - max(0.008, 0.08 * high)
    for reach, share in ((0.65, 0.7), (0.9, 0.5)):
        middle = off < reach
        if middle.sum() >= 8:
            return float(low[middle].mean()) > share
    return False


def enclosed(rows: Table, pixels: Numbers, rim: Numbers) -> bool:
    """Whether most of some pixels lie within what is highest of others, seen from above."""
    top = rim[rows.heights[rim] > 0.75 * quantile(rows.heights[rim], 0.97)]
    low, high = quantiles(rows.points[top, :2], (0.01, 0.99))
    if len(top) < 10 or (high - low).min() < 0.01:
        return False
    return float(within(rows.points[top, :2].astype(float), rows.points[pixels[::3], :2], 0.01).mean()) > 0.7


def compact(rows: Table, one: Numbers, other: Numbers) -> bool:
    """Whether the rim around both is little longer around than it is across: two halves of one thing, not two things."""
    both = np.concatenate([one, other])
    top = both[rows.heights[both] > 0.75 * quantile(rows.heights[both], 0.97)]
    sides = rectangle(rows.points[top, :2][ConvexHull(rows.points[top, :2]).vertices].astype(float))[1]
    return bool(sides.max() < 1.6 * sides.min())


def inward(rows: Table, pixels: Numbers, rim: Numbers) -> bool:
    """Whether some pixels are of the inside of a rim: walls that face its middle, or a floor far below."""
    high = quantile(rows.heights[rim], 0.97)
    top = rows.points[rim[rows.heights[rim] > 0.75 * high], :2]
    centre = quantiles(top, (0.01, 0.99)).sum(axis=0) / 2
    walls = pixels[np.abs(rows.normals[pixels, 2]) < 0.8]
    if len(walls) < 0.2 * len(pixels):
        return quantile(rows.heights[pixels], 0.95) < 0.4 * high
    facing = np.einsum("ij,ij->i", rows.normals[walls, :2], centre - rows.points[walls, :2])
    return float((facing > 0).mean()) > 0.6


def outer_wall(rows: Table, pixels: Numbers, rim: Numbers, meeting: Meeting) -> bool:
    """Whether some pixels are the outside of a rim: they begin at its edge, go down from it within its outline, and face away.

    meeting: of the pixels (own) and the rim (other). The near side of the rim may be of the pixels.
    """
    high = quantile(rows.heights[rim], 0.97)
    far, near = (part[rows.heights[part] > 0.75 * high] for part in (rim, pixels))
    if len(far) < 10 or len(near) < 10 or (rows.heights[meeting.own] > 0.6 * high).mean() < 0.6:
        return False
    top = rows.points[np.concatenate([far, near]), :2].astype(float)
    middle = (top.min(axis=0) + top.max(axis=0)) / 2
    ahead = middle / max(float(np.linalg.norm(middle)), 1e-6)
    wide = float(np.ptp(rows.points[far, :2] @ np.array([-ahead[1], ahead[0]])))
    # Something else before a hollow thing would make the two longer along the view than the hollow thing is wide.
    if wide < 0.02 or float(np.ptp(top @ ahead)) > 1.2 * wide:
        return False
    start, points = rows.points[meeting.own, :2], rows.points[pixels, :2]
    at_edge = within(top, start, 0.01) & ~within(top, start, -0.25 * wide)
    facing = np.einsum("ij,ij->i", rows.normals[pixels, :2], points - middle) > 0
    low = quantile(rows.heights[pixels], 0.95) < high + 0.01
    return bool(low and at_edge.mean() > 0.6 and within(top, points, 0.01).mean() > 0.9 and facing.mean() > 0.8)
