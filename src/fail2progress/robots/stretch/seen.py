"""What the camera has seen, as the scene that a skill's program is worked out for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fail2progress.core.objects import CATEGORIES, ObjectSpec
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array, Scene, pose

_UNKNOWN = "cuboid"
"""What a thing of a category that nobody knows is taken for: it can be moved and holds nothing."""
_THIN = 0.001
"""Metres: least extent of a box; of a table, the camera sees no more than its top."""
_NEAR = 0.005
"""Metres that readings may lie beside the thing that they are of."""
_MOST, _ALIKE = 0.5, 0.1
"""Share of a segment's points in an object's box from which it may be that object; difference of shares that says nothing."""


def merged(looks: Sequence[SegmentedCloud]) -> SegmentedCloud:
    """Looks at the same scene in one cloud: every segment as the look has it that saw most of it; of equals, the latest."""
    names = tuple(dict.fromkeys(name for look in looks for name in look.names))
    best = [max((look for look in reversed(looks) if name in look.names), key=lambda look: _seen(look, name)) for name in names]
    rows = [(look, look.index(name)) for look, name in zip(best, names, strict=True)]
    points = np.array([look.points[row] for look, row in rows], np.float32).reshape(len(rows), -1, 3)
    coloured = any(look.colours for look in looks)
    return replace(
        looks[-1],
        names=names,
        categories=tuple(look.categories[row] for look, row in rows),
        points=points if rows else looks[-1].points,
        visibility=np.array([look.visibility[row] for look, row in rows], np.float32),
        colours=tuple(look.colours[row] if look.colours else "" for look, row in rows) if coloured else (),
    )


def _seen(look: SegmentedCloud, name: str) -> float:
    return float(look.visibility[look.index(name)])


def known(cloud: SegmentedCloud) -> Scene:
    """A scene of the boxes around what was seen, upright and turned as the planning frame; a drawer's front faces the robot."""
    rows = [row for row in range(len(cloud)) if cloud.seen[row]]
    boxes = cloud.bounds()[rows].reshape(-1, 2, 3)
    specs = [
        ObjectSpec(cloud.names[row], _category(cloud.categories[row]), _size(box[1] - box[0]))
        for row, box in zip(rows, boxes, strict=True)
    ]
    poses = [pose(*map(float, box.mean(axis=0))) for box in boxes]
    return Scene(tuple(specs), np.array(poses, float).reshape(-1, 7))


def true_name(name: str, cloud: SegmentedCloud | None, scene: Scene) -> str:
    """What a segment is called in a scene: the name of the object in whose box most of its points lie, of several that hold
    about as many the smallest, as what lies in a bowl is in the bowl's box, too. A name of the scene is its own.

    ValueError where it has not been seen, or is none of the scene's objects.
    """
    if name in scene.names:
        return name
    if cloud is None or name not in cloud.names or not cloud.seen[cloud.index(name)]:
        raise ValueError(f"{name} has not been seen")
    points, boxes = cloud.points[cloud.index(name)].astype(float), scene.bounds()
    inside = (points > boxes[:, None, 0] - _NEAR) & (points < boxes[:, None, 1] + _NEAR)
    shares = inside.all(axis=2).mean(axis=1)
    if shares.max() < _MOST:
        raise ValueError(f"{name} is nothing that is there: most of it lies in no object")
    sizes = np.where(shares > shares.max() - _ALIKE, np.prod(boxes[:, 1] - boxes[:, 0], axis=1), np.inf)
    return scene.names[int(sizes.argmin())]


def things_shown(cloud: SegmentedCloud, scene: Scene) -> dict[str, str]:
    """By segment, the object of a scene that it shows; of those that show one."""
    found = {}
    for name in cloud.names:
        try:
            found[name] = true_name(name, cloud, scene)
        except ValueError:
            continue
    return found


def segments_showing(cloud: SegmentedCloud, scene: Scene) -> dict[str, str]:
    """By object of a scene that is shown, its segment: of several the one that shows most of it."""
    shown = sorted(things_shown(cloud, scene).items(), key=lambda pair: _seen(cloud, pair[0]))
    return {thing: segment for segment, thing in shown}


def _category(name: str) -> str:
    return name if name in CATEGORIES else _UNKNOWN


def _size(extents: Array) -> tuple[float, float, float]:
    x, y, z = (max(float(extent), _THIN) for extent in extents)
    return x, y, z
