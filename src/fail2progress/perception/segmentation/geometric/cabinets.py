"""Cabinets: boxes in whose front there are drawers, shut or pulled out; which pixels are the cabinet's and which a drawer's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from fail2progress.core.quantiles import quantile
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, pose
from fail2progress.perception.segmentation.geometric.elevations import Face, apart, elevation, raw
from fail2progress.perception.segmentation.geometric.guide import Thing
from fail2progress.perception.segmentation.geometric.panels import PanelRules, panels
from fail2progress.perception.segmentation.geometric.pulled import Pulled, PulledRules, pulled
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan
from fail2progress.perception.segmentation.geometric.tops import Top, TopRules, tops


@dataclass(frozen=True)
class CabinetRules:
    """Which boxes are cabinets, and what is part of one."""

    above: float = 0.004
    """Metres above the surface from which readings are looked at."""
    facing: float = 0.3
    """Cosine between a side's normal and the way to the camera, of sides that are looked at."""
    before: float = 0.008
    """Metres by which a drawer that is shut may stand before the face."""
    fronts: float = 0.4
    """Share of a side that its drawers' fronts cover, at least."""
    slack: float = 0.006
    """Metres by which readings may lie beside what they belong to."""
    floor: float = 0.1
    """Share of what is seen within a drawer that is taken to be as low as its floor."""
    left: float = 0.5
    """Share of a thing's pixels that are neither the cabinet's nor a drawer's, for it to be a thing beside them."""
    tops: TopRules = field(default_factory=TopRules)
    panels: PanelRules = field(default_factory=PanelRules)
    pulled: PulledRules = field(default_factory=PulledRules)


@dataclass(frozen=True)
class Part:
    """A cabinet or a drawer: its pixels, flat indices (n,), and the box around it, whose x axis leads inwards: pose (7,) with the
    camera at the origin and size (3,), in m."""

    pixels: Numbers
    pose: Array
    size: Array


@dataclass(frozen=True)
class Cabinet:
    """What was found, the drawers from below upwards."""

    body: Part
    drawers: tuple[Part, ...]


def cabinets(scan: Scan, rotation: Array, things: list[Thing], rules: CabinetRules) -> tuple[list[Cabinet], list[Thing]]:
    """All that are seen, and the things without what is theirs. rotation: (3, 3) from optical to level axes."""
    found: list[Cabinet] = []
    standing: Numbers | None = None
    for top in tops(scan, rules.tops):
        standing = np.flatnonzero((scan.heights > rules.above) & (scan.inverted > 0)) if standing is None else standing
        front = _front(scan, rotation, standing, top, rules)
        if front is not None:
            cabinet, things = _parted(standing, front, things, rules)
            found.append(cabinet)
    return found, things


@dataclass(frozen=True)
class _Front:
    """A side of a box with its drawers, from below upwards; at: (n, 3) places in it of what stands there."""

    face: Face
    at: Array
    drawers: list[Pulled]

    @property
    def share(self) -> float:
        """Of the face that its drawers' fronts cover."""
        covered = sum(np.ptp(one.along) * np.ptp(one.up) for one in self.drawers)
        return float(covered / (self.face.width * (self.face.top - self.face.foot)))


def _front(scan: Scan, rotation: Array, standing: Numbers, top: Top, rules: CabinetRules) -> _Front | None:
    """The side of a box that has drawers."""
    points = raw(scan, rotation, standing)
    fronts = []
    for middle, normal, width, depth in top.faces():
        face = Face(middle, normal, width, depth, top.foot, top.top)
        if face.facing > rules.facing:
            at = face.local(points)
            # What is hardly pulled out may be found in both ways.
            both = [*_shut(scan, standing, at, face, rules), *pulled(scan, standing, at, face, rules.pulled)]
            drawers = apart(both, Pulled.meets)
            fronts.append(_Front(face, at, sorted(drawers, key=lambda one: one.up)))
    best = max(fronts, key=lambda front: front.share, default=None)
    return best if best is not None and best.share > rules.fronts else None


def _shut(scan: Scan, standing: Numbers, at: Array, face: Face, rules: CabinetRules) -> list[Pulled]:
    """Drawers whose fronts are panels in a face."""
    view = elevation(scan, standing, at, face, rules.before)
    found = [] if view is None else panels(view, rules.panels)
    places = [] if view is None else [view.place(panel.rows, panel.columns) for panel in found]
    return [Pulled(place[:2], place[2:], panel.behind) for panel, place in zip(found, places, strict=True)]


def _within(at: Array, drawer: Pulled, rules: CabinetRules) -> Mask:
    """(n,) which places (n, 3) of a face are a drawer's or in it. Below what is pulled out nothing else is."""
    before = np.full(len(at), drawer.behind < -rules.before) & (at[:, 1] < -rules.slack)
    slack = np.where(before, rules.slack, 0.0)
    (left, right), (low, high) = drawer.along, drawer.up
    beside = (at[:, 0] > left - slack) & (at[:, 0] < right + slack)
    floor = np.where(before, 0.0, low - (2 * rules.slack if drawer.behind < -rules.before else 0.0))
    return np.asarray(beside & (at[:, 2] > floor) & (at[:, 2] < high + slack) & (at[:, 1] > drawer.behind - rules.slack))


def _parted(standing: Numbers, front: _Front, things: list[Thing], rules: CabinetRules) -> tuple[Cabinet, list[Thing]]:
    """Pixels to the cabinet, its drawers and what lies in them."""
    face, at = front.face, front.at
    drawers = [_within(at, drawer, rules) & (at[:, 1] < face.depth) for drawer in front.drawers]
    rest = np.all([~drawer for drawer in drawers], axis=0)
    box = (np.abs(at[:, 0]) < face.width / 2 + rules.slack) & (at[:, 1] > -rules.slack) & (at[:, 1] < face.depth + rules.slack)
    box &= rest & (at[:, 2] < face.top - face.foot + rules.slack)
    free = np.ones(len(standing), bool)
    for thing in things:
        own = np.isin(standing, thing.pixels)
        if any(_content(at, own, of, drawer, rules) for drawer, of in zip(front.drawers, drawers, strict=True)):
            free &= ~own
    parts = [_drawer(standing, at, of & free, face, drawer) for drawer, of in zip(front.drawers, drawers, strict=True)]
    size = np.array([face.depth, face.width, face.top - face.foot])
    body = Part(standing[box & free], _placed(face, np.array([0.0, size[0] / 2, size[2] / 2])), size)
    taken = np.concatenate([body.pixels, *(part.pixels for part in parts)])
    return Cabinet(body, tuple(parts)), _without(things, taken, rules)


def _content(at: Array, own: Mask, of: Mask, drawer: Pulled, rules: CabinetRules) -> bool:
    """Whether a thing lies in a drawer, and is not a piece of its front, sides or floor."""
    if drawer.behind > -rules.before or (own & of).sum() < rules.left * max(own.sum(), 1):
        return False
    left, right = drawer.along[0] + rules.slack, drawer.along[1] - rules.slack
    inner = of & (at[:, 1] > drawer.behind + 2 * rules.slack) & (at[:, 0] > left) & (at[:, 0] < right)
    floor = quantile(at[inner, 2], rules.floor) + 2 * rules.slack if inner.any() else np.inf
    return bool((own & inner & (at[:, 2] > floor)).sum() > rules.left * own.sum())


def _drawer(standing: Numbers, at: Array, own: Mask, face: Face, drawer: Pulled) -> Part:
    depth = max(quantile(at[own, 1], 0.98) - drawer.behind, 1e-3) if own.any() else 1e-3
    middle = np.array([np.mean(drawer.along), drawer.behind + depth / 2, np.mean(drawer.up)])
    size = np.array([depth, np.ptp(drawer.along), np.ptp(drawer.up)])
    return Part(standing[own], _placed(face, middle), size)


def _placed(face: Face, at: Array) -> Array:
    """(7,) pose of a box whose middle lies at a place (3,) of a face."""
    along = np.array([-face.normal[1], face.normal[0]])
    x, y = face.middle + at[0] * along - at[1] * face.normal
    return pose(float(x), float(y), face.foot + float(at[2]), float(np.arctan2(-face.normal[1], -face.normal[0])))


def _without(things: list[Thing], taken: Numbers, rules: CabinetRules) -> list[Thing]:
    """Things of which enough is left."""
    kept = []
    for thing in things:
        pixels = np.setdiff1d(thing.pixels, taken)
        if len(pixels) == len(thing.pixels):
            kept.append(thing)
        elif len(pixels) > rules.left * len(thing.pixels):
            covered = None if thing.covered is None else np.setdiff1d(thing.covered, taken)
            kept.append(replace(thing, pixels=pixels, covered=covered))
    return kept
