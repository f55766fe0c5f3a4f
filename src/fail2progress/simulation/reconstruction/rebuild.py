"""Rebuilding what was seen as a scene (paper A.12): semantics choose the shape prior, the segment's points its size and pose.

A segment is seen from one side and from above. What is hidden is completed by what the prior says: things stand on what is below
them, tables are slabs, drawers are as long as their cabinet lets them be.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.gaps import Gap, gap, merged
from fail2progress.core.objects import CATEGORIES, DEFAULT_CATEGORY, ObjectSpec, Shape, category, kind_of
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.reconstruction.attitudes import Tilted, tilted
from fail2progress.simulation.reconstruction.fit import SMALLEST, Solid, filled_out, fit, least_height, turned
from fail2progress.simulation.reconstruction.furniture import cabinet_of, drawer_in, opened_towards, shelf_facing

_HERE = "simulation.reconstruction.rebuild"
_POINT = 0.001
"""Metres: a segment that reaches no farther was seen at a point, which has no extents."""
_HALF = 0.5
"""Share of an outline that must be seen for its extents to be those of the object."""
_LITTLE = 0.45
"""Share of an outline below which a thing is taken to be as deep and as high as it is wide."""
_SLAB = 0.04
"""Thickness of a table's top in metres: its lower side is not seen."""
_FLAT = 0.0005
"""Noise (m) up to which every point is believed."""
_TOP = 0.7
"""Quantile of a table's points, without noise, that is its top."""
_SIGMAS = 2.0
"""How far beyond the surface the outermost of some dozens of noisy points lies."""
_REACH = 0.10
"""Metres below the lowest visible point at which a support is still looked for."""
_LEVEL = 0.005
"""Metres between the lowest visible point of a thing and the top of what it stands on with a part of it."""
_CARRIED = 0.15
"""Share of an outline that lies over such a thing: sides of neighbours are off by millimetres."""


@dataclass(frozen=True)
class Rebuilt:
    """A scene made from an observation, and which of its objects were too little seen to be put there."""

    scene: Scene
    left_out: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()
    """What was assumed or could not be rebuilt."""


def rebuild(cloud: SegmentedCloud, relations: RelationState | None = None) -> Rebuilt:
    """The scene behind an observation. `relations` (believed) say what stands inside what. ValueError if nothing was seen."""
    work = _Reconstruction(_known(resting(cloud, relations)), relations)
    if not work.usable.any():
        raise ValueError("nothing to rebuild: no segment has points")
    work.gaps += [_unknown(cloud, i) for i, name in enumerate(cloud.categories) if name not in CATEGORIES]
    work.fill()
    return work.result()


def resting(cloud: SegmentedCloud, relations: RelationState | None) -> SegmentedCloud:
    """The cloud with what is remembered, and believed to be inside a container, put onto what it lies on there.

    It is where a skill was expected to put it: some millimetres lower than it can come, as of a container's floor only the upper
    side is seen, if any; or as high as it was let go.
    """
    held = _believed_inside(cloud, relations)
    held[(cloud.visibility > 0) | too_little_seen(cloud)] = False
    if not held.any():
        return cloud
    work, points = _Reconstruction(_known(cloud), relations), cloud.points.copy()
    work.fill()
    for i in np.flatnonzero(held.any(axis=1)).tolist():
        rise = work.solids[i].bottom - float(points[i, :, 2].min())
        if abs(rise) < _REACH:
            points[i, :, 2] += np.float32(rise)
    return replace(cloud, points=points)


def _believed_inside(cloud: SegmentedCloud, relations: RelationState | None) -> NDArray[np.bool_]:
    """(N, N) which segment is believed to be inside which, of those that the relations name."""
    held = np.zeros((len(cloud), len(cloud)), dtype=bool)
    if relations is not None:
        for word, a, b in relations.of(cloud.names).holding():
            if word == "inside" and kind_of(cloud.categories[cloud.index(b)]).container:
                held[cloud.index(a), cloud.index(b)] = True
    return held


def _known(cloud: SegmentedCloud) -> SegmentedCloud:
    """The cloud with the default prior in place of categories that there are none of."""
    return replace(cloud, categories=tuple(name if name in CATEGORIES else DEFAULT_CATEGORY for name in cloud.categories))


def _unknown(cloud: SegmentedCloud, i: int) -> Gap:
    text = f"{cloud.names[i]}: category {cloud.categories[i]!r}"
    taken = f"an unknown category is taken for a {DEFAULT_CATEGORY}"
    return gap("silent_default", "core.objects.DEFAULT_CATEGORY", taken, text, 1)


def _orphan(name: str) -> Gap:
    return gap("assumption_violated", f"{_HERE}.drawer", "a drawer was seen without a cabinet that it slides in", name, 2)


def _left_out(cloud: SegmentedCloud, name: str) -> Gap:
    what = "an object was not seen, or has no size, and is not in the rebuilt scene"
    return gap("not_covered", f"{_HERE}.left_out", what, why_left_out(cloud, name), 2)


def too_little_seen(cloud: SegmentedCloud) -> NDArray[np.bool_]:
    """(N,) whether a segment was not seen, or at a single point, which has no size."""
    extents = np.ptp(np.nan_to_num(cloud.points), axis=1).max(axis=1)
    return np.asarray(~cloud.seen | (extents <= _POINT))


def why_left_out(cloud: SegmentedCloud, name: str) -> str:
    """Why an object that was left out could not be rebuilt."""
    seen = bool(cloud.seen[cloud.index(name)])
    return f"{name!r} has no size: all its points lie within {1000 * _POINT:g} mm" if seen else f"{name!r} was not seen"


def _hidden(solid: Solid, cloud: SegmentedCloud, i: int) -> Gap:
    text = f"{cloud.names[i]}: {float(cloud.visibility[i]):.0%} of its outline was seen"
    if category(solid.kind).square:
        return gap("silent_default", f"{_HERE}.square", "a hidden side was assumed: as deep as wide", text, 1)
    return gap("not_covered", f"{_HERE}.hidden", "an object is rebuilt as large as what was seen of it", text, 1)


def noise_of(cloud: SegmentedCloud) -> float:
    """Standard deviation (m) of the points about the tops of tables, most of whose points lie on one plane; 0 without a table."""
    tables = [i for i in np.flatnonzero(cloud.seen) if category(cloud.categories[i]).shape is Shape.TABLE]
    heights = [np.asarray(cloud.points[i, :, 2], float) for i in tables]
    spreads = [1.4826 * float(np.median(np.abs(z - np.median(z)))) for z in heights]
    return min(spreads, default=0.0)


@dataclass
class _Reconstruction:
    """A scene under construction: solids by row of the cloud, from below upwards."""

    cloud: SegmentedCloud
    relations: RelationState | None
    solids: dict[int, Solid] = field(default_factory=dict)
    tilted: dict[int, Tilted] = field(default_factory=dict)
    """Of what is not upright, whose solid is the block around it."""
    cabinets: dict[int, int] = field(default_factory=dict)
    openings: dict[str, float] = field(default_factory=dict)

    gaps: list[Gap] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.noise = noise_of(self.cloud)
        self.usable = ~too_little_seen(self.cloud)

    def ends(self, points: Array) -> tuple[float, float]:
        """Lowest and highest point (m), less what noise adds."""
        low, high = float(points[:, 2].min()), float(points[:, 2].max())
        reach = min(_SIGMAS * self.noise if self.noise > _FLAT else 0.0, (high - low) / 2)
        return low + reach, high - reach

    def points(self, i: int) -> Array:
        return np.asarray(self.cloud.points[i], float)

    def fill(self) -> None:
        """All solids, from below upwards."""
        for i in self.order():
            self.solids[i] = self.complete(i)

    def order(self) -> list[int]:
        """Rows, from below upwards: what is believed to be in a container after that, however low it was remembered."""
        low = self.cloud.bounds()[:, 0, 2]
        held = np.argwhere(_believed_inside(self.cloud, self.relations) & self.usable)
        for i, j in np.tile(held, (len(held), 1)):  # as often as it takes where containers are in others
            low[i] = max(low[i], np.nextafter(low[j], np.inf))
        rank = {Shape.TABLE: 0, Shape.SHELF: 1, Shape.DRAWER: 2}
        kinds = [category(name) for name in self.cloud.categories]
        rows = np.flatnonzero(self.usable).tolist()
        return sorted(rows, key=lambda i: (rank.get(kinds[i].shape, 3), low[i]))

    def complete(self, i: int) -> Solid:
        points, kind = self.points(i), self.cloud.categories[i]
        low, top = self.ends(points)
        if category(kind).shape is Shape.TABLE:
            # Most of what is seen of a table is its top; a foot of what stands on it may be counted to it.
            top = float(np.quantile(points[:, 2], _TOP if self.noise <= _FLAT else 0.5))
            return fit(kind, points, top - _SLAB, top, self.noise)
        if category(kind).shape is Shape.DRAWER:
            return self.drawer(i)
        bottom, top = self.heights(i, low, top)
        solid = shelf_facing(fit(kind, points, bottom, top, self.noise), points)
        little = self.little(i)
        # A sliver of something as deep as wide lies in some attitude of a thin one.
        found = None if little and category(kind).square else tilted(solid, points, self.noise)
        if found is not None:
            self.tilted[i] = found
            return found.hull()
        return filled_out(solid, points, self.ceiling(solid)) if little else solid

    def little(self, i: int) -> bool:
        """Whether so little was seen of a solid thing that what was seen does not tell its extents. 0 is what is remembered."""
        kind, shown = category(self.cloud.categories[i]), float(self.cloud.visibility[i])
        return kind.movable and not kind.container and 0.0 < shown < _LITTLE

    def ceiling(self, solid: Solid) -> float:
        """Height (m) of the rim of the lowest drawer that a thing is in; without one there is no limit."""
        around = [
            d.top
            for d in self.solids.values()
            if category(d.kind).shape is Shape.DRAWER and d.covers(np.array([solid.x, solid.y]))[0]
        ]
        return min(around, default=float("inf"))

    def drawer(self, i: int) -> Solid:
        points, kind = self.points(i), self.cloud.categories[i]
        j = cabinet_of(points, {j: solid for j, solid in self.solids.items() if category(solid.kind).shape is Shape.SHELF})
        if j is None:
            self.gaps.append(_orphan(self.cloud.names[i]))
            return fit(kind, points, *self.ends(points), self.noise)
        self.solids[j] = opened_towards(self.solids[j], points)
        self.cabinets[i] = j
        drawer, self.openings[self.cloud.names[i]] = drawer_in(self.solids[j], kind, points)
        return drawer

    def heights(self, i: int, low: float, top: float) -> tuple[float, float]:
        """Of an object's bottom, which is what it stands on, and top (m), by its lowest and highest points."""
        kind = self.cloud.categories[i]
        support = self.floor(i, turned(kind, self.points(i), low, top))
        if support is not None:
            return support, max(top, support + least_height(kind))
        if top - low < SMALLEST:
            text = f"{self.cloud.names[i]}: {1000 * (top - low):.0f} mm of its height were seen"
            what = "an object of which a top alone was seen, and nothing below it, is taken to be 1 cm high"
            self.gaps.append(gap("silent_default", f"{_HERE}.heights", what, text, 1))
        return min(low, top - SMALLEST), top

    def floor(self, i: int, rough: Solid) -> float | None:
        """Height (m) of what an object stands on: the floor of what it is in, else the highest thing under its middle, or under
        more of it than sides of neighbours are off, where its lowest visible point is: a bridge's board, the top of a pyramid.
        None where nothing that was seen is near below it."""
        best = -np.inf
        for j, below in self.solids.items():
            if not below.covers(np.array([rough.x, rough.y]))[0]:
                if abs(below.top - rough.bottom) < _LEVEL and below.covers(rough.grid()).mean() > _CARRIED:
                    best = max(best, below.top)
                continue
            kind = category(below.kind)
            if kind.container and self.inside(i, j, rough):
                best = max(best, below.floor)
            elif below.top <= rough.bottom + 0.01:
                best = max(best, below.top)
        return float(best) if rough.bottom - best < _REACH else None

    def inside(self, i: int, j: int, rough: Solid) -> bool:
        """Whether an object over a container stands in it: believed to, or small enough to have gone in; not what bridges it."""
        if self.bridges(rough, self.solids[j]):
            return False
        if self.relations is not None and self.relations.value("inside", self.cloud.names[i], self.cloud.names[j]) > 0.5:
            return True
        container = self.solids[j]
        if category(container.kind).shape is Shape.SHELF:
            return rough.bottom < container.top - 0.002
        opening = min(container.length, container.width) - 2 * category(container.kind).wall
        return min(rough.length, rough.width) < opening

    def bridges(self, rough: Solid, container: Solid) -> bool:
        """Whether what was seen of an object lies at the rim or above it, and reaches over two walls that face each other."""
        if category(container.kind).shape is Shape.SHELF or rough.bottom < container.top - _LEVEL:
            return False
        outline, wall = container.local(rough.corners()), category(container.kind).wall
        half = np.array([container.length, container.width]) / 2 - wall / 2
        return bool(((outline.min(axis=0) < -half) & (outline.max(axis=0) > half)).any())

    def spec(self, i: int) -> ObjectSpec:
        cabinet = self.cabinets.get(i)
        return self.asset(i).spec(self.cloud.names[i], None if cabinet is None else self.cloud.names[cabinet])

    def asset(self, i: int) -> Solid | Tilted:
        return self.tilted.get(i, self.solids[i])

    def result(self) -> Rebuilt:
        rows = sorted(self.solids)
        specs = tuple(self.spec(i) for i in rows)
        poses = np.stack([self.asset(i).pose for i in rows])
        left_out = tuple(name for name, usable in zip(self.cloud.names, self.usable, strict=True) if not usable)
        gaps = [
            *self.gaps,
            *(_left_out(self.cloud, name) for name in left_out),
            *(_hidden(self.solids[i], self.cloud, i) for i in rows if self.guessed(i)),
        ]
        return Rebuilt(Scene(specs, poses, self.openings), left_out, merged(gaps))

    def guessed(self, i: int) -> bool:
        """Whether too little of a movable thing was seen for its extents."""
        return category(self.solids[i].kind).movable and float(self.cloud.visibility[i]) < _HALF
