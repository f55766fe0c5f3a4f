"""Things stacked flush: no crease parts them, but at one height both their colour and their outline change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.perception.parts import Table, alike, histogram
from fail2progress.perception.regions import Numbers
from fail2progress.world.scene import Array


@dataclass(frozen=True)
class SeamRules:
    """When a thing is two, one on the other."""

    least: float = 0.02
    """Metres of breadth of each of the two."""
    height: float = 0.03
    """Metres of height of each of the two."""
    band: float = 0.014
    """Metres above and below a seam that are compared, without the 2 mm next to it."""
    edge: float = 0.008
    """The same, for outlines: narrower, so that a shoulder is no step."""
    ledge: float = 0.2
    """Share of level surface just below the seam from which it is a ledge that something stands on."""
    step: float = 0.008
    """Metres by which the outline changes there on one side at least: a lid fits its jar, a can does not fit the box it is on."""
    contrast: float = 0.1
    """1 less the Bhattacharyya coefficient of the colours above and below, at least."""
    foot: float = 0.5
    """Breadth of the upper thing where it stands, as a share of its greatest: what is narrower would fall."""
    bin: float = 0.004
    """Metres between heights that are tried."""


def split(rows: Table, pixels: Numbers, sideways: Array, rules: SeamRules) -> list[Numbers]:
    """The things that pixels show, from the lowest; sideways: (2,) horizontal unit vector across the view."""
    seam = _seam(rows, pixels, sideways, rules)
    if seam is None:
        return [pixels]
    over = rows.heights[pixels] > seam
    return [pixels[~over], *split(rows, pixels[over], sideways, rules)]


def _seam(rows: Table, pixels: Numbers, sideways: Array, rules: SeamRules) -> float | None:
    heights = rows.heights[pixels]
    across = rows.points[pixels, :2] @ sideways.astype(np.float32)
    low, high = np.quantile(heights, (0.02, 0.98))
    best, where = 0.0, None
    for seam in np.arange(low + rules.height - 0.01, high - rules.height, rules.bin):
        above = (heights > seam + 0.002) & (heights < seam + rules.band)
        below = (heights < seam - 0.002) & (heights > seam - rules.band)
        if min(above.sum(), below.sum()) < 20:
            continue
        near = above & (heights < seam + rules.edge), below & (heights > seam - rules.edge)
        change = _change(across[near[0]], across[near[1]], across[heights > seam], rules)
        if change < rules.step:
            continue
        contrast = 1.0 - alike(histogram(rows, pixels[above]), histogram(rows, pixels[below]))
        level = float((rows.normals[pixels[below], 2] > 0.85).mean())
        if level > rules.ledge and contrast > rules.contrast and change * contrast > best:
            best, where = change * contrast, float(seam)
    return where


def _change(above: Array, below: Array, upper: Array, rules: SeamRules) -> float:
    """Metres by which the outline steps; 0 where one of the two would be too narrow, or would not stand."""
    if min(len(above), len(below)) < 10:
        return 0.0
    (a0, a1), (b0, b1), (u0, u1) = (np.quantile(part, (0.03, 0.97)) for part in (above, below, upper))
    if min(a1 - a0, b1 - b0) < rules.least or a1 - a0 < rules.foot * (u1 - u0):
        return 0.0
    return float(max(abs(a0 - b0), abs(a1 - b1)))
