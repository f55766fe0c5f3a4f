"""Boards that are seen from the front: they show no plane, and what stands on them tells where they are.

A fridge, a cupboard or a rack at the height of the camera shows things in rows over one another. Where most of what a guide is
sure of is beyond all surfaces, those are not what it stands on.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fail2progress.core.quantiles import quantile
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.guide import Geometry
from fail2progress.perception.segmentation.geometric.planes import Surface
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.support_surfaces import Level, corners_of, within

_ROUND = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)


@dataclass(frozen=True)
class LedgeRules:
    """When things tell of a board."""

    over: float = 0.1
    """Share of a thing over a surface, below which it is beyond all of them."""
    beyond: float = 0.5
    """Share of the sure things that are beyond all surfaces, above which these are not what they stand on."""
    things: int = 3
    """That are beyond, at least."""
    together: int = 2
    """Of them, on one board, at least."""
    level: float = 0.025
    """Metres by which the feet of one board's things differ, from one to the next."""
    foot: float = 0.02
    """Metres of a thing, from below, that are its foot."""
    around: float = 0.05
    """Metres that a board goes on around what is seen of the feet."""
    edge: tuple[float, float] = (-0.03, 0.01)
    """Metres from the feet within which a board's front is seen, and what stands on it touches it."""
    least: float = 0.005
    """Metres below or above the camera, at least: a level plane through the camera has no inverse depth."""


def ledges(sure: list[Numbers], geometry: Geometry, axes: Level, rules: LedgeRules) -> list[Surface]:
    """Boards under things that a guide is sure of, each as its pixels with a reading; that with most things first."""
    beyond = [pixels for pixels in sure if geometry.over(pixels) < rules.over]
    if len(beyond) < rules.things or len(beyond) <= rules.beyond * len(sure):
        return []
    points, rows = geometry.rows.points, geometry.rows
    heights = [(quantile(points[p, 2], 0.05), p) for p in beyond if not rows.meets_frame(p)]
    heights.sort(key=lambda pair: pair[0])
    breaks = [0, *(i for i, (a, b) in enumerate(pairwise(heights), 1) if b[0] - a[0] > rules.level), len(heights)]
    groups = [heights[first:last] for first, last in pairwise(breaks) if last - first >= rules.together]
    groups.sort(key=lambda group: -len(group))
    return [_ledge(group, geometry, axes, rules) for group in groups]


def _ledge(things: list[tuple[float, Numbers]], geometry: Geometry, axes: Level, rules: LedgeRules) -> Surface:
    """The board under things, each with the height (m) of its foot above the camera."""
    points, scan = geometry.rows.points, geometry.scan
    feet = np.concatenate([pixels[points[pixels, 2] < low + rules.foot] for low, pixels in things])
    below = -float(np.median([low for low, _ in things]))
    below = float(np.copysign(max(abs(below), rules.least), below))
    sides = corners_of(points[feet, :2].astype(float))
    reach = _grown(sides, rules.around)
    a, b, c = (np.float32(part) for part in -axes.up / below)
    own = (points[:, 2] > -below + rules.edge[0]) & (points[:, 2] < -below + rules.edge[1]) & (scan.inverted.ravel() > 0)
    own &= within(_grown(sides, 2 * rules.around), points[:, :2], 0.0)
    own[np.concatenate([pixels for _, pixels in things])] = False
    own[feet[points[feet, 2] < -below + rules.edge[1]]] = True  # where it goes on behind its front, as far as that is known
    return Surface(a * scan.u + b * scan.v + c, own.reshape(scan.inverted.shape), below, reach, reach, sides)


def _grown(corners: Array, more: float) -> Array:
    """(k, 2) corners of a convex outline, grown by so many metres."""
    return corners_of((corners[:, None] + more * _ROUND).reshape(-1, 2))
