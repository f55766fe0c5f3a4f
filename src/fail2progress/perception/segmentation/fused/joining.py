"""Which of the network's things are parts of one: by how far apart their pixels point, what parts them, and what geometry has."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.region_adjacency import (
    Meetings,
    Table,
    alike,
    histogram,
    meetings,
    parting,
)
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.thresholds import MergeRules
from fail2progress.perception.segmentation.learned.instances import Seen

_LEAST = 6
"""Places where two parts meet, at least."""
_NEVER = -np.inf
FEATURES = ("distance", "parting", "alike", "smooth", "apart")


@dataclass(frozen=True)
class JoinRules:
    """Logarithms of odds that two neighbours are one thing, as `fit-joins` fits them."""

    distance: float
    """For the logarithm of the distance between the places that they point to, where 1 is the edge of a thing."""
    parting: float
    """For the share of their border that is a valley or a step."""
    alike: float
    """For their colours' Bhattacharyya coefficient."""
    smooth: float
    """For the overlap of both together with the one object that geometry has there, times the share of their border that is
    neither valley nor step."""
    apart: float
    """For the lesser overlap of each with its own object of geometry."""
    bias: float
    least: float = float(np.log(2))
    """Logarithm of the odds from which two are joined: joining two things loses both, leaving one in two at most that one."""
    agreed: float = 0.7
    """Lesser overlap with an object of its own, from which both segmenters see two things, and they stay two."""
    chain: float = 0.8
    """Overlap of two parts together with one object of geometry, from which what points near to any piece of a part is near: a
    handle may be between what are far apart. Elsewhere a scrap between two things would be a bridge."""
    edges: MergeRules = field(default_factory=MergeRules)


@dataclass
class _Part:
    """Pixels, their colours, and how many of them are in each object of geometry, from 1."""

    pixels: Numbers
    colours: Array
    shares: Numbers

    def overlap(self, number: int, sizes: Numbers) -> float:
        """Intersection over union with an object of geometry."""
        common = self.shares[number]
        return float(common / (len(self.pixels) + sizes[number] - common))


class Joiner:
    """Things of the network in one frame, while they are joined.

    image: (H, W) their numbers from 1, at pixels with a reading; numbers: the same as the network sees them; objects: those of
    geometry.
    """

    def __init__(
        self, rows: Table, image: Numbers, numbers: Numbers, seen: Seen, objects: list[Numbers], rules: JoinRules
    ) -> None:
        owner = np.zeros(image.size, np.int64)
        for number, pixels in enumerate(objects):
            owner[pixels] = number + 1
        self._rows, self._rules = rows, rules
        self._sizes = np.array([0, *map(len, objects)])
        self._two: Set[tuple[int, int]] = frozenset()
        self._meetings: Meetings = meetings(image)
        self._groups = {i: [i] for i in range(1, int(numbers.max(initial=0)) + 1) if (image == i).any()}
        self._parts = {i: self._part(np.flatnonzero(image == i), owner) for i in self._groups}
        places = {i: (seen.places[:, numbers == i].mean(axis=1), float(seen.weights[numbers == i].mean())) for i in self._groups}
        self._distances = {
            (one, other): (distance_of(*places[one], *places[other]),) * 2
            for one, met in self._meetings.items()
            for other in met
            if one < other
        }

    def _part(self, pixels: Numbers, owner: Numbers) -> _Part:
        shares = np.bincount(owner[pixels], minlength=len(self._sizes))
        return _Part(pixels, histogram(self._rows, pixels), shares)

    def run(self, two: Set[tuple[int, int]] = frozenset()) -> list[list[int]]:
        """Numbers of the network that are one thing; two: pairs of them, the lesser first, that are not."""
        self._two = two
        odds = {pair: self._odds(*pair) for pair in self._distances}
        while odds:
            pair = max(odds, key=lambda key: odds[key])
            if odds[pair] <= self._rules.least:
                break
            self._join(*pair)
            odds = {key: value for key, value in odds.items() if not set(key) & set(pair)}
            into = pair[0]
            for other in self._meetings.get(into, {}):
                odds[_ordered(into, other)] = self._odds(into, other)
        return list(self._groups.values())

    def neighbours(self) -> Iterator[tuple[Numbers, Numbers, Array]]:
        """Pixels of two parts that meet, and their features, before any are joined."""
        for one, other in self._distances:
            values = self.features(one, other)
            if values is not None:
                yield self._parts[one].pixels, self._parts[other].pixels, values

    def _odds(self, one: int, other: int) -> float:
        """Logarithm of odds that two parts are of one thing."""
        values, rules = self.features(one, other), self._rules
        if any(_ordered(i, k) in self._two for i, k in product(self._groups[one], self._groups[other])):
            return _NEVER
        if values is None or values[FEATURES.index("apart")] > rules.agreed:
            return _NEVER
        weights = np.array([getattr(rules, name) for name in FEATURES])
        return float(values @ weights + rules.bias)

    def features(self, one: int, other: int) -> Array | None:
        """(5,) FEATURES of two parts that meet; None where they hardly do."""
        meeting = self._meetings[one][other]
        if len(meeting.own) < _LEAST:
            return None
        first, second = self._parts[one], self._parts[other]
        parted = parting(self._rows, meeting, self._rules.edges)
        joined, apart = self._by_geometry(first, second)
        colours = alike(first.colours, second.colours)
        distance = self._distances[_ordered(one, other)][int(joined >= self._rules.chain)]
        return np.array([distance, parted, colours, joined * (1 - parted), apart])

    def _by_geometry(self, one: _Part, other: _Part) -> tuple[float, float]:
        """Overlap of both with the object that geometry has there, and the lesser overlap of each with its own object."""
        first, second = int(one.shares.argmax()), int(other.shares.argmax())
        if first == second and first > 0:
            both = _Part(np.concatenate([one.pixels, other.pixels]), one.colours, one.shares + other.shares)
            return both.overlap(first, self._sizes), 0.0
        if first > 0 and second > 0:
            return 0.0, min(one.overlap(first, self._sizes), other.overlap(second, self._sizes))
        return 0.0, 0.0

    def _join(self, into: int, other: int) -> None:
        one, two = self._parts[into], self._parts.pop(other)
        pixels = np.concatenate([one.pixels, two.pixels])
        self._parts[into] = _Part(pixels, histogram(self._rows, pixels), one.shares + two.shares)
        self._groups[into] += self._groups.pop(other)
        larger = into if len(one.pixels) >= len(two.pixels) else other
        del self._meetings[into][other], self._distances[_ordered(into, other)]
        for third in (set(self._meetings[into]) | set(self._meetings.pop(other))) - {into, other}:
            self._meet(into, other, third, larger)

    def _meet(self, into: int, other: int, third: int, larger: int) -> None:
        """Let a third part meet what was joined, and be as far from it as from the larger part and from the nearest."""
        theirs = self._meetings[third]
        met = [i for i in (into, other) if i in theirs]
        found = [theirs[i].turned() for i in met]
        away = {i: self._distances.pop(_ordered(i, third)) for i in met}
        theirs.pop(other, None)
        whole = found[0] if len(found) == 1 else found[0].joined(found[1])
        self._meetings[into][third], theirs[into] = whole, whole.turned()
        far = away[larger if larger in away else met[0]][0]
        self._distances[_ordered(into, third)] = (far, min(near for _, near in away.values()))


def _ordered(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


def distance_of(place: NDArray[np.float32], weight: float, other: NDArray[np.float32], its: float) -> float:
    """Logarithm of the squared distance of two places by the lesser of two weights."""
    squared = float(np.square(place.astype(float) - other).sum())
    return float(np.clip(min(weight, its), -6, 8)) + float(np.log(squared + 1e-6))
