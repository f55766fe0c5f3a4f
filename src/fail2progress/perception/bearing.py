"""What carries a thing with a part of it each: the piers of a bridge, the lower ones of a pyramid.

The middle of such a thing lies over none of them. It stands on one alone where that lies under much of it, with its top where the
thing ends below; and on several whose tops are equally high where its middle lies between them, wherever it is seen to end: else
it went down through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.perception.half_planes import depth_in

_ACROSS = 48
"""Places along each side of a box, at which an outline is looked at."""


@dataclass(frozen=True)
class BearingRules:
    """When a part of a thing carries it."""

    level: float = 0.005
    """Metres between tops that are equally high, and between a thing's lowest visible point and what carries it alone."""
    alone: float = 0.15
    """Share of the thing's outline over what carries it alone: sides of neighbours are off by millimetres."""
    one_of: float = 0.02
    """The same over one of several."""
    under: float = 0.7
    """Share of the outline of what was seen of one of several that lies under the thing, where less of the thing lies over it."""
    deep: float = 0.003
    """Metres that the place lies within the outline of what carries it, at least, by which outlines may be off."""


@dataclass(frozen=True)
class Bearing:
    """row: what a part of a thing lies over; top: its height (m) there; places: (k, 2) m where the thing is over it; share: of
    the thing's outline."""

    row: int
    top: float
    places: Array
    share: float


@dataclass(frozen=True)
class Spread:
    """An outline in its box (2, 3) m."""

    outline: Array
    box: Array

    @cached_property
    def places(self) -> Array:
        """(k, 2) places in m, spread evenly over it."""
        steps = (np.arange(_ACROSS) + 0.5) / _ACROSS
        across = self.box[0, :2] + steps[:, None] * (self.box[1, :2] - self.box[0, :2])
        places = np.stack(np.meshgrid(across[:, 0], across[:, 1]), axis=-1).reshape(-1, 2)
        return places[depth_in(self.outline, places) > 0]

    def within(self, other: Spread, deep: float) -> Array:
        """(k, 2) those that lie so deep (m) in another outline."""
        return self.places[depth_in(other.outline, self.places) > deep]


def bearing(row: int, top: float, below: Spread, thing: Spread, rules: BearingRules) -> Bearing | None:
    """Where a thing lies over something; None where it hardly does. Of what it hides the top of only a front may be seen, all of
    which lies under it."""
    over, under = thing.within(below, rules.deep), below.within(thing, rules.deep)
    share = len(over) / max(len(thing.places), 1)
    if share > rules.one_of:
        return Bearing(row, top, over, share)
    return Bearing(row, top, under, share) if len(under) > rules.under * len(below.places) else None


def carriers(bearings: Sequence[Bearing], lowest: float, middle: Array, rules: BearingRules) -> tuple[Bearing, ...]:
    """Those of the bearings that carry a thing with its middle (2,) m, of which nothing is seen lower than `lowest` (m)."""
    highest = max((one.top for one in bearings), default=-np.inf)
    level = tuple(one for one in bearings if one.top > highest - rules.level)
    if any(_between(one, other, middle) for one, other in combinations(level, 2)):
        return level
    return tuple(one for one in level if one.share > rules.alone and abs(one.top - lowest) < rules.level)


def _between(one: Bearing, other: Bearing, middle: Array) -> bool:
    """Whether a place (2,) m is neither beyond the one nor beyond the other: how deep they are behind their fronts is hidden."""
    start, end = one.places.mean(axis=0), other.places.mean(axis=0)
    return bool((middle - start) @ (end - start) > 0 and (middle - end) @ (start - end) > 0)
