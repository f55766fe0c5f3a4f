"""Things of the network that are pieces of one: geometry has them as one object with nothing against it, and they look alike.

Two things that touch are common, and odds tell them from halves of one (see `joining`). Three or more in a heap of their own, all
of the same colours, which depth does not part either, are rarer than one thing whose joints the network does not see: a tool, a
keyboard, a truss of fruit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.fused.free_standing import FreeRules, surroundings
from fail2progress.perception.segmentation.geometric.guide import Geometry
from fail2progress.perception.segmentation.geometric.region_adjacency import alike, extent, histogram
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.views import owners_of


@dataclass(frozen=True)
class WholeRules:
    """When several of the network's things are one."""

    pieces: int = 3
    """At least."""
    inside: float = 0.6
    """Share of each in the object, at least: what is thin is seen wider than it is."""
    covered: float = 0.5
    """Share of the object that they cover, at least: what lies in a tote, or at the foot of a wall, is no piece of it."""
    largest: float = 0.6
    """Share that the largest has of all, at most: else it is a thing, and the others are scraps beside it."""
    alike: float = 0.75
    """Bhattacharyya coefficient of the colours of any two, at least."""
    around: float = 0.98
    """Share of what is seen around the object that is a surface or farther away, at least; ..."""
    below: float = 0.95
    """... and that is a surface, in the lower half."""


def joined_pieces(own: list[Numbers], geometry: Geometry, known: Mask, rules: WholeRules, free: FreeRules) -> list[Numbers]:
    """Pixels of each of the network's things, pieces of one together; known: (H * W,) pixels with a reading; free: where it is
    looked whether something stands free, and how large that may be."""
    seen = [pixels[known[pixels]] for pixels in own]
    owner, least = owners_of(seen, len(known)), rules.inside * np.array([len(pixels) for pixels in seen])
    left, made = np.ones(len(own), bool), []
    for whole in geometry.objects:
        common = np.bincount(owner[whole], minlength=len(own) + 1)[1:]
        pieces = np.flatnonzero(left & (common > 0) & (common >= least))
        if len(pieces) >= rules.pieces and _one([seen[i] for i in pieces], whole, geometry, rules, free):
            left[pieces] = False
            made.append(np.sort(np.concatenate([own[i] for i in pieces])))
    return [own[i] for i in np.flatnonzero(left)] + made


def _one(pieces: list[Numbers], whole: Numbers, geometry: Geometry, rules: WholeRules, free: FreeRules) -> bool:
    """Whether an object of geometry is one thing, of which the network has so many pieces."""
    rows, sizes = geometry.rows, [len(piece) for piece in pieces]
    if sum(sizes) < rules.covered * len(whole) or max(sizes) > rules.largest * sum(sizes):
        return False
    if rows.meets_frame(whole) or extent(rows, whole) > free.across:
        return False
    colours = [histogram(rows, piece) for piece in pieces]
    if min(alike(*pair) for pair in combinations(colours, 2)) < rules.alike:
        return False
    around, below = surroundings(geometry, whole, free)
    return around >= rules.around and below >= rules.below
