"""Boxes around all of a thing, what is hidden of it included, and how far each of their sides may be off.

What is seen of a side is where the readings end. What nothing was seen of follows from how things are: they reach down to what
they stand on, they go on behind their front about as far as they are wide, and more so where something else hides them. How far,
and how surely, was fitted on rendered scenes (docs/decisions/0064).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.objects import Shape
from fail2progress.core.scene import Array, pose
from fail2progress.perception.completion import Thresholds, complete
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.shapes import local

_TRIM = 0.01
"""Share of the readings beyond a side: readings fly behind edges."""
_HIDDEN = 0.3
"""Share of the outline at a side that something hides, from which the thing goes on behind it."""
_FACING = 0.25
"""Cosine between a side's normal and the way to the camera, seen from above, from which the side is seen, or turned away."""
_TAILS = 1.25
"""By which the deviation of most sides is multiplied, since some are far off: parts joined, boxes turned wrongly."""
_STEEP = (0.5, 1.0)
"""Tangents of the angle at which one looks down on a thing, between which its far edge is seen more or less."""


@dataclass(frozen=True)
class Law:
    """How far a side lies beyond what was seen of it. Mean and standard deviation have three terms each: metres; a share of the
    larger extent across; and a share of what the thing lacks along this axis to be as deep as it is wide."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def at(self, scale: float, missing: float) -> tuple[float, float]:
        """Mean and standard deviation, m."""
        terms = (1.0, scale, missing)
        mean, deviation = (sum(a * b for a, b in zip(part, terms, strict=True)) for part in (self.mean, self.deviation))
        return mean, max(_TAILS * deviation, 0.001)


LAWS = {
    "near": Law((0.0002, 0.0028, 0.0053), (0.0038, 0.0044, 0.0)),
    "beside": Law((0.0015, 0.0216, -0.0198), (0.0029, 0.0016, 0.0)),
    "far from above": Law((0.0053, -0.0042, 0.0093), (0.0079, 0.0, 0.0)),
    "far": Law((0.004, -0.0018, 0.0046), (0.0081, 0.0001, 0.0536)),
    "far from low": Law((0.0154, -0.0936, 0.2525), (0.006, 0.0694, 0.0477)),
    "hidden": Law((0.0209, -0.1186, 0.3774), (0.018, 0.0219, 0.2081)),
    "bottom": Law((0.0008, 0.0042, -0.0268), (0.0, 0.0128, 0.4948)),
    "top": Law((-0.0019, 0.0056, -0.0113), (0.0016, 0.0105, 0.2538)),
    "hidden top": Law((-0.0011, 0.0171, -0.0092), (0.0, 0.1862, 0.1851)),
}
"""By what was seen of a side. Fitted by `fail2progress.evaluation.box_measures.fitted` on 84 crowded scenes of seed 7101."""


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
    """pose (7,) m and quaternion and full extents size (3,) m of an upright box around all of a thing; deviation (6,) m: standard
    deviation of its sides, low and high x, y, z."""

    pose: Array
    size: Array
    deviation: Array


def amodal_boxes(perceived: Perceived) -> tuple[AmodalBox, ...]:
    """One for each segment. Bottoms come from what all of them stand on."""
    return tuple(_box(part, found) for part, found in zip(perceived.segments, evidence(perceived), strict=True))


def evidence(perceived: Perceived) -> tuple[Evidence, ...]:
    """What was seen of every segment's sides."""
    done = complete(perceived, Thresholds())
    first = len(perceived.surfaces)
    lows = done.bounds[first:, 0, 2]
    return tuple(_evidence(part, perceived.pose[:3, 3], float(low)) for part, low in zip(perceived.segments, lows, strict=True))


def _box(part: Segment, found: Evidence) -> AmodalBox:
    laws = [LAWS[kind].at(*at) for kind, *at in zip(found.kinds, found.scale, found.missing, strict=True)]
    sides = found.sides + [mean for mean, _ in laws]
    low, high = -sides[::2], np.maximum(sides[1::2], -sides[::2] + 0.002)
    yaw = 2 * float(np.arctan2(part.pose[6], part.pose[3]))
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
