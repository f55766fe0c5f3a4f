"""Which way is up in a frame whose camera may hang in any way: the four ways up are tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.geometric.crosses import grown, shrunk
from fail2progress.perception.segmentation.geometric.depth import Image, farness, rays
from fail2progress.perception.segmentation.geometric.planes import find_planes
from fail2progress.perception.segmentation.geometric.support_surfaces import PlaneRules

_COARSE = 20_000
"""Pixels of the grid that is looked at."""
_TOUCH, _HIGH = 0.015, 0.3
"""Metres above a plane of the foot of what stands on it, and of its middle at most."""
_BESIDE = 3
"""Pixels of the coarse grid around a thing, in which what it stands on is seen."""
_LEAST = 12
"""Pixels of that grid that are something."""


@dataclass(frozen=True)
class UpRules:
    """When another way up is believed than the one of an upright image."""

    more: float = 1.5
    """Times as much stands on its surface, ..."""
    large: float = 0.25
    """Share of the largest plane's readings that another one has, to be more than the tops of things."""
    by: float = 8.0
    """... and so many pixels of the coarse grid more, as the side of a square for each thing."""
    tops: float = 0.5
    """Share of up that lies along the image's columns, from which planes face the top of an upright image, as tables before a
    camera do. Where they are the largest and carry anything, no other is believed: what is before a wall seems to be on it."""


def which_way_up(planes: list[Array], inverted: Image, camera: Intrinsics, rules: PlaneRules, tried: UpRules | None) -> Array:
    """(3,) up in the optical frame: across the planes that have most readings, if the image is upright; another one that far more
    things stand on, if `tried` says when. PerceptionError where no plane can be a table."""
    ups = [-plane / np.linalg.norm(plane) for plane in planes]
    near = np.cos(rules.tilt)
    sizes = np.array(_together(ups, _sizes(planes, inverted, camera, rules), near))
    upright = _upright(ups, sizes, rules)
    if tried is None or not planes:
        if upright is None:
            why = f"no surface in view faces up; point the camera down at the table; {farness(inverted)}"
            raise PerceptionError(f"no table found: {why}")
        return ups[upright]
    scores = np.array(_together(ups, _carried(planes, inverted, camera, rules), near))
    large = sizes >= tried.large * sizes.max()
    best = int(np.argmax(np.where(large, scores + sizes, -1.0)))
    if upright is None or not large[upright]:
        return ups[best]
    if -ups[upright][1] > tried.tops and sizes[upright] >= sizes[best] and scores[upright] > 0:
        return ups[upright]
    if scores[best] > tried.more * scores[upright] + tried.by and ups[best] @ ups[upright] < near:
        return ups[best]
    return ups[upright]


def doubted(told: Array, source: str, inverted: Image, camera: Intrinsics, rules: PlaneRules, tried: UpRules) -> str:
    """What to doubt where up (3,) was told by a source, and no table is level by it: that, if a table in view says otherwise."""
    try:
        seen = which_way_up(find_planes(inverted, camera, rules), inverted, camera, rules, tried)
    except PerceptionError:
        return ""
    apart = float(np.degrees(np.arccos(np.clip(seen @ told / np.linalg.norm(told), -1.0, 1.0))))
    if apart < np.degrees(rules.tilt):
        return ""
    way = "; it leads from the camera to the world" if "pose" in source else ""
    return f"; up by {source} is {apart:.0f} degrees off what the planes in view say: check it, or leave it out{way}"


def _upright(ups: list[Array], sizes: Array, rules: PlaneRules) -> int | None:
    """Which plane is level, if the image is upright and nothing is known but that: the direction of parallel planes with most
    readings that a hand-held camera can have; None where there is none. sizes: (n,) of each plane with all parallel ones."""
    # Not rolled over, and not looking up by more than a little, as walls would have it. Where there is nothing of that kind, the
    # camera looks down from above, and may be tilted back.
    upright = [abs(up[0]) < np.sin(rules.roll) for up in ups]
    level_enough = [good and up[1] < 0.15 for good, up in zip(upright, ups, strict=True)]
    if not any(level_enough):
        level_enough = [good and up[1] < 0.5 for good, up in zip(upright, ups, strict=True)]
    if not any(level_enough):
        return None
    return int(np.argmax(np.where(level_enough, sizes, -1.0)))


def _sizes(planes: list[Array], inverted: Image, camera: Intrinsics, rules: PlaneRules) -> list[float]:
    """Share of the image that each plane has."""
    u, v = rays(camera)
    return [float(_on(plane, u, v, inverted, rules).mean()) for plane in planes]


def _together(ups: list[Array], values: list[float], near: float) -> list[float]:
    """For each plane, the sum over all that are parallel to it."""
    return [sum(value for other, value in zip(ups, values, strict=True) if other @ up > near) for up in ups]


def _on(plane: Array, u: Image, v: Image, inverted: Image, rules: PlaneRules) -> Mask:
    expected = plane[0] * u + plane[1] * v + plane[2]
    return np.asarray((np.abs(expected - inverted) < rules.band) & (inverted > 0))


def _carried(planes: list[Array], inverted: Image, camera: Intrinsics, rules: PlaneRules) -> list[float]:
    """How much stands on each plane: the sides of squares as large as the things that touch it, all in view, in pixels."""
    step = max(1, round(np.sqrt(inverted.size / _COARSE)))
    u, v = (axis[::step, ::step] for axis in rays(camera))
    coarse = inverted[::step, ::step]
    masks = [_on(plane, u, v, coarse, rules) for plane in planes]
    rest = (coarse > 1 / rules.reach) & ~np.any(masks, axis=0)
    blobs, _ = ndimage.label(grown(shrunk(rest)))
    depth = np.where(coarse > 0, 1 / np.maximum(coarse, 1e-6), 0.0)
    points = np.stack([u * depth, v * depth, depth], axis=-1)
    scores = np.zeros(len(planes))
    normals = np.array(planes).T
    lengths = np.linalg.norm(normals, axis=0)
    boxes = ndimage.find_objects(blobs)
    for number, box in enumerate(boxes, 1):
        if _cut(box, blobs.shape):
            continue
        around = tuple(slice(max(side.start - _BESIDE, 0), side.stop + _BESIDE) for side in box)
        own = blobs[around] == number
        if own.sum() < _LEAST:
            continue
        beside = grown(own, _BESIDE)
        heights = (1 - points[around][own] @ normals) / lengths
        feet, middles = np.quantile(heights, (0.05, 0.5), axis=0)
        standing = (np.abs(feet) < _TOUCH) & (middles > 0) & (middles < _HIGH)
        for i in np.flatnonzero(standing):
            if (beside & masks[i][around]).sum() > 0.25 * (beside & ~own).sum():
                scores[i] += np.sqrt(own.sum())
    return [float(score) for score in scores]


def _cut(box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether a box of rows and columns meets the image's border."""
    rows, columns = box
    return bool(rows.start == 0 or columns.start == 0 or rows.stop == shape[0] or columns.stop == shape[1])
