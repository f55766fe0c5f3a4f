"""Cabinets: boxes in whose front there are drawers, shut or pulled out; and which pixels are the cabinet's and which a drawer's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, pose
from fail2progress.perception.segmentation.geometric.elevations import Elevation, Face, elevation, raw
from fail2progress.perception.segmentation.geometric.guide import Thing
from fail2progress.perception.segmentation.geometric.panels import Panel, PanelRules, panels
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan
from fail2progress.perception.segmentation.geometric.tops import Top, TopRules, tops


@dataclass(frozen=True)
class CabinetRules:
    """Which boxes are cabinets, and what is part of one."""

    above: float = 0.004
    """Metres above the surface from which readings are looked at."""
    facing: float = 0.3
    """Cosine between a side's normal and the way to the camera, of sides that are looked at."""
    reach: float = 0.35
    """Metres that a drawer may be pulled out."""
    fronts: float = 0.4
    """Share of a side that its drawers' fronts cover, at least."""
    hanging: float = 0.008
    """Metres above the surface of what is pulled out, at least: a box that stands before another one stands on the surface."""
    open: float = 0.03
    """Metres that a drawer is pulled out, from which it is seen whether it is open above."""
    lid: float = 0.3
    """Share of what is pulled out that may be covered by a lid."""
    slack: float = 0.006
    """Metres by which readings may lie beside what they belong to."""
    wide: float = 0.8
    """Share of a drawer's width, from which what lies in it is a part of it: its floor or its back."""
    left: float = 0.5
    """Share of a thing's pixels that are neither the cabinet's nor a drawer's, for it to be a thing beside them."""
    tops: TopRules = field(default_factory=TopRules)
    panels: PanelRules = field(default_factory=PanelRules)


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
            cabinet, things = _parted(scan, rotation, standing, front, things, rules)
            found.append(cabinet)
    return found, things


@dataclass(frozen=True)
class _Front:
    view: Elevation
    panels: list[Panel]

    @property
    def share(self) -> float:
        """Of the face that panels cover."""
        return sum(panel.size for panel in self.panels) / self.view.behind.size


def _front(scan: Scan, rotation: Array, standing: Numbers, top: Top, rules: CabinetRules) -> _Front | None:
    """The side of a box that has drawers."""
    fronts = []
    for middle, normal, width, depth in top.faces():
        face = Face(middle, normal, width, depth, top.foot, top.top)
        view = elevation(scan, rotation, standing, face, rules.reach) if face.facing > rules.facing else None
        if view is not None:
            found = [panel for panel in panels(view, rules.panels) if _slides(scan, rotation, standing, view, panel, rules)]
            fronts.append(_Front(view, found))
    best = max(fronts, key=lambda front: front.share, default=None)
    return best if best is not None and best.share > rules.fronts else None


def _slides(scan: Scan, rotation: Array, standing: Numbers, view: Elevation, panel: Panel, rules: CabinetRules) -> bool:
    """Whether a panel that is pulled out is a drawer's, which hangs in the air and is open above."""
    if panel.level > -rules.panels.out:
        return True
    _, _, low, high = view.place(panel.rows, panel.columns)
    if low < rules.hanging:
        return False
    if panel.level > -rules.open:
        return True
    at = view.face.local(raw(scan, rotation, standing))
    out = _within(at, view, panel, rules) & (at[:, 1] > panel.behind + rules.open / 2) & (at[:, 1] < -rules.slack)
    lid = out & (at[:, 2] > high - 2 * rules.slack) & (scan.normals.reshape(-1, 3)[standing, 2] > rules.tops.level)
    return bool(lid.sum() < rules.lid * max(out.sum(), 1))


def _within(at: Array, view: Elevation, panel: Panel, rules: CabinetRules) -> Mask:
    """(n,) which places (n, 3) of a face are a drawer's or in it. Before the face nothing else is."""
    left, right, low, high = view.place(panel.rows, panel.columns)
    before = (panel.level < -rules.panels.out) & (at[:, 1] < -rules.slack)
    slack = np.where(before, rules.slack, 0.0)
    beside = (at[:, 0] > left - slack) & (at[:, 0] < right + slack)
    floor = np.where(before, 0.0, low - (2 * rules.slack if panel.level < -rules.panels.out else 0.0))
    return np.asarray(beside & (at[:, 2] > floor) & (at[:, 2] < high + slack) & (at[:, 1] > panel.behind - rules.slack))


def _parted(
    scan: Scan, rotation: Array, standing: Numbers, front: _Front, things: list[Thing], rules: CabinetRules
) -> tuple[Cabinet, list[Thing]]:
    """Pixels to the cabinet, its drawers and what lies in them."""
    view, face = front.view, front.view.face
    at = face.local(raw(scan, rotation, standing))
    drawers = [_within(at, view, panel, rules) & (at[:, 1] < face.depth) for panel in front.panels]
    rest = np.all([~drawer for drawer in drawers], axis=0)
    box = (np.abs(at[:, 0]) < face.width / 2 + rules.slack) & (at[:, 1] > -rules.slack) & (at[:, 1] < face.depth + rules.slack)
    box &= rest & (at[:, 2] < face.top - face.foot + rules.slack)
    free = np.ones(len(standing), bool)
    for thing in things:
        own = np.isin(standing, thing.pixels)
        if any(_content(at, own, drawer, view, panel, rules) for panel, drawer in zip(front.panels, drawers, strict=True)):
            free &= ~own
    parts = [_drawer(standing, at, drawer & free, view, panel) for panel, drawer in zip(front.panels, drawers, strict=True)]
    size = np.array([face.depth, face.width, face.top - face.foot])
    body = Part(standing[box & free], _placed(face, np.array([0.0, size[0] / 2, size[2] / 2])), size)
    taken = np.concatenate([body.pixels, *(part.pixels for part in parts)])
    return Cabinet(body, tuple(parts)), _without(things, taken, rules)


def _content(at: Array, own: Mask, drawer: Mask, view: Elevation, panel: Panel, rules: CabinetRules) -> bool:
    """Whether a thing lies in a drawer: no part of its front, nor of its sides, nor as wide as its floor."""
    if panel.level > -rules.panels.out or (own & drawer).sum() < rules.left * max(own.sum(), 1):
        return False
    left, right, _, _ = view.place(panel.rows, panel.columns)
    along, behind = at[own, 0], at[own, 1]
    front = (behind < panel.behind + 2 * rules.slack).mean()
    sides = ((along < left + rules.slack) | (along > right - rules.slack)).mean()
    narrow = np.ptp(np.quantile(along, (0.02, 0.98))) < rules.wide * (right - left)
    return bool(front < 1 - rules.left and sides < rules.left and narrow)


def _drawer(standing: Numbers, at: Array, own: Mask, view: Elevation, panel: Panel) -> Part:
    left, right, low, high = view.place(panel.rows, panel.columns)
    depth = max(float(np.quantile(at[own, 1], 0.98)) - panel.behind, 1e-3) if own.any() else 1e-3
    middle = np.array([(left + right) / 2, panel.behind + depth / 2, (low + high) / 2])
    return Part(standing[own], _placed(view.face, middle), np.array([depth, right - left, high - low]))


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
