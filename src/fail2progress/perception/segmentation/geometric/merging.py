"""Which parts belong to one object: they are alike, hang from it, or are two sides of the same hollow thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from fail2progress.perception.segmentation.geometric.hollows import compact, enclosed, inward, outer_wall, ring
from fail2progress.perception.segmentation.geometric.region_adjacency import (
    Counts,
    Meetings,
    Others,
    Table,
    alike,
    bottoms,
    counts,
    extent,
    histogram,
    joined,
    same_hue,
)
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.thresholds import MergeRules

_PLACES = 6
"""Places where two parts meet, at least, to tell anything from their border."""


Parts = tuple[tuple[int, int], ...]
"""Numbers of parts with how many pixels each has."""


class Merger:
    """Parts, and their meetings, while they are joined."""

    def __init__(self, rows: Table, labels: Numbers, found: Meetings, rules: MergeRules) -> None:
        flat = labels.ravel()
        order = np.flatnonzero(flat)
        order = order[np.argsort(flat[order], kind="stable")]
        starts = np.searchsorted(flat[order], np.arange(1, int(flat.max(initial=0)) + 2))
        self.rows, self.rules, self.meetings = rows, rules, found
        self.parts: dict[int, Numbers] = {i + 1: order[a:b] for i, (a, b) in enumerate(pairwise(starts)) if b > a}
        self.owner = flat.copy()
        self._counts = counts(rows, found, rules)
        self._rings: dict[Parts, bool] = {}
        self._enclosures: dict[tuple[Parts, Parts], bool] = {}
        self._extents: dict[int, float] = {}
        self._holds: dict[int, tuple[float, float, float]] = {}
        self.colours = {i: histogram(rows, pixels) for i, pixels in self.parts.items()}

    def run(self) -> list[Numbers]:
        """Flat pixel indices of every object: fragments in mid-air and what reaches in over the image's border left out."""
        rules = (
            self._tiny,
            self._leaking,
            self._alike,
            self._walls,
            self._halves,
            self._hollow,
            self._outer,
            self._hanging,
            self._alike,
        )
        for rule in (*rules, self._hollow, self._outer):
            self._until_done(rule)
        return [pixels for part, pixels in self.parts.items() if self._held(part) or self._whole(part)]

    def _until_done(self, rule: Callable[[], tuple[int, int] | None]) -> None:
        while True:
            pair = rule()
            if pair is None:
                return
            self._join(*pair)

    def _join(self, into: int, part: int) -> None:
        self.parts[into] = np.concatenate([self.parts[into], self.parts.pop(part)])
        self.colours[into] = histogram(self.rows, self.parts[into])
        del self.colours[part]
        self.owner[self.parts[into]] = into
        for changed in (into, part):
            self._extents.pop(changed, None)
            self._holds.pop(changed, None)
        joined(self.meetings, into, part)
        joined(self._counts, into, part)

    def _extent(self, part: int) -> float:
        """Metres across."""
        if part not in self._extents:
            self._extents[part] = extent(self.rows, self.parts[part])
        return self._extents[part]

    def _touching(self, part: int) -> dict[int, int]:
        """Neighbours that a part touches, with the number of places."""
        return {other: found.touching for other, found in self._counts.get(part, {}).items() if found.touching >= 3}

    def _pairs(self, least: int = 1) -> Iterator[tuple[int, int, Counts]]:
        """Neighbours that meet in so many places, the smaller one second, and what is known of their border from its side."""
        for part in sorted(self.meetings, key=lambda i: len(self.parts[i])):
            for other, found in self._counts[part].items():
                if found.places >= least and len(self.parts[other]) >= len(self.parts[part]):
                    yield other, part, found

    def _tiny(self) -> tuple[int, int] | None:
        for part in sorted(self.meetings, key=lambda i: len(self.parts[i])):
            if self._extent(part) > self.rules.tiny:
                continue
            touching = self._touching(part)
            if touching:
                return max(touching, key=lambda i: touching[i]), part
        return None

    def _leaking(self) -> tuple[int, int] | None:
        """A border that is for the most part neither valley nor step parts nothing."""
        for other, part, found in self._pairs(_PLACES):
            least = self.rules.valleys if alike(self.colours[other], self.colours[part]) > self.rules.unlike else 0.2
            if found.parting / found.places < least:
                return other, part
        return None

    def _alike(self) -> tuple[int, int] | None:
        for other, part, found in self._pairs():
            if found.close / found.places < 0.5 or found.close < _PLACES:
                continue
            least = self.rules.same if self._protrudes(part, other) or self._protrudes(other, part) else self.rules.alike
            if alike(self.colours[other], self.colours[part]) > least:
                return other, part
        return None

    def _hollow(self) -> tuple[int, int] | None:
        """Walls that go round something lower, seen from inside and from outside; and its floor."""
        for other, part, _ in self._pairs(_PLACES):
            if self._stands_in(part, other):
                continue
            if self._ring(other):
                if self._recessed(part, other):
                    return other, part
            elif self._ring(part):
                continue
            elif self._around(other, part) or self._closing(other, part):
                return other, part
        return None

    def _outer(self) -> tuple[int, int] | None:
        """The outside of something hollow, which the rim parts from its inside."""
        for other, part, _ in self._pairs(_PLACES):
            if same_hue(self.colours[other], self.colours[part]) < self.rules.unlike:
                continue
            meeting = self.meetings[part][other]
            for hollow, wall, seam in ((other, part, meeting), (part, other, meeting.turned())):
                apart = self._ring(wall) or not self._ring(hollow) or self._in_front(hollow, wall) > self.rules.unlike
                if not apart and outer_wall(self.rows, self.parts[wall], self.parts[hollow], seam):
                    return other, part
        return None

    def _walls(self) -> tuple[int, int] | None:
        """Parts of one colour that only together go round something lower."""
        for part in sorted(self.meetings, key=lambda i: -len(self.parts[i])):
            group = self._group(part)
            if len(group) > 1 and self._ring(*group):
                walls = [i for i in group if i == part or not self._content(i, [k for k in group if k != i])]
                if len(walls) > 1:
                    return part, walls[1]
        return None

    def _halves(self) -> tuple[int, int] | None:
        """Halves of one rim, with something between them."""
        for part in sorted(self.meetings, key=lambda i: -len(self.parts[i])):
            far = {k for near in self._more(part) for k in self._more(near)} - {part}
            for other in sorted(far):
                if alike(self.colours[part], self.colours[other]) > self.rules.halves and self._one_rim(part, other):
                    return part, other
        return None

    def _one_rim(self, part: int, other: int) -> bool:
        """Whether two parts lie on one ring, each beside the other's middle."""
        if not self._ring(part, other):
            return False
        enclosing = all(self._enclosed(one, part, other) for one in (part, other))
        return enclosing and compact(self.rows, self.parts[part], self.parts[other])

    def _content(self, part: int, group: list[int]) -> bool:
        """Whether parts go round something lower without one, which stands before them."""
        near = [i for i in group if i in self.meetings[part]]
        return any(self._protrudes(part, i) for i in near) and self._ring(*group)

    def _protrudes(self, part: int, other: int) -> bool:
        """Whether a part stands before another, and not on the surface."""
        if self._in_front(part, other) < self.rules.before:
            return False
        _, alone, rest = self._hold(part)
        return alone < self.rules.standing and rest >= self.rules.resting

    def _stands_in(self, part: int, other: int) -> bool:
        """Whether a part stands before the far side of another, a hollow one, and within it."""
        return self._protrudes(part, other) and self._enclosed(part, other)

    def _in_front(self, part: int, other: int) -> float:
        """Share of a border where a part hides another."""
        found = self._counts[part][other]
        return found.before / found.places

    def _group(self, part: int) -> list[int]:
        """A part and all of its colour that lie beside each other, or beside what stands between them."""
        group, waiting = [part], [part]
        while waiting:
            beside = set(self._more(waiting.pop()))
            for other in sorted(beside | {far for near in beside for far in self._more(near)}):
                same = alike(self.colours[part], self.colours[other]) > self.rules.alike
                if other not in group and same and (other in beside or self._ring(part, other)):
                    group.append(other)
                    waiting.append(other)
        return group

    def _ring(self, *parts: int) -> bool:
        key = self._key(*parts)
        if key not in self._rings:
            whole = np.concatenate([self.parts[i] for i in parts])
            self._rings[key] = ring(self.rows, whole, Others(self.owner, parts))
        return self._rings[key]

    def _enclosed(self, part: int, *rim: int) -> bool:
        """Whether most of a part lies within what is highest of others."""
        key = self._key(part), self._key(*rim)
        if key not in self._enclosures:
            whole = np.concatenate([self.parts[i] for i in rim])
            self._enclosures[key] = enclosed(self.rows, self.parts[part], whole)
        return self._enclosures[key]

    def _key(self, *parts: int) -> Parts:
        """Of parts as they are now: they only grow."""
        return tuple(sorted((part, len(self.parts[part])) for part in parts))

    def _closing(self, other: int, part: int) -> bool:
        """Whether two parts need one another for a rim that a third one closes."""
        thirds = self._more(other, part)
        return any(self._around(other, part, i) and not self._ring(other, i) and not self._ring(part, i) for i in thirds)

    def _around(self, *parts: int) -> bool:
        """Whether parts go round something lower together, none of them by itself, and none beside the others."""
        if any(self._ring(part) for part in parts) or not self._ring(*parts):
            return False
        return all(self._enclosed(part, *parts) for part in parts)

    def _more(self, *parts: int) -> list[int]:
        """The largest neighbours of some parts."""
        found = {i for part in parts for i, met in self._counts[part].items() if met.places >= _PLACES} - set(parts)
        return sorted(found, key=lambda i: -len(self.parts[i]))[:6]

    def _recessed(self, part: int, other: int) -> bool:
        """Whether a part is the inside of another, a hollow one: within its rim, and nowhere in front of it."""
        if not self._enclosed(part, other):
            return False
        return self._in_front(part, other) < 0.1 and inward(self.rows, self.parts[part], self.parts[other])

    def _hanging(self) -> tuple[int, int] | None:
        for part in sorted(self.meetings, key=lambda i: len(self.parts[i])):
            touching = self._touching(part)
            if touching and not self._held(part):
                if self._extent(part) > self.rules.hanging:
                    touching = {other: count for other, count in touching.items() if self._goes_on(part, other)}
                if touching:
                    return max(touching, key=lambda i: touching[i]), part
        return None

    def _goes_on(self, part: int, other: int) -> bool:
        """Whether two parts of similar colour are one body: for the most part, neither stands before the other."""
        found = self._counts[part][other]
        return bool(
            found.touching / found.places > 0.5
            and alike(self.colours[part], self.colours[other]) > 0.5
            and max(self._in_front(part, other), self._in_front(other, part)) < 0.3
        )

    def _held(self, part: int) -> bool:
        """Whether a part stands on the surface, or ends below on other things or behind them."""
        grounded, _, rest = self._hold(part)
        return grounded >= self.rules.standing or rest >= self.rules.resting

    def _hold(self, part: int) -> tuple[float, float, float]:
        """Share of a part's columns that reach the surface, that do so and rest on nothing else, and that rest on something."""
        if part not in self._holds:
            bottom, rest = bottoms(self.rows, self.parts[part], self.meetings.get(part, {}), self.rules.touch)
            grounded = self.rows.heights[bottom] < self.rules.grounded
            shares = (float(share.mean()) for share in (grounded, grounded & ~rest, rest))
            self._holds[part] = (next(shares), next(shares), next(shares))
        return self._holds[part]

    def _whole(self, part: int) -> bool:
        """Whether a part is large and all in view."""
        pixels = self.parts[part]
        return self._extent(part) > self.rules.whole and not self.rows.meets_frame(pixels)
