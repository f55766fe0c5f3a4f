"""Objects do not vanish when they are hidden: the last known cloud is kept, and moved as the model expects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.objects import is_container
from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.core.scene import Array

Points = NDArray[np.float32]

_AGREE = 0.01
"""Metres within which the two sides of a box have moved alike."""


@dataclass
class ObjectMemory:
    """Fills what is not seen now with what was seen before.

    A hidden thing is where it was, moved as expected; but what lay in a container that is seen now went where that went.
    Otherwise a content that travels unseen in its cup would stay, in memory, where a model that does not know better expects it.
    What the skill itself handled is taken out of its container, and into another one: it is where it was to go.
    """

    last: SegmentedCloud | None = None

    def update(self, cloud: SegmentedCloud, expected_shift: Array | None = None, handled: str | None = None) -> SegmentedCloud:
        """The cloud with hidden segments filled in. `expected_shift`: (N, 3) m since the last update, of the segments then;
        `handled`: the object of the skill that was carried out since.
        """
        if self.last is not None:
            shift = np.zeros((len(self.last), 3)) if expected_shift is None else expected_shift
            known = matching(self.last.shifted(_along(self.last, cloud, shift, handled)), cloud)
            colours = tuple(now or before for now, before in zip(cloud.colours, known.colours, strict=False)) or cloud.colours
            points = np.where(cloud.seen[:, None, None], cloud.points, known.points)
            cloud = replace(cloud, points=points, colours=colours)
        self.last = cloud
        return cloud

    def forget(self) -> None:
        """Forget everything."""
        self.last = None


def _along(before: SegmentedCloud, after: SegmentedCloud, expected: Array, handled: str | None) -> Array:
    """(N, 3) m by which hidden segments of `before` moved: with the smallest container that is seen before and after, but for
    what was handled."""
    rows = {name: row for row, name in enumerate(after.names)}
    now = [rows.get(name, -1) for name in before.names]
    seen = np.array([row >= 0 and bool(after.seen[row]) for row in now], dtype=bool) & before.seen
    holding = np.array([is_container(kind) for kind in before.categories], dtype=bool)
    moved = np.array(expected, float)
    for i in np.flatnonzero(before.seen & ~seen & ~_are(before, handled)):
        around = [j for j in np.flatnonzero(seen & holding) if contains(before.points[j], before.points[i])]
        if around:
            j = min(around, key=lambda row: float(np.ptp(before.points[row], axis=0).prod()))
            moved[i] = shift_between(before.points[j], after.points[now[j]], moved[j])
    return moved


def _are(cloud: SegmentedCloud, name: str | None) -> NDArray[np.bool_]:
    """(N,) which segment goes by a name."""
    return np.array([one == name for one in cloud.names], dtype=bool)


def witnessed(before: SegmentedCloud, after: SegmentedCloud, handled: str) -> NDArray[np.bool_]:
    """(N,) of which segments it was seen where they went, or where the container went that held them; of what the skill itself
    `handled`, where it went.

    Of all else `after`, of the same segments with hidden ones filled in, has what was expected, which is no observation.
    """
    seen, known = after.visibility > 0, before.seen & after.seen
    holding = np.flatnonzero(seen & known & np.array([is_container(kind) for kind in before.categories], dtype=bool))
    held = [any(contains(before.points[j], before.points[i]) for j in holding) for i in range(len(before))]
    return np.asarray(known & (seen | np.array(held, dtype=bool) & ~_are(before, handled)))


def gone(before: SegmentedCloud, after: SegmentedCloud, handled: str) -> NDArray[np.bool_]:
    """(N,) of which segments it was seen where they were, and not where they went; see `witnessed`."""
    return np.asarray(before.seen & ~witnessed(before, after, handled))


def shift_between(before: Points, after: Points, expected: Array) -> Array:
    """(3,) m by which a thing moved between two partial views of it, each side of its box for itself.

    Where both sides agree, their mean. A view can lose a side (of a shut drawer, all but the front): then the side that moved as
    the thing was expected to.
    """
    low, high = after.min(axis=0) - before.min(axis=0), after.max(axis=0) - before.max(axis=0)
    nearer = np.where(np.abs(low - expected) < np.abs(high - expected), low, high)
    return np.asarray(np.where(np.abs(low - high) < _AGREE, (low + high) / 2, nearer), float)


def contains(outer: Points, inner: Points) -> bool:
    """Whether a cloud (P, 3) is narrower than another one, has its middle between the other's sides, and begins below its rim."""
    low, high, middle = outer.min(axis=0), outer.max(axis=0), _middle(inner)
    within = bool((middle[:2] > low[:2]).all() and (middle[:2] < high[:2]).all())
    narrower = bool((np.ptp(inner[:, :2], axis=0) < np.ptp(outer[:, :2], axis=0)).all())
    return within and narrower and bool(inner[:, 2].min() < high[2] and middle[2] > low[2])


def _middle(points: Points) -> Array:
    """(3,) middle of the box around a cloud."""
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2, float)


def matching(cloud: SegmentedCloud, wanted: SegmentedCloud) -> SegmentedCloud:
    """The segments of `cloud` that `wanted` names, in its order: those that `cloud` lacks have no points, others are left out."""
    if cloud.names == wanted.names:
        return cloud
    rows = {name: row for row, name in enumerate(cloud.names)}
    points = np.full((len(wanted), *cloud.points.shape[1:]), np.nan, np.float32)
    visibility = np.zeros(len(wanted), np.float32)
    for row, name in enumerate(wanted.names):
        if name in rows:
            points[row], visibility[row] = cloud.points[rows[name]], cloud.visibility[rows[name]]
    colours = tuple(cloud.colour(name) if name in rows else "" for name in wanted.names) if cloud.colours else ()
    return replace(cloud, names=wanted.names, categories=wanted.categories, points=points, visibility=visibility, colours=colours)


def matched(seen: Observation, wanted: SegmentedCloud) -> Observation:
    """An observation of the segments that `wanted` names, in its order; see `matching`."""
    return replace(seen, cloud=matching(seen.cloud, wanted), relations=seen.relations.of(wanted.names))


def matched_first(seen: Observation, before: SegmentedCloud) -> Observation:
    """An observation of the segments that `before` names, in its order, and after them of those that were not known then."""
    cloud = seen.cloud
    new = [row for row, name in enumerate(cloud.names) if name not in before.names]
    names = (*before.names, *(cloud.names[row] for row in new))
    kinds = (*before.categories, *(cloud.categories[row] for row in new))
    points, visibility = np.full((len(names), *cloud.points.shape[1:]), np.nan, np.float32), np.zeros(len(names), np.float32)
    return matched(seen, replace(cloud, names=names, categories=kinds, points=points, visibility=visibility, colours=()))
