"""Things stacked flush: no crease parts them, but at one height both their colour and their outline change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.quantiles import quantiles
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.depth import Image
from fail2progress.perception.segmentation.geometric.region_adjacency import Table, alike, histogram
from fail2progress.perception.segmentation.geometric.regions import Numbers


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
    twist: float = np.radians(18)
    """Angle between the sides above and below from which they are of two things, where colours differ as well."""
    twist_contrast: float = 0.5
    """1 less the Bhattacharyya coefficient of the colours, at least, for that."""
    plain: float = 0.75
    """Share of its two commonest colours in a thing of one colour: one plain thing on another of another colour are two,
    flush or not, where labels and prints are of one thing."""
    plain_contrast: float = 0.6
    """1 less the Bhattacharyya coefficient of the colours of two such things, at least."""
    foot: float = 0.5
    """Breadth of the upper thing where it stands, as a share of its greatest: what is narrower would fall."""
    bin: float = 0.004
    """Metres between heights that are tried."""


_ENOUGH = 4000
"""Readings of a thing that a seam is looked for in, about."""


def split(rows: Table, pixels: Numbers, sideways: Array, rules: SeamRules) -> list[Numbers]:
    """The things that pixels show, from the lowest; sideways: (2,) horizontal unit vector across the view."""
    seam = _seam(rows, pixels, sideways, rules)
    if seam is None:
        return [pixels]
    over = rows.heights[pixels] > seam
    return [pixels[~over], *split(rows, pixels[over], sideways, rules)]


def _seam(rows: Table, pixels: Numbers, sideways: Array, rules: SeamRules) -> float | None:
    pixels = pixels[:: 1 + len(pixels) // _ENOUGH]
    heights = rows.heights[pixels]
    across = rows.points[pixels, :2] @ sideways.astype(np.float32)
    low, high = quantiles(heights, (0.02, 0.98))
    best, where = 0.0, None
    for seam in np.arange(low + rules.height - 0.01, high - rules.height, rules.bin):
        above = (heights > seam + 0.002) & (heights < seam + rules.band)
        below = (heights < seam - 0.002) & (heights > seam - rules.band)
        if min(above.sum(), below.sum()) < 20:
            continue
        contrast = 1.0 - alike(histogram(rows, pixels[above]), histogram(rows, pixels[below]))
        level = float((rows.normals[pixels[below], 2] > 0.85).mean())
        if contrast < (rules.contrast if level > rules.ledge else rules.twist_contrast):
            continue
        near = above & (heights < seam + rules.edge), below & (heights > seam - rules.edge)
        change = _change(across[near[0]], across[near[1]], across[heights > seam], rules)
        ledge = level > rules.ledge and contrast > rules.contrast and change > rules.step
        twisted = change > 0 and contrast > rules.twist_contrast and _twist(rows, pixels, across, above, below) > rules.twist
        two_plain = change > 0 and contrast > rules.plain_contrast and _two_plain(rows, pixels, heights > seam, rules)
        if (ledge or twisted or two_plain) and (change + rules.step) * contrast > best:
            best, where = (change + rules.step) * contrast, float(seam)
    return where


def _two_plain(rows: Table, pixels: Numbers, over: Mask, rules: SeamRules) -> bool:
    """Whether all above is of one colour, and all below of another."""
    parts = pixels[over], pixels[~over]
    counts = [np.sort(np.bincount(rows.colours[part], minlength=2))[::-1] for part in parts]
    if min(count[:2].sum() / max(count.sum(), 1) for count in counts) < rules.plain:
        return False
    return 1.0 - alike(*(histogram(rows, part) for part in parts)) > rules.plain_contrast


def _change(above: Image, below: Image, upper: Image, rules: SeamRules) -> float:
    """Metres by which the outline steps; 0 where one of the two would be too narrow, or would not stand."""
    if min(len(above), len(below)) < 10:
        return 0.0
    (a0, a1), (b0, b1), (u0, u1) = (quantiles(part, (0.03, 0.97)) for part in (above, below, upper))
    if min(a1 - a0, b1 - b0) < rules.least or a1 - a0 < rules.foot * (u1 - u0):
        return 0.0
    return float(max(abs(a0 - b0), abs(a1 - b1)))


def _twist(rows: Table, pixels: Numbers, across: NDArray[np.float32], above: Mask, below: Mask) -> float:
    """Median angle (rad) between the sides above and below, place by place across the view; 0 where too few are seen."""
    bins = np.floor(across / 0.008).astype(np.int64)
    upright = np.abs(rows.normals[pixels, 2]) < 0.5
    turns = []
    for place in np.unique(bins):
        over, under = (pixels[part & upright & (bins == place)] for part in (above, below))
        if min(len(over), len(under)) >= 4:
            a, b = rows.normals[over, :2].mean(axis=0), rows.normals[under, :2].mean(axis=0)
            turns.append(abs(np.arctan2(a[0] * b[1] - a[1] * b[0], a @ b)))
    return float(np.median(turns)) if len(turns) >= 3 else 0.0
