"""Relations from partial views by geometry alone: boxes are completed to what things stand on, then the rules of A.9 apply.

A camera sees tops and fronts. What it does not see is filled in by what must be so: nothing floats, so a thing reaches down to
the highest surface under it; and what is seen lower than the rim of the thing around it stands on that thing's floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.special import expit

from fail2progress.perception.segments import Perceived, Segment
from fail2progress.world import relations
from fail2progress.world.objects import CATEGORIES, Shape
from fail2progress.world.relations import BINARY, UNARY, RelationState, binary_relations
from fail2progress.world.scene import Array

HOLLOW = (Shape.OPEN_BOX, Shape.SHELF, Shape.DRAWER)
_ENOUGH = 4000
"""Points that a segment's box is made from, at least where it has so many."""
_CONTACT, _INSIDE, _ABOVE = BINARY.index("contact"), BINARY.index("inside"), BINARY.index("above")


@dataclass(frozen=True)
class Thresholds:
    """Every number of the geometric detector; metres unless they say otherwise."""

    rules: relations.Thresholds = relations.DEFAULT
    sticking_out: float = 0.75
    """Share of a content's height that may stick out of the top of its container: what people call inside. A.9 says 0."""
    gap: float = 0.005
    """Gap between outlines up to which neighbours touch; neighbours that are meant to be apart stand 8 mm apart (sim.layout)."""
    gap_spread: float = 0.0015
    rim: float = 0.004
    """Spread of heights of rims and tops."""
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
    trim: float = 0.01
    """Quantile taken as the end of a cloud: 0 believes every point."""


DEFAULT = Thresholds()
A9 = Thresholds(sticking_out=0.0)
"""`inside` as paper A.9 and the simulator have it: completely contained."""


@dataclass(frozen=True)
class Completed:
    """N boxes (N, 2, 3) m with the hidden parts filled in, what each stands on and what it lies in (rows, -1 for nothing)."""

    bounds: Array
    support: NDArray[np.int64]
    container: NDArray[np.int64]
    outlines: tuple[Array, ...]
    """Convex outlines from above: (k, 3) half planes (normal x, y, offset in m), negative inside; (0, 3) where never seen."""
    seen: NDArray[np.bool_]


def detect(perceived: Perceived, thresholds: Thresholds = DEFAULT) -> RelationState:
    """Probabilities in [0, 1] of all relations; names are surfaces, then segments, as in `Perceived.cloud`."""
    parts = (*perceived.surfaces, *perceived.segments)
    done = complete(perceived, thresholds)
    binary = _directions(done.bounds, thresholds)
    binary[..., _CONTACT] = _contact(done, len(perceived.surfaces), thresholds)
    binary[..., _INSIDE] = _inside(done, parts, thresholds)
    binary *= (done.seen[:, None] & done.seen[None])[..., None]
    binary[np.arange(len(parts)), np.arange(len(parts))] = 0.0
    return RelationState(tuple(part.id for part in parts), binary, _unary(parts, done, len(perceived.surfaces), thresholds))


def on(perceived: Perceived, thresholds: Thresholds = DEFAULT) -> list[tuple[str, str, float]]:
    """What rests on what: (subject, other, probability) of above and in contact, and not inside, where at least 0.5."""
    state = detect(perceived, thresholds)
    odds = state.binary[..., _ABOVE] * state.binary[..., _CONTACT] * (1.0 - state.binary[..., _INSIDE])
    rows = np.argwhere(odds >= 0.5)
    return [(state.names[i], state.names[j], float(odds[i, j])) for i, j in rows]


def complete(perceived: Perceived, thresholds: Thresholds = DEFAULT) -> Completed:
    """Fill in what the view hides; see the module."""
    parts = (*perceived.surfaces, *perceived.segments)
    clouds = [part.points[:: 1 + len(part.points) // _ENOUGH] for part in parts]
    seen = np.array([len(cloud) >= 4 for cloud in clouds], dtype=bool)
    bounds = np.array([_bounds(cloud, thresholds.trim) for cloud in clouds]).reshape(-1, 2, 3)
    lowest = bounds[:, 0, 2].copy()
    outlines = tuple(_outline(cloud, thresholds.trim) for cloud in clouds)
    count = len(perceived.surfaces)
    tables = [i for i in range(count) if not _hollow(parts[i])]
    bounds[tables, 0, 2] = np.minimum(bounds[tables, 0, 2], bounds[tables, 1, 2] - thresholds.table)
    _push_back_drawers(parts, bounds, seen)
    support, container = np.full((2, len(parts)), -1, np.int64)
    order = [i for i in np.argsort(-bounds[:, 1, 2]) if seen[i] and i >= count]
    for _ in range(3):  # floors of containers follow from what these stand on themselves
        for i in reversed(order):
            under = _beneath(int(i), parts, bounds, lowest, outlines, thresholds)
            if under is not None:
                height, support[i], inside = under
                container[i] = support[i] if inside else -1
                bounds[i, 0, 2] = min(height, bounds[i, 1, 2] - 1e-3)
    return Completed(bounds, support, container, outlines, seen)


def _bounds(points: NDArray[np.float32], trim: float) -> Array:
    """(2, 3) ends of a cloud, outliers left out."""
    if len(points) == 0:
        return np.zeros((2, 3))
    low, high = np.quantile(points, (trim, 1.0 - trim), axis=0)
    stretch = (high - low) * trim / (1.0 - 2.0 * trim)
    return np.asarray(np.stack([low - stretch, high + stretch]), float)


def _outline(points: NDArray[np.float32], trim: float) -> Array:
    """(k, 3) half planes of the convex outline from above, without the `trim` outermost points in every direction."""
    flat = points[:, :2].astype(float)
    if len(flat) < 4:
        return np.empty((0, 3))
    try:
        hull = flat[ConvexHull(flat).vertices]
    except QhullError:
        return np.empty((0, 3))
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-9)[:, None]
    angles = np.arange(16) * np.pi / 8
    normals = np.concatenate([normals, np.stack([np.cos(angles), np.sin(angles)], axis=1)])
    return np.concatenate([normals, -np.quantile(flat @ normals.T, 1.0 - trim / 4, axis=0)[:, None]], axis=1)


def _depth(outline: Array, points: Array) -> Array:
    """(n,) metres that points (n, 2) lie within an outline, negative outside."""
    if len(outline) == 0:
        return np.full(len(points), -np.inf)
    return np.asarray(-(points @ outline[:, :2].T + outline[:, 2]).max(axis=1))


def _hollow(part: Segment) -> bool:
    kind = CATEGORIES.get(part.category)
    return part.shape in HOLLOW or (kind is not None and kind.container)


def _push_back_drawers(parts: tuple[Segment, ...], bounds: Array, seen: NDArray[np.bool_]) -> None:
    """A drawer is as long as its cabinet, of which its front hides most."""
    for i, part in enumerate(parts):
        cabinet = _cabinet(i, parts, bounds, seen) if part.shape is Shape.DRAWER else None
        if cabinet is not None:
            bounds[i, 1, 0] = max(bounds[i, 1, 0], bounds[i, 0, 0] + 0.9 * (bounds[cabinet, 1, 0] - bounds[cabinet, 0, 0]))


def _cabinet(i: int, parts: tuple[Segment, ...], bounds: Array, seen: NDArray[np.bool_]) -> int | None:
    """The cabinet nearest to drawer i."""
    cabinets = [j for j, part in enumerate(parts) if part.shape is Shape.SHELF and seen[j]]
    centres = bounds.mean(axis=1)
    return min(cabinets, key=lambda j: float(np.linalg.norm(centres[j] - centres[i]))) if cabinets and seen[i] else None


def _beneath(
    i: int, parts: tuple[Segment, ...], bounds: Array, lowest: Array, outlines: tuple[Array, ...], thresholds: Thresholds
) -> tuple[float, int, bool] | None:
    """Height (m) of what is under i, which it is, and whether i lies in it; None where nothing is seen under it."""
    centre = bounds[i].mean(axis=0)[None, :2]
    best: tuple[float, int, bool] | None = None
    for j in range(len(parts)):
        depth = _depth(outlines[j], centre)[0]
        found = _stand(i, j, lowest[i], depth, parts, bounds, thresholds) if j != i and depth >= 0.0 else None
        if found is not None and (best is None or found[0] > best[0]):
            best = (found[0], j, found[1])
    return best


def _stand(
    i: int, j: int, lowest: float, depth: float, parts: tuple[Segment, ...], bounds: Array, thresholds: Thresholds
) -> tuple[float, bool] | None:
    """Height (m) at which i would stand on j or in it, and whether it is in it; None where it can be neither."""
    rim = float(bounds[j, 1, 2])
    if parts[j].shape is Shape.TABLE:
        return (rim, False) if bounds[i, 1, 2] > rim - 0.01 else None
    room = bounds[j, 1, :2] - bounds[j, 0, :2] - (bounds[i, 1, :2] - bounds[i, 0, :2])
    # What is seen of a content may begin at its container's rim; what is seen far below the top of something solid says that
    # it is hollow after all.
    below = (0.02 if not _hollow(parts[i]) else -2 * thresholds.rim) if _hollow(parts[j]) else -0.02
    surrounded = (room > (-thresholds.margin if _hollow(parts[j]) else thresholds.margin)).all()
    if surrounded and lowest < rim + below and (_hollow(parts[j]) or depth > thresholds.margin):
        return float(bounds[j, 0, 2]) + thresholds.wall, True
    return (rim, False) if lowest > rim - 0.015 else None


def _directions(bounds: Array, thresholds: Thresholds) -> Array:
    """(N, N, 9) shares of boxes drawn around the completed ones for which the rules of A.9 hold."""
    noise = np.random.default_rng(0).standard_normal((thresholds.samples // 2, *bounds.shape)) * thresholds.corner
    no_contacts = np.zeros((len(bounds), len(bounds)), dtype=bool)
    drawn = [binary_relations(np.sort(bounds + e, axis=1), no_contacts, thresholds.rules) for n in noise for e in (n, -n)]
    return np.asarray(np.mean(drawn, axis=0), float)


def _contact(done: Completed, surfaces: int, thresholds: Thresholds) -> Array:
    """(N, N) a thing touches what it stands on, and neighbours whose outlines are no further apart than a gap."""
    n = len(done.bounds)
    odds = np.zeros((n, n))
    for i in range(surfaces, n):
        for j in range(surfaces, i):
            odds[i, j] = odds[j, i] = _side_by_side(i, j, done, thresholds)
    rows = np.flatnonzero(done.support >= 0)
    odds[rows, done.support[rows]] = odds[done.support[rows], rows] = 0.98
    return odds


def _side_by_side(i: int, j: int, done: Completed, thresholds: Thresholds) -> float:
    if done.container[i] != done.container[j] or not (done.seen[i] and done.seen[j]):
        return 0.0
    overlap = min(done.bounds[i, 1, 2], done.bounds[j, 1, 2]) - max(done.bounds[i, 0, 2], done.bounds[j, 0, 2])
    apart = max(_apart(done, i, j), _apart(done, j, i))
    return float(expit((thresholds.gap - apart) / thresholds.gap_spread) * expit(overlap / thresholds.rim))


def _apart(done: Completed, i: int, j: int) -> float:
    """Metres between the outlines of i and j by the best separating side of i; -inf where i has no outline."""
    reach = _corners(done.outlines[j])
    if len(done.outlines[i]) == 0 or len(reach) == 0:
        return -np.inf
    return float((reach @ done.outlines[i][:, :2].T + done.outlines[i][:, 2]).min(axis=0).max())


def _corners(outline: Array) -> Array:
    """(k, 2) corners of an outline given by half planes, in order of angle."""
    if len(outline) < 3:
        return np.empty((0, 2))
    ordered = outline[np.argsort(np.arctan2(outline[:, 1], outline[:, 0]))]
    after = np.roll(ordered, -1, axis=0)
    cross = ordered[:, 0] * after[:, 1] - ordered[:, 1] * after[:, 0]
    keep = np.abs(cross) > 1e-3
    a, b, cross = ordered[keep], after[keep], cross[keep]
    x = (a[:, 1] * b[:, 2] - b[:, 1] * a[:, 2]) / cross
    y = (b[:, 0] * a[:, 2] - a[:, 0] * b[:, 2]) / cross
    return np.stack([x, y], axis=1)


def _inside(done: Completed, parts: tuple[Segment, ...], thresholds: Thresholds) -> Array:
    """(N, N) a thing lies in its container, sticks out of its top no more than it may, and not out of its sides."""
    odds = np.zeros((len(parts), len(parts)))
    for i, j in enumerate(done.container.tolist()):
        if j < 0:
            continue
        inner, outer = done.bounds[i], done.bounds[j]
        allowed = thresholds.sticking_out * (inner[1, 2] - inner[0, 2])
        over = np.concatenate([outer[0, :2] - inner[0, :2], inner[1, :2] - outer[1, :2]]).max()
        sides = expit((thresholds.margin - over) / thresholds.margin_spread) if thresholds.sticking_out == 0.0 else 1.0
        odds[i, j] = expit((outer[1, 2] + allowed + thresholds.rim - inner[1, 2]) / thresholds.rim) * sides
    for i, part in enumerate(parts):
        cabinet = _cabinet(i, parts, done.bounds, done.seen) if part.shape is Shape.DRAWER else None
        if cabinet is not None:
            odds[i, cabinet] = expit((thresholds.rim - _pulled_out(i, cabinet, done)) / thresholds.rim)
    return odds


def _unary(parts: tuple[Segment, ...], done: Completed, surfaces: int, thresholds: Thresholds) -> Array:
    """(N, 3) movable by category (surfaces never), drawer by shape, open by how far a drawer stands out of its cabinet."""
    values = np.zeros((len(parts), len(UNARY)))
    for i, part in enumerate(parts):
        kind = CATEGORIES.get(part.category)
        drawer = part.shape is Shape.DRAWER
        movable = i >= surfaces and not drawer and (kind is None or kind.movable)
        cabinet = _cabinet(i, parts, done.bounds, done.seen) if drawer else None
        out = -np.inf if cabinet is None else _pulled_out(i, cabinet, done)
        values[i] = (movable, drawer, expit((out - thresholds.rules.drawer_open) / thresholds.rim))
    return values * done.seen[:, None]


def _pulled_out(i: int, cabinet: int, done: Completed) -> float:
    """Metres by which a drawer's front stands out of its cabinet's, towards the robot."""
    return float(done.bounds[cabinet, 0, 0] - done.bounds[i, 0, 0])
