"""Objects do not vanish when they are hidden: the last known cloud is kept, and moved as the model expects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.core.scene import Array


@dataclass
class ObjectMemory:
    """Fills what is not seen now with what was seen before."""

    last: SegmentedCloud | None = None

    def update(self, cloud: SegmentedCloud, expected_shift: Array | None = None) -> SegmentedCloud:
        """The cloud with hidden segments filled in. `expected_shift`: (N, 3) m since the last update, of the segments then."""
        if self.last is not None:
            moved = self.last if expected_shift is None else self.last.shifted(expected_shift)
            known = matching(moved, cloud).points
            cloud = replace(cloud, points=np.where(cloud.seen[:, None, None], cloud.points, known))
        self.last = cloud
        return cloud

    def forget(self) -> None:
        """Start anew."""
        self.last = None


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
    return replace(cloud, names=wanted.names, categories=wanted.categories, points=points, visibility=visibility)


def matched(seen: Observation, wanted: SegmentedCloud) -> Observation:
    """An observation of the segments that `wanted` names, in its order; see `matching`."""
    return Observation(matching(seen.cloud, wanted), seen.relations.of(wanted.names), seen.source)
