"""Rebuilding what was seen as a scene (paper A.12): semantics choose the shape prior, the segment's box gives the size and pose.

A segment is seen from one side and from above. What is hidden is completed by what the prior says: things stand on what is below
them, tables are slabs, cups and capsules are as deep as they are wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.objects import ObjectSpec, Shape, category
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array, Scene, pose

_SLAB = 0.04
"""Thickness of a table's top in metres: its lower side is not seen."""
_REACH = 0.05
"""Metres below the lowest visible point at which a support is still looked for."""
_TRIM = 0.5
"""Percent of the points cut off at each end of a box where the cloud is noisy; none otherwise."""


@dataclass(frozen=True)
class Rebuilt:
    """A scene made from an observation, and which of its objects were too little seen to be put there."""

    scene: Scene
    left_out: tuple[str, ...]


def rebuild(cloud: SegmentedCloud, relations: RelationState | None = None, noisy: bool = False) -> Rebuilt:
    """The scene behind an observation. `relations` (believed) say what stands inside what. ValueError if nothing was seen."""
    if not cloud.seen.any():
        raise ValueError("nothing to rebuild: no segment has points")
    boxes = _boxes(cloud, noisy)
    order = sorted(np.flatnonzero(cloud.seen).tolist(), key=lambda i: (category(cloud.categories[i]).movable, boxes[i, 0, 2]))
    done: dict[int, Array] = {}
    for i in order:
        done[i] = _complete(i, boxes[i], cloud, done, relations)
    rows = [i for i in range(len(cloud)) if i in done]
    specs = tuple(_spec(cloud.names[i], cloud.categories[i], done[i]) for i in rows)
    poses = np.stack([pose(*done[i].mean(axis=0)) for i in rows])
    left_out = tuple(name for name, seen in zip(cloud.names, cloud.seen, strict=True) if not seen)
    return Rebuilt(Scene(specs, poses), left_out)


def _boxes(cloud: SegmentedCloud, noisy: bool) -> Array:
    if not noisy:
        return cloud.bounds()
    return np.asarray(np.percentile(cloud.points, [_TRIM, 100 - _TRIM], axis=1).transpose(1, 0, 2), float)


def _spec(name: str, kind: str, box: Array) -> ObjectSpec:
    size = np.maximum(box[1] - box[0], 0.01)
    return ObjectSpec(name, kind, (float(size[0]), float(size[1]), float(size[2])))


def _complete(index: int, box: Array, cloud: SegmentedCloud, done: dict[int, Array], relations: RelationState | None) -> Array:
    """(2, 3) box with its hidden parts filled in, given the boxes of what lies below."""
    kind = category(cloud.categories[index])
    box = box.copy()
    if kind.shape is Shape.TABLE:
        box[0, 2] = box[1, 2] - _SLAB
        return box
    if cloud.categories[index] in ("cup", "capsule"):
        box = _squared(box, cloud, index)
    if kind.movable:
        box[0, 2] = min(_floor(index, box, cloud, done, relations), box[1, 2] - 0.01)
    return box


def _squared(box: Array, cloud: SegmentedCloud, index: int) -> Array:
    """As deep as wide, grown away from the side that was seen less: the far side is hidden, so x is the one to trust less."""
    size = box[1] - box[0]
    if size[0] < size[1]:
        box[1, 0] = box[0, 0] + size[1]
    elif size[1] < 0.8 * size[0]:
        middle = box[:, 1].mean()
        box[0, 1], box[1, 1] = middle - size[0] / 2, middle + size[0] / 2
    return box


def _floor(index: int, box: Array, cloud: SegmentedCloud, done: dict[int, Array], relations: RelationState | None) -> float:
    """Height (m) of what an object stands on: the floor of the container it is in, else the highest thing under its middle."""
    middle = box.mean(axis=0)
    best = -np.inf
    for other, below in done.items():
        if not ((below[0, :2] < middle[:2]) & (below[1, :2] > middle[:2])).all():
            continue
        kind = category(cloud.categories[other])
        if kind.shape is Shape.OPEN_BOX and _is_inside(index, other, cloud, relations, box, below):
            best = max(best, below[0, 2] + kind.wall)
        elif kind.shape is not Shape.OPEN_BOX and below[1, 2] <= box[0, 2] + 0.01:
            best = max(best, below[1, 2])
    return float(best) if box[0, 2] - best < _REACH + 0.05 else float(box[0, 2])


def _is_inside(
    index: int, other: int, cloud: SegmentedCloud, relations: RelationState | None, box: Array, container: Array
) -> bool:
    if relations is not None:
        return relations.value("inside", cloud.names[index], cloud.names[other]) > 0.5
    return bool(box[1, 2] < container[1, 2])
