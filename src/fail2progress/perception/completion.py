"""The hidden parts of what was seen: boxes reach down to what things stand on, or to the floors of what they lie in.

A camera sees tops and fronts. What it does not see is filled in by what must be so: nothing floats, so a thing reaches down to
the highest surface under it; and what is seen lower than the rim of the thing around it stands on that thing's floor.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fail2progress.core import relations
from fail2progress.core.objects import Shape
from fail2progress.core.quantiles import quantile, quantiles
from fail2progress.core.scene import Array
from fail2progress.perception.bearing import Bearing, BearingRules, Spread, bearing, carriers
from fail2progress.perception.drawers import cabinet_of, way_in
from fail2progress.perception.half_planes import box_around, depth_in, ends_along, outline, rectangle, sparse
from fail2progress.perception.handles import body
from fail2progress.perception.segmentation.base import Perceived, Segment


@dataclass(frozen=True)
class Thresholds:
    """Every number of the geometric detector; metres unless they say otherwise."""

    rules: relations.Thresholds = relations.DEFAULT
    sticking_out: float = 0.75
    """Share of a content's height that may stick out of the top of its container: what people call inside. A.9 says 0."""
    gap: float = 0.003
    """Gap between outlines up to which neighbours are as likely to touch as not: outlines are known to about 2 mm."""
    gap_spread: float = 0.002
    rim: float = 0.004
    """Spread of heights of rims and tops."""
    mouth: float = 0.5
    """Upper share of a container's height, whose outline is that of its mouth: of the rim itself readings are few."""
    under: float = 0.003
    """How far below its container's rim a content is seen."""
    shown: float = 0.03
    """Share of a content's readings that are, at least."""
    within: float = 0.006
    """How far these are from the container's outline, by the median: more than a wall's thickness."""
    deeper: float = 0.02
    """How far below the lowest that is seen of a container a content may be seen: what is lower is under it."""
    readings: int = 60
    """Of a content, at least: scraps of a container's own wall have few."""
    across: float = 0.025
    """The diagonal of what is seen of a content, at least."""
    margin: float = 0.010
    """How far a content's box may reach over its container's, by pixels and noise."""
    margin_spread: float = 0.003
    corner: float = 0.003
    """Standard deviation of a completed box's sides, from which directional relations get their probability."""
    samples: int = 32
    """Boxes drawn for that."""
    wall: float = 0.006
    """Thickness of a container's floor."""
    table: float = 0.04
    """Thickness of a table's top, of which often only the upper side is seen."""
    sunk: float = 0.06
    """How far below a table's top something that stands on it may seem to reach, by readings that fly behind its edge."""
    beside: float = 0.15
    """How far from what is seen of a table something may still stand on it, if it stands on nothing else."""
    around: float = 0.03
    """How far from a thing's outline the top of what may carry it is looked at."""
    bearing: BearingRules = field(default_factory=BearingRules)
    """When what lies under a part of a thing carries it."""
    trim: float = 0.01
    """Quantile taken as the end of a cloud: 0 believes every point."""


@dataclass(frozen=True)
class Completed:
    """N boxes (N, 2, 3) m with the hidden parts filled in, what each stands on and what it lies in (rows, -1 for nothing)."""

    bounds: Array
    support: NDArray[np.int64]
    carried: NDArray[np.bool_]
    """(N, N) whether i stands on j: its support, and what else carries it at that height, as both piers carry a bridge."""
    container: NDArray[np.int64]
    outlines: tuple[Array, ...]
    """Convex outlines from above: (k, 3) half planes (normal x, y, offset in m), negative inside; (0, 3) where never seen."""
    seen: NDArray[np.bool_]
    pulled: Array
    """(N,) m by which a drawer's front stands out of its cabinet's; -inf for what is no drawer, and without a cabinet."""


def complete(perceived: Perceived, thresholds: Thresholds) -> Completed:
    """Fill in what the view hides; rows are surfaces, then segments, as in `Perceived.cloud`."""
    return _Completion(perceived, thresholds).run()


@dataclass
class _Completion:
    """Boxes under construction. `lowest` (N,) m: lower ends of what was seen; `vessels`: clouds without handles, `bodies`: their
    outlines, None of what has no handle."""

    perceived: Perceived
    thresholds: Thresholds
    parts: tuple[Segment, ...] = field(init=False)

    def __post_init__(self) -> None:
        trim = self.thresholds.trim
        self.parts = (*self.perceived.surfaces, *self.perceived.segments)
        self.clouds = clouds = [sparse(part.points) for part in self.parts]
        self.seen = np.array([len(cloud) >= 4 for cloud in clouds], dtype=bool)
        trims = [0.1 * trim if part.shape is Shape.TABLE else trim for part in self.parts]  # 1 % of a table is centimetres
        self.bounds = np.array([box_around(*pair) for pair in zip(clouds, trims, strict=True)]).reshape(-1, 2, 3)
        self.lowest = self.bounds[:, 0, 2].copy()
        self.outlines = tuple(outline(cloud, trim) for cloud in clouds)
        dense = [part.hollow and part.cavity is not None for part in self.parts]  # vessels, as dense as a camera sees them
        bodies = [part.points[body(part.points)] if it else part.points for part, it in zip(self.parts, dense, strict=True)]
        self.vessels = [sparse(points) for points in bodies]
        handled = [len(points) < len(part.points) for points, part in zip(bodies, self.parts, strict=True)]
        self.bodies = [outline(vessel, trim) if less else None for vessel, less in zip(self.vessels, handled, strict=True)]
        self.support, self.container = np.full((2, len(self.parts)), -1, np.int64)
        self.carried = np.zeros((len(self.parts), len(self.parts)), bool)
        self.pulled = np.full(len(self.parts), -np.inf)
        # What does not change while things are put down, which is gone through three times.
        self.tops, self.reaching = dict[tuple[int, int, float], float](), dict[tuple[int, int], bool]()

    def run(self) -> Completed:
        """From below upwards, so that what carries is complete before what it carries; and again, as floors follow from that."""
        self._thicken_tables()
        self._push_back_drawers()
        count = len(self.perceived.surfaces)
        order = [int(i) for i in np.argsort(self.bounds[:, 1, 2]) if self.seen[i] and i >= count]
        for _ in range(3):
            for i in order:
                self._put_down(i)
        for i in order:
            self.container[i] = self._shared_container(i)
        return Completed(self.bounds, self.support, self.carried, self.container, self.outlines, self.seen, self.pulled)

    def _thicken_tables(self) -> None:
        """Of a table's top often only the upper side is seen; most of the points lie on it, whatever their noise."""
        for i, part in enumerate(self.parts):
            if part.shape is Shape.TABLE and self.seen[i]:
                self.bounds[i, 1, 2] = quantile(part.points[:, 2], 0.7)
                self.bounds[i, 0, 2] = min(self.bounds[i, 0, 2], self.bounds[i, 1, 2] - self.thresholds.table)

    def _push_back_drawers(self) -> None:
        """A drawer is as long as its cabinet, of which its front hides most. It is open towards -x of its box (clouds: of their
        frame), where it is not seen to be at another side of its cabinet."""
        for i, part in enumerate(self.parts):
            j = cabinet_of(i, self.parts, self.bounds, self.seen)
            if j is not None:
                axes = way_in(self.clouds[i], self.clouds[j], part.inwards, self.thresholds.trim)
                own, cabinet = (ends_along(self.clouds[k], axes, self.thresholds.trim) for k in (i, j))
                self.pulled[i] = cabinet[0, 0] - own[0, 0]
                own[1, 0] = max(own[1, 0], own[0, 0] + 0.9 * (cabinet[1, 0] - cabinet[0, 0]))
                corners = np.array([(x, y) for x in own[:, 0] for y in own[:, 1]]) @ axes
                self.bounds[i, :, :2] = corners.min(axis=0), corners.max(axis=0)
                self.outlines = (*self.outlines[:i], rectangle(own, axes), *self.outlines[i + 1 :])

    def _put_down(self, i: int) -> None:
        """Let i reach down to the highest thing under it."""
        found = [(*place, j) for j in range(len(self.parts)) if j != i and (place := self._place(i, j)) is not None]
        found = self._within_drawers(found)
        parts = self._carriers(i, found)
        found = [*found, *((part.top, False, part.row) for part in parts)] or self._beside(i)
        if found:
            height, lies_in, j = max(found)
            self.support[i], self.container[i] = j, j if lies_in else -1
            self.carried[i] = np.isin(np.arange(len(self.parts)), [j, *(part.row for part in parts)])
            self.bounds[i, 0, 2] = min(height, self.bounds[i, 1, 2] - 1e-3)

    def _carriers(self, i: int, found: list[tuple[float, bool, int]]) -> tuple[Bearing, ...]:
        """What carries i with a part of it each, wherever its middle is; nothing where i is seen down to a table: it does not
        stand on the card beside it."""
        rules, lowest = self.thresholds.bearing, float(self.lowest[i])
        tables = [height for height, _, j in found if self.parts[j].shape is Shape.TABLE]
        if any(abs(height - lowest) < rules.level for height in tables):
            return ()
        spread = Spread(self.outlines[i], self.bounds[i])
        around = {j for _, lies_in, j in found if lies_in}
        lower = [j for j in range(len(self.parts)) if self._may_carry(i, j) and (not around or self.container[j] in around)]
        spreads = [Spread(self.outlines[j] if (vessel := self.bodies[j]) is None else vessel, self.bounds[j]) for j in lower]
        parts = [bearing(j, self._top(i, j, 0.98), other, spread, rules) for j, other in zip(lower, spreads, strict=True)]
        low_enough = [part for part in parts if part is not None and part.top < lowest + rules.level]
        return carriers(low_enough, lowest, self.bounds[i].mean(axis=0)[:2], rules)

    def _may_carry(self, i: int, j: int) -> bool:
        """Whether j is lower than i, reaches under it, and does not lie in it."""
        if not self.seen[j] or self.container[j] == i or self.bounds[j, 1, 2] >= self.bounds[i, 1, 2]:
            return False
        own, other = self.bounds[i, :, :2], self.bounds[j, :, :2]
        return bool((other[0] < own[1]).all() and (other[1] > own[0]).all())

    def _within_drawers(self, found: list[tuple[float, bool, int]]) -> list[tuple[float, bool, int]]:
        """Places without the cabinets of drawers that a thing lies in: of a cabinet's floor little is seen."""
        drawers = [j for _, lies_in, j in found if lies_in and self.parts[j].shape is Shape.DRAWER]
        cabinets = {cabinet_of(j, self.parts, self.bounds, self.seen) for j in drawers}
        return [place for place in found if place[2] not in cabinets]

    def _place(self, i: int, j: int) -> tuple[float, bool] | None:
        """Height (m) at which i would stand on j or lie in it, and whether it lies in it; None where it can do neither."""
        if self.container[j] == i:
            return None  # a tote does not stand on what lies in it
        extent = self.bounds[i, 1, :2] - self.bounds[i, 0, :2]
        depth = depth_in(self.outlines[j], self.bounds[i].mean(axis=0)[None, :2])[0]
        rim = float(self.bounds[j, 1, 2])
        if depth < -0.25 * extent.min():
            return None
        if self.parts[j].shape is Shape.TABLE:
            stands = self.bounds[i, 1, 2] > rim - 0.01 and self.lowest[i] > rim - self.thresholds.sunk
            return (rim, False) if stands else None
        if depth >= 0.0 and self._lies_in(i, j):
            return float(self.bounds[j, 0, 2]) + self.thresholds.wall, True
        top = self._top(i, j)
        return (top, False) if self.lowest[i] > top - 0.015 else None

    def _top(self, i: int, j: int, share: float = 0.9) -> float:
        """Height (m) of the rim or top of j beside i: what leans on something, or is not level, is lower there than elsewhere."""
        if (i, j, share) not in self.tops:
            self.tops[i, j, share] = self._top_beside(i, j, share)
        return self.tops[i, j, share]

    def _top_beside(self, i: int, j: int, share: float) -> float:
        rim = float(self.bounds[j, 1, 2])
        if self.parts[j].hollow or self.parts[j].shape is Shape.TABLE:
            return rim
        points = self.clouds[j]
        near = points[depth_in(self.outlines[i], points[:, :2].astype(float)) > -self.thresholds.around, 2]
        return min(quantile(near, share), rim) if len(near) >= 10 else rim

    def _beside(self, i: int) -> list[tuple[float, bool, int]]:
        """The table next to i, if one is: it may go on where the image ends or something hides it."""
        centre = self.bounds[i].mean(axis=0)[None, :2]
        near = [
            (float(depth_in(self.outlines[j], centre)[0]), j)
            for j, part in enumerate(self.parts)
            if part.shape is Shape.TABLE and self.bounds[j, 1, 2] < self.lowest[i] + 0.01
        ]
        depth, j = max(near, default=(-np.inf, -1))
        return [(float(self.bounds[j, 1, 2]), False, j)] if depth > -self.thresholds.beside else []

    def _lies_in(self, i: int, j: int) -> bool:
        """A content lies in something hollow, has room there, and is seen to reach in. What was not seen to be hollow, as it is
        closed on top, holds nothing."""
        if not self.parts[j].hollow:
            return False
        room = np.diff(self.bounds[j], axis=0)[0, :2] - np.diff(self.bounds[i], axis=0)[0, :2]
        if self.lowest[i] < self.lowest[j] - self.thresholds.deeper:
            return False  # it is under it
        return bool((room > -self.thresholds.margin).all() and self._reaches(i, j) and self.bounds[i, 1, 2] >= self.lowest[j])

    def _reaches(self, i: int, j: int) -> bool:
        if (i, j) not in self.reaching:
            self.reaching[i, j] = self._reaches_in(i, j)
        return self.reaching[i, j]

    def _reaches_in(self, i: int, j: int) -> bool:
        """Whether i is seen below the rim of j, through its mouth, and within its outline: what is on the outside of a wall is
        at the outline, and what stands under an overhanging wall is seen beside the mouth."""
        rules, points, rim = self.thresholds, self.clouds[i], self.bounds[j, 1, 2]
        if self.parts[i].hollow and self.lowest[i] > rim - 2 * rules.rim:
            return False
        if self.parts[j].cavity is not None and self._is_scrap(i):
            return False
        under = points[points[:, 2] < rim - rules.under]
        if len(self.parts[i].pixels):  # what is remembered is not seen from where the camera is now
            under = under[self._through_mouth(under, j)]
        if len(under) < max(3.0, rules.shown * len(points)):
            return False
        around = self.bodies[j]
        around = self.outlines[j] if around is None else around
        return float(np.median(depth_in(around, under[:, :2].astype(float)))) > rules.within

    def _through_mouth(self, points: NDArray[np.float32], j: int) -> NDArray[np.bool_]:
        """(n,) whether the camera sees points (n, 3), lower than the rim of j, through its mouth."""
        eye, cloud = self.perceived.eye, self.vessels[j]
        low, rim = quantiles(cloud[:, 2], (0.03, 0.97))
        if eye is None or eye[2] <= rim or not len(points):
            return np.ones(len(points), bool)
        top = cloud[cloud[:, 2] > rim - self.thresholds.mouth * (rim - low)]
        mouth = outline(top, 0.0) if len(top) >= 10 else self.outlines[j]
        away = points.astype(float) - eye
        crossing = eye[:2] + away[:, :2] * ((rim - eye[2]) / np.minimum(away[:, 2], -1e-3))[:, None]
        return depth_in(mouth, crossing) > -self.thresholds.rim

    def _is_scrap(self, i: int) -> bool:
        """Whether a segment that was found by what it looks like is too small to be more than a piece of the container itself."""
        across = float(np.linalg.norm(np.ptp(self.clouds[i], axis=0))) if len(self.clouds[i]) else 0.0
        return len(self.parts[i].points) < self.thresholds.readings or across < self.thresholds.across

    def _shared_container(self, i: int) -> int:
        """What stands on a content lies in the same container, unless it is all above its rim."""
        j, seen = i, {i}
        while self.container[j] < 0 and self.support[j] >= 0 and int(self.support[j]) not in seen:
            j = int(self.support[j])
            seen.add(j)
        around = int(self.container[j])
        return around if around >= 0 and around != i and self.bounds[i, 0, 2] < self.bounds[around, 1, 2] else -1
