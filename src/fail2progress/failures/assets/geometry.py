"""geometry_mismatch_mm: how far an asset's surface is from what was seen of it; answered by a refit or a moved face."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fail2progress.core.objects import Box, ObjectSpec, Shape
from fail2progress.core.scene import Array, Scene, rotations
from fail2progress.failures.assets.case import Case, solid_of
from fail2progress.failures.assets.schema import DEFAULT, Reading, Thresholds
from fail2progress.simulation.reconstruction.distance import residuals, to_asset
from fail2progress.simulation.reconstruction.fit import SMALLEST, Solid, fit, least_height
from fail2progress.simulation.reconstruction.furniture import drawer_in

_FALL = 0.2
"""Share by which a refit must lower the mean distance."""
_SHARE = 0.7
"""Share of the mismatch that a face is moved by."""
_STEP = 0.03
"""Metres that a face moves at most in one edit."""
_EDGE = 0.002
"""Metres of an edge that a ray may graze."""
_STRETCH = (0.5, 1.5)
"""Bounds of an extent after an edit, as shares of what it was."""


@dataclass(frozen=True)
class Geometry:
    """See the module."""

    thresholds: Thresholds = DEFAULT
    name: str = "geometry_mismatch_mm"

    def readings(self, case: Case) -> tuple[Reading, ...]:
        """One for every asset that was seen."""
        limit = self.thresholds.geometry_limit(case.noise())
        found = []
        for name in case.scene.names:
            points = case.points(name)
            if points is not None:
                value = mismatch(case, name, points)
                text = f"{name}: {1e3 * value:+.1f} mm between its surface and what was seen"
                fails = abs(value) > limit
                found.append(Reading(signal=self.name, asset=name, value=1e3 * value, fails=fails, evidence=text))
        return tuple(found)

    def edit(self, case: Case, reading: Reading) -> Case | None:
        """Refit the asset to its points where that brings it nearer, else move the face that offends."""
        points = case.points(reading.asset)
        if points is None:
            return None
        return _refitted(case, reading.asset, points) or _face_moved(case, reading.asset, points, reading.value / 1e3)


def mismatch(case: Case, name: str, points: Array) -> float:
    """Signed metres: the points' 95th percentile distance, or the 5th of rendered minus observed depth if that is larger, from
    where the camera sees each point best of all places where it may have been. Rays to what is only remembered tell nothing."""
    i = case.scene.index(name)
    spec, pose = case.scene.objects[i], case.scene.poses[i]
    outside = float(np.percentile(np.maximum(residuals(points, spec, pose), 0.0), 95))
    if case.remembered(name):
        return outside
    depth = np.max([rendered_minus_observed(points, spec, pose, eye) for eye in case.eyes()], axis=0)
    depth = depth[np.isfinite(depth)]
    ahead = float(np.percentile(np.minimum(depth, 0.0), 5)) if len(depth) else 0.0
    return outside if outside >= -ahead else ahead


def rendered_minus_observed(points: Array, spec: ObjectSpec, pose: Array, eye: Array) -> Array:
    """(n,) metres along the rays from the eye to the points; negative where the asset stands before, infinite where they miss."""
    start, ends = to_asset(eye[None], pose)[0], to_asset(points, pose)
    ways = ends - start
    lengths = np.linalg.norm(ways, axis=1)
    hits = np.min([_entry(start, ways / lengths[:, None], part) for part in spec.primitives()], axis=0)
    return np.asarray(hits - lengths)


def _entry(start: Array, ways: Array, part: Box) -> Array:
    """(n,) distances (m) at which rays (n, 3) enter a box, infinite where they miss.

    The box is a little smaller, since a ray that grazes an edge says nothing; of a cylinder it is the one within.
    """
    half = np.array(part.half) * (np.sqrt(0.5) if part.cylinder else 1.0, np.sqrt(0.5) if part.cylinder else 1.0, 1.0)
    half = np.maximum(half - _EDGE, 0.2 * half)
    with np.errstate(divide="ignore", invalid="ignore"):
        slabs = ((np.stack([-half, half]) + part.centre - start)[:, None] / ways[None]).astype(float)
    near, far = np.nanmax(slabs.min(axis=0), axis=1), np.nanmin(slabs.max(axis=0), axis=1)
    return np.asarray(np.where((near <= far) & (near > 0), near, np.inf))


def _refitted(case: Case, name: str, points: Array) -> Case | None:
    i = case.scene.index(name)
    spec, pose = case.scene.objects[i], case.scene.poses[i]
    solid = _drawer(case.scene, spec, points) if spec.kind.shape is Shape.DRAWER else _upright(case, i, points)
    before = float(np.abs(residuals(points, spec, pose)).mean())
    if solid is None or solid.residual(points) > (1 - _FALL) * before:
        return None
    return case.with_asset(name, solid.spec(name, spec.inside_of), solid.pose)


def _drawer(scene: Scene, spec: ObjectSpec, points: Array) -> Solid | None:
    """A drawer in its cabinet, from its front; None without a cabinet."""
    if spec.inside_of is None or spec.inside_of not in scene.names:
        return None
    return drawer_in(solid_of(scene, scene.index(spec.inside_of)), spec.category, points)[0]


def _upright(case: Case, i: int, points: Array) -> Solid:
    """An asset that stands where it stands now; at its lowest point where its points then lie much nearer to it."""
    kind, low, top = case.scene.objects[i].category, float(case.scene.bounds()[i, 0, 2]), float(points[:, 2].max())
    bottoms = [min(low, top - least_height(kind)), min(float(points[:, 2].min()), top - SMALLEST)]
    here, there = (fit(kind, points, bottom, top, case.noise()) for bottom in bottoms)
    return there if there.residual(points) < (1 - _FALL) * here.residual(points) - _EDGE / 10 else here


def _face_moved(case: Case, name: str, points: Array, value: float) -> Case | None:
    """One face moved outwards to points outside of it (value > 0), or inwards where it stands before what was seen."""
    i = case.scene.index(name)
    spec, pose = case.scene.objects[i], case.scene.poses[i]
    local, half = to_asset(points, pose), np.array(spec.size) / 2
    beyond = np.concatenate([np.percentile(local - half, 95, axis=0), np.percentile(-local - half, 95, axis=0)])
    face = int(np.argmax(beyond) if value > 0 else np.argmin(beyond))
    axis, sign = face % 3, 1.0 if face < 3 else -1.0
    step = float(np.clip(_SHARE * value, -_STEP, _STEP))
    size = np.array(spec.size)
    grown = float(np.clip(size[axis] + step, _STRETCH[0] * size[axis], _STRETCH[1] * size[axis])) - size[axis]
    size[axis] += grown
    offset = np.zeros(3)
    offset[axis] = sign * grown / 2
    place = pose.copy()
    place[:3] += rotations(pose[None, 3:])[0] @ offset
    x, y, z = size.tolist()
    return case.with_asset(name, replace(spec, size=(x, y, z)), place)
