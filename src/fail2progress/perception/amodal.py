"""Boxes around all of a thing, what is hidden of it included, and how far each of their sides may be off.

What is seen of a side is where the readings end. What nothing was seen of follows from how things are: they reach down to what
they stand on, they go on behind their front about as far as they are wide, and more so where something else hides them. How far,
and how surely, `fail2progress fit-boxes` fits on rendered scenes (see `box_laws`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fail2progress.core.objects import Shape
from fail2progress.core.scene import Array, pose, yaw_of
from fail2progress.perception.box_laws import Law, box_laws
from fail2progress.perception.completion import Thresholds, complete
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.shapes import local

_TRIM = 0.01
"""Share of the readings beyond a side: readings fly behind edges."""
_HIDDEN = 0.3
"""Share of the outline at a side that something hides, from which the thing goes on behind it."""
_FACING = 0.25
"""Cosine between a side's normal and the way to the camera, seen from above, from which the side is seen, or turned away."""
_STEEP = (0.5, 1.0)
"""Tangents of the angle at which one looks down on a thing, between which its far edge is seen more or less."""


@dataclass(frozen=True)
class Evidence:
    """Of one thing in its box's own frame: sides (6,) m from the middle outwards, of low and high x, y, z, where the readings
    end; what is known of each; and what a law asks for."""

    sides: Array
    kinds: tuple[str, ...]
    scale: tuple[float, ...]
    missing: tuple[float, ...]


@dataclass(frozen=True)
class AmodalBox:
    """pose (7,) m and quaternion and full extents size (3,) m of an upright box around all of a thing; deviation (6,) m of its
    sides, low and high x, y, z: within two of them the true side is, in 95 of 100 cases."""

    pose: Array
    size: Array
    deviation: Array


def amodal_boxes(perceived: Perceived, laws: Mapping[str, Law] | None = None) -> tuple[AmodalBox, ...]:
    """One for each segment. Bottoms come from what all of them stand on. laws: by what was seen of a side; those of the package
    where none are given."""
    chosen = laws or box_laws().laws
    return tuple(_box(part, found, chosen) for part, found in zip(perceived.segments, evidence(perceived), strict=True))


def evidence(perceived: Perceived) -> tuple[Evidence, ...]:
    """What was seen of every segment's sides."""
    done = complete(perceived, Thresholds())
    first = len(perceived.surfaces)
    lows = done.bounds[first:, 0, 2]
    return tuple(_evidence(part, perceived.pose[:3, 3], float(low)) for part, low in zip(perceived.segments, lows, strict=True))


def _box(part: Segment, found: Evidence, by_kind: Mapping[str, Law]) -> AmodalBox:
    laws = [by_kind[kind].at(*at) for kind, *at in zip(found.kinds, found.scale, found.missing, strict=True)]
    sides = found.sides + [mean for mean, _ in laws]
    low, high = -sides[::2], np.maximum(sides[1::2], -sides[::2] + 0.002)
    yaw = yaw_of(part.pose)
    middle = (low + high) / 2
    c, s = np.cos(yaw), np.sin(yaw)
    at = part.pose[:3] + np.array([c * middle[0] - s * middle[1], s * middle[0] + c * middle[1], middle[2]])
    return AmodalBox(
        pose(float(at[0]), float(at[1]), float(at[2]), yaw), high - low, np.array([deviation for _, deviation in laws])
    )


def _evidence(part: Segment, camera: Array, low: float) -> Evidence:
    """camera: (3,) m; low: height (m) of what the thing stands on."""
    half = part.size / 2
    ends = np.stack([-half, half])
    if len(part.points):
        ends = np.quantile(local(part.points.astype(float), part.pose, part.size), (_TRIM, 1 - _TRIM), axis=0) * half
    if part.shape is Shape.CYLINDER:  # the circle through what was seen is all of it
        ends[:, :2] = np.stack([-half[:2], half[:2]])
    eye = local(camera[None], part.pose, part.size)[0] * half
    extents = ends[1] - ends[0]
    away = max(float(np.hypot(*eye[:2])), 1e-6)
    steep = (eye[2] - ends[1, 2]) / away
    hidden = part.hidden if part.hidden is not None else np.zeros(6)
    seen_low, bottom = float(-ends[0, 2]), float(part.pose[2] - low)
    kinds, missing = [], []
    for side in range(4):
        axis, sign = side // 2, 1 if side % 2 else -1
        facing = (sign * eye[axis] - sign * float(ends[side % 2, axis])) / away
        kinds.append(_kind(float(hidden[side]), facing, steep))
        missing.append(max(float(extents[1 - axis] - extents[axis]), 0.0))
    sides = [s * float(ends[k, axis]) for axis in (0, 1) for k, s in ((0, -1), (1, 1))]
    kinds += ["bottom", "hidden top" if hidden[5] > _HIDDEN else "top"]
    scale = float(extents[:2].max())
    return Evidence(
        np.array([*sides, bottom, float(ends[1, 2])]),
        tuple(kinds),
        (scale,) * 4 + (float(extents[2]),) * 2,
        (*missing, max(bottom - seen_low, 0.0), 0.0),
    )


def _kind(hidden: float, facing: float, steep: float) -> str:
    if hidden > _HIDDEN:
        return "hidden"
    if abs(facing) <= _FACING:
        return "beside"
    if facing > 0:
        return "near"
    return "far from low" if steep < _STEEP[0] else "far" if steep < _STEEP[1] else "far from above"
