"""Which of the network's things are parts of one: by how far apart their pixels point, what parts them, and what geometry has."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.region_adjacency import (
    Meeting,
    Meetings,
    Table,
    alike,
    border,
    histogram,
    meetings,
)
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.thresholds import MergeRules
from fail2progress.perception.segmentation.learned.instances import Seen

_LEAST = 6
"""Places where two parts meet, at least."""
_NEVER = -np.inf
FEATURES = ("distance", "parting", "alike", "joined", "apart")


@dataclass(frozen=True)
class JoinRules:
    """Logarithms of odds that two neighbours are one thing. Fitted on rendered scenes: see docs/decisions/0058."""

    distance: float = -2.12
    """For the logarithm of the distance between the places that they point to, where 1 is the edge of a thing."""
    parting: float = -2.06
    """For the share of their border that is a valley or a step."""
    alike: float = 4.68
    """For their colours' Bhattacharyya coefficient."""
    joined: float = 0.8
    """For the overlap of both together with the one object that geometry has there."""
    apart: float = -0.6
    """For the lesser overlap of each with its own object of geometry."""
    bias: float = -0.74
    agreed: float = 0.7
    """Lesser overlap with an object of its own, from which both segmenters see two things, and they stay two."""
    edges: MergeRules = field(default_factory=MergeRules)


@dataclass
class _Part:
    """Pixels; where they point to, and the weight of a squared distance there; pixels in each object of geometry, from 1."""

    pixels: Numbers
    place: Array
    weight: float
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
        self._meetings: Meetings = meetings(image)
        self._groups = {i: [i] for i in range(1, int(numbers.max(initial=0)) + 1) if (image == i).any()}
        self._parts = {i: self._part(np.flatnonzero(image == i), numbers == i, seen, owner) for i in self._groups}

    def _part(self, pixels: Numbers, own: Numbers, seen: Seen, owner: Numbers) -> _Part:
        shares = np.bincount(owner[pixels], minlength=len(self._sizes))
        place = seen.places[:, own].mean(axis=1).astype(float)
        return _Part(pixels, place, float(seen.weights[own].mean()), histogram(self._rows, pixels), shares)

    def run(self) -> list[list[int]]:
        """Numbers of the network that are one thing."""
        odds = {(one, other): self._odds(one, other) for one in self._meetings for other in self._meetings[one] if one < other}
        while odds:
            pair = max(odds, key=lambda key: odds[key])
            if odds[pair] <= 0:
                break
            self._join(*pair)
            odds = {key: value for key, value in odds.items() if not set(key) & set(pair)}
            into = pair[0]
            for other in self._meetings.get(into, {}):
                odds[min(into, other), max(into, other)] = self._odds(into, other)
        return list(self._groups.values())

    def _odds(self, one: int, other: int) -> float:
        """Logarithm of odds that two parts are of one thing."""
        meeting, rules = self._meetings[one][other], self._rules
        values = features(self._rows, meeting, self._parts[one], self._parts[other], self._sizes, rules.edges)
        if values is None or values[FEATURES.index("apart")] > rules.agreed:
            return _NEVER
        weights = np.array([getattr(rules, name) for name in FEATURES])
        return float(values @ weights + rules.bias)

    def _join(self, into: int, other: int) -> None:
        one, two = self._parts[into], self._parts.pop(other)
        larger = one if len(one.pixels) >= len(two.pixels) else two
        pixels = np.concatenate([one.pixels, two.pixels])
        colours = histogram(self._rows, pixels)
        self._parts[into] = _Part(pixels, larger.place, larger.weight, colours, one.shares + two.shares)
        self._groups[into] += self._groups.pop(other)
        for third, meeting in self._meetings.pop(other, {}).items():
            del self._meetings[third][other]
            if third == into:
                continue
            mine = self._meetings.setdefault(into, {})
            mine[third] = mine[third].joined(meeting) if third in mine else meeting
            self._meetings[third][into] = mine[third].turned()


def features(rows: Table, meeting: Meeting, one: _Part, other: _Part, sizes: Numbers, edges: MergeRules) -> Array | None:
    """(5,) FEATURES of two parts that meet; None where they hardly do. sizes: pixels of geometry's objects, from 1."""
    if len(meeting.own) < _LEAST:
        return None
    weight = float(np.exp(np.clip(min(one.weight, other.weight), -6, 8)))
    distance = float(np.log(weight * np.square(one.place - other.place).sum() + 1e-6))
    measured = border(rows, meeting, edges.valley)
    parting = float(((measured.gaps >= edges.touch) | measured.concave).mean())
    first, second = int(one.shares.argmax()), int(other.shares.argmax())
    joined = apart = 0.0
    if first == second and first > 0:
        common = int(one.shares[first] + other.shares[first])
        joined = common / (len(one.pixels) + len(other.pixels) + int(sizes[first]) - common)
    elif first > 0 and second > 0:
        apart = min(one.overlap(first, sizes), other.overlap(second, sizes))
    return np.array([distance, parting, alike(one.colours, other.colours), joined, apart])
