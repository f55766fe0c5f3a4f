"""Relations from partial views by geometry alone: boxes are completed (see `completion`), then the rules of A.9 apply."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from fail2progress.core.objects import CATEGORIES, Shape
from fail2progress.core.observation import SegmentedCloud, UnseenError
from fail2progress.core.relations import BINARY, UNARY, RelationState, binary_relations
from fail2progress.core.scene import Array, pose
from fail2progress.perception.completion import Completed, Thresholds, complete
from fail2progress.perception.drawers import cabinet_of
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.perception.segmentation.base import Perceived, Segment

_CONTACT, _INSIDE, _ABOVE = BINARY.index("contact"), BINARY.index("inside"), BINARY.index("above")


DEFAULT = Thresholds()
A9 = Thresholds(sticking_out=0.0)
"""`inside` as paper A.9 and the simulator have it: completely contained."""


class GeometricDetector(RelationDetector):
    """Needs no model. What robots act on follows A.9 to the letter; of frames for people, `inside` is what people call so."""

    name = "geometric"

    def detect(self, cloud: SegmentedCloud) -> RelationState:
        """See RelationDetector."""
        if not cloud.seen.any():
            raise UnseenError(cloud.names)
        perceived, order = _perceived(cloud)
        found = detect(perceived, A9)
        back = np.argsort(order)
        return RelationState(cloud.names, found.binary[np.ix_(back, back)], found.unary[back])

    def detect_perceived(self, perceived: Perceived) -> RelationState:
        """See RelationDetector: from all points of the frame."""
        return detect(perceived)


def _perceived(cloud: SegmentedCloud) -> tuple[Perceived, list[int]]:
    """A cloud as a frame, shapes by category; and the rows of the cloud in the frame's order, what cannot move first."""
    kinds = [CATEGORIES.get(category) for category in cloud.categories]
    fixed = [kind is not None and not kind.movable for kind in kinds]
    parts = []
    for name, category, points, seen, visibility in zip(
        cloud.names, cloud.categories, cloud.points, cloud.seen, cloud.visibility, strict=True
    ):
        known = CATEGORIES.get(category)
        own = points if seen else points[:0]
        low, high = (own.min(axis=0), own.max(axis=0)) if seen else (np.zeros(3), np.zeros(3))
        place, size = pose(*(low.astype(float) + high) / 2), np.asarray(high - low, float)
        shape = known.shape if known is not None else Shape.CUBOID
        parts.append(Segment(name, category, shape, own, np.empty(0, np.int64), place, size, float(visibility)))
    order = sorted(range(len(parts)), key=lambda row: not fixed[row])
    count = sum(fixed)
    ordered = [parts[row] for row in order]
    frame = Perceived(tuple(ordered[count:]), tuple(ordered[:count]), np.eye(4), 0, 0, {}, cloud.frame, cloud.stamp)
    return frame, order


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
    odds[done.carried | done.carried.T] = 0.98
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
    """(N, N) a thing lies in its container, sticks out of its top no more than it may, and not out of its sides.

    By A.9 a thing also lies in what its container lies in, as far as it reaches out of that nowhere.
    """
    odds = np.zeros((len(parts), len(parts)))
    cabinets = [cabinet_of(i, parts, done.bounds, done.seen) for i in range(len(parts))]
    for i in range(len(parts)):
        around = _around(i, done.container.tolist(), cabinets)
        for j in around if thresholds.sticking_out == 0.0 else around[:1]:
            odds[i, j] = _contained(done.bounds[i], done.bounds[j], thresholds)
    for i, cabinet in enumerate(cabinets):
        if cabinet is not None:
            odds[i, cabinet] = expit((thresholds.rim - done.pulled[i]) / thresholds.rim)
    return odds


def _around(i: int, containers: list[int], cabinets: list[int | None]) -> list[int]:
    """What i lies in, what that lies in, and so on; a drawer in its cabinet."""
    found = [containers[i]] if containers[i] >= 0 else []
    while found:
        j = found[-1]
        following = containers[j] if containers[j] >= 0 else cabinets[j]
        if following is None or following in (i, *found):
            break
        found.append(following)
    return found


def _contained(inner: Array, outer: Array, thresholds: Thresholds) -> float:
    """How probable it is that a box (2, 3) lies in another one as far as it must."""
    allowed = thresholds.sticking_out * (inner[1, 2] - inner[0, 2])
    over = np.concatenate([outer[0, :2] - inner[0, :2], inner[1, :2] - outer[1, :2]]).max()
    sides = expit((thresholds.margin - over) / thresholds.margin_spread) if thresholds.sticking_out == 0.0 else 1.0
    return float(expit((outer[1, 2] + allowed + thresholds.rim - inner[1, 2]) / thresholds.rim) * sides)


def _unary(parts: tuple[Segment, ...], done: Completed, surfaces: int, thresholds: Thresholds) -> Array:
    """(N, 3) movable by category (surfaces never), drawer by shape, open by how far a drawer stands out of its cabinet."""
    values = np.zeros((len(parts), len(UNARY)))
    for i, part in enumerate(parts):
        kind = CATEGORIES.get(part.category)
        drawer = part.shape is Shape.DRAWER
        movable = i >= surfaces and not drawer and (kind is None or kind.movable)
        values[i] = (movable, drawer, expit((done.pulled[i] - thresholds.rules.drawer_open) / thresholds.rim))
    return values * done.seen[:, None]
