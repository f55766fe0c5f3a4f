"""Which parts belong to one object: they are alike, hang from it, or are two sides of the same hollow thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.geometric.hollows import compact, enclosed, inward, outer_wall, ring
from fail2progress.perception.segmentation.geometric.region_adjacency import (
    Border,
    Meeting,
    Meetings,
    Table,
    alike,
    border,
    extent,
    histogram,
    same_hue,
)
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.geometric.thresholds import MergeRules

_EDGE = 4
"""Rows at the image's lower edge; the last ones often have no reading."""


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
        self._borders: dict[tuple[int, int], tuple[Meeting, Border]] = {}
        self._rings: dict[tuple[tuple[int, int], ...], bool] = {}
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
        for other, meeting in self.meetings.pop(part, {}).items():
            del self.meetings[other][part]
            if other == into:
                continue
            mine = self.meetings.setdefault(into, {})
            mine[other] = mine[other].joined(meeting) if other in mine else meeting
            self.meetings[other][into] = mine[other].turned()

    def _border(self, meeting: Meeting) -> Border:
        """What is measured along a border, once; the meeting is kept, so that no other one takes its place in memory."""
        key = (id(meeting.own), id(meeting.other))
        if key not in self._borders:
            self._borders[key] = (meeting, border(self.rows, meeting, self.rules.valley))
        return self._borders[key][1]

    def _touching(self, part: int) -> dict[int, int]:
        """Neighbours that a part touches, with the number of places."""
        found = {other: int((self._border(m).gaps < self.rules.touch).sum()) for other, m in self.meetings.get(part, {}).items()}
        return {other: count for other, count in found.items() if count >= 3}

    def _pairs(self) -> Iterator[tuple[int, int, Meeting]]:
        for part in sorted(self.meetings, key=lambda i: len(self.parts[i])):
            for other, meeting in self.meetings[part].items():
                if len(self.parts[other]) >= len(self.parts[part]):
                    yield other, part, meeting

    def _tiny(self) -> tuple[int, int] | None:
        for part in sorted(self.meetings, key=lambda i: len(self.parts[i])):
            if extent(self.rows, self.parts[part]) > self.rules.tiny:
                continue
            touching = self._touching(part)
            if touching:
                return max(touching, key=lambda i: touching[i]), part
        return None

    def _leaking(self) -> tuple[int, int] | None:
        """A border that is for the most part neither valley nor step parts nothing."""
        for other, part, meeting in self._pairs():
            if len(meeting.own) < 6:
                continue
            measured = self._border(meeting)
            parting = (measured.gaps >= self.rules.touch) | measured.concave
            least = self.rules.valleys if alike(self.colours[other], self.colours[part]) > self.rules.unlike else 0.2
            if parting.mean() < least:
                return other, part
        return None

    def _alike(self) -> tuple[int, int] | None:
        for other, part, meeting in self._pairs():
            measured = self._border(meeting)
            close = measured.gaps < self.rules.touch / np.maximum(measured.grazing, 0.25)
            if close.mean() < 0.5 or close.sum() < 6:
                continue
            least = self.rules.same if self._protrudes(part, other) or self._protrudes(other, part) else self.rules.alike
            if alike(self.colours[other], self.colours[part]) > least:
                return other, part
        return None

    def _hollow(self) -> tuple[int, int] | None:
        """Walls that go round something lower, seen from inside and from outside; and its floor."""
        for other, part, meeting in self._pairs():
            if len(meeting.own) < 6:
                continue
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
        for other, part, meeting in self._pairs():
            if len(meeting.own) < 6 or same_hue(self.colours[other], self.colours[part]) < self.rules.unlike:
                continue
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
        whole = np.concatenate([self.parts[part], self.parts[other]])
        pair = [self.parts[part], self.parts[other]]
        return all(enclosed(self.rows, one, whole) for one in pair) and compact(self.rows, *pair)

    def _content(self, part: int, group: list[int]) -> bool:
        """Whether parts go round something lower without one, which stands before them."""
        near = [i for i in group if i in self.meetings[part]]
        return any(self._protrudes(part, i) for i in near) and self._ring(*group)

    def _protrudes(self, part: int, other: int) -> bool:
        """Whether a part stands before another, and not on the surface."""
        if self._in_front(part, other) < self.rules.before:
            return False
        bottom, rest = self._bottom(part)
        grounded = ~rest & (self.rows.heights[bottom] < self.rules.grounded)
        return bool(grounded.mean() < self.rules.standing and rest.mean() >= self.rules.resting)

    def _stands_in(self, part: int, other: int) -> bool:
        """Whether a part stands before the far side of another, a hollow one, and within it."""
        return self._protrudes(part, other) and enclosed(self.rows, self.parts[part], self.parts[other])

    def _in_front(self, part: int, other: int) -> float:
        """Share of a border where a part hides another."""
        meeting = self.meetings[part][other]
        return float((self.rows.range[meeting.other] - self.rows.range[meeting.own] > self.rules.touch / 2).mean())

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
        key = tuple(sorted((part, len(self.parts[part])) for part in parts))
        if key not in self._rings:
            self._rings[key] = ring(self.rows, np.concatenate([self.parts[i] for i in parts]), self._others(*parts))
        return self._rings[key]

    def _closing(self, other: int, part: int) -> bool:
        """Whether two parts need one another for a rim that a third one closes."""
        thirds = self._more(other, part)
        return any(self._around(other, part, i) and not self._ring(other, i) and not self._ring(part, i) for i in thirds)

    def _around(self, *parts: int) -> bool:
        """Whether parts go round something lower together, none of them by itself, and none beside the others."""
        if any(self._ring(part) for part in parts) or not self._ring(*parts):
            return False
        whole = np.concatenate([self.parts[part] for part in parts])
        return all(enclosed(self.rows, self.parts[part], whole) for part in parts)

    def _others(self, *parts: int) -> Mask:
        """(H * W,) pixels of all parts but some."""
        return np.asarray((self.owner > 0) & ~np.isin(self.owner, parts))

    def _more(self, *parts: int) -> list[int]:
        """The largest neighbours of some parts."""
        found = {i for part in parts for i, m in self.meetings[part].items() if len(m.own) >= 6} - set(parts)
        return sorted(found, key=lambda i: -len(self.parts[i]))[:6]

    def _recessed(self, part: int, other: int) -> bool:
        """Whether a part is the inside of another, a hollow one: within its rim, and nowhere in front of it."""
        if not enclosed(self.rows, self.parts[part], self.parts[other]):
            return False
        return self._in_front(part, other) < 0.1 and inward(self.rows, self.parts[part], self.parts[other])

    def _hanging(self) -> tuple[int, int] | None:
        for part in sorted(self.meetings, key=lambda i: len(self.parts[i])):
            touching = self._touching(part)
            if touching and not self._held(part):
                if extent(self.rows, self.parts[part]) > self.rules.hanging:
                    touching = {other: count for other, count in touching.items() if self._goes_on(part, other)}
                if touching:
                    return max(touching, key=lambda i: touching[i]), part
        return None

    def _goes_on(self, part: int, other: int) -> bool:
        """Whether two parts of similar colour are one body: for the most part, neither stands before the other."""
        meeting = self.meetings[part][other]
        return bool(
            (self._border(meeting).gaps < self.rules.touch).mean() > 0.5
            and alike(self.colours[part], self.colours[other]) > 0.5
            and max(self._in_front(part, other), self._in_front(other, part)) < 0.3
        )

    def _held(self, part: int) -> bool:
        """Whether a part stands on the surface, or ends below on other things or behind them."""
        bottom, rest = self._bottom(part)
        grounded = self.rows.heights[bottom] < self.rules.grounded
        return bool(grounded.mean() >= self.rules.standing or rest.mean() >= self.rules.resting)

    def _whole(self, part: int) -> bool:
        """Whether a part is large and all in view."""
        pixels = self.parts[part]
        return extent(self.rows, pixels) > self.rules.whole and not self.rows.meets_frame(pixels)

    def _bottom(self, part: int) -> tuple[Numbers, Mask]:
        """(n,) lowest pixel of each of its columns, and whether it ends on another part, behind one or at the image's edge."""
        pixels = self.parts[part]
        columns = pixels % self.rows.width
        order = np.lexsort((pixels, columns))
        bottom = pixels[order][np.flatnonzero(np.diff(columns[order], append=-1))]
        rest = bottom // self.rows.width >= len(self.rows.heights) // self.rows.width - _EDGE
        for meeting in self.meetings.get(part, {}).values():
            under = (meeting.other > meeting.own) & ((meeting.other - meeting.own) % self.rows.width == 0)
            ahead = self.rows.range[meeting.own] - self.rows.range[meeting.other] > -self.rules.touch
            rest |= np.isin(bottom % self.rows.width, (meeting.own % self.rows.width)[under & ahead])
        return bottom, np.asarray(rest)
