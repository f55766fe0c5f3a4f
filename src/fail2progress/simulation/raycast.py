"""Rays against the boxes and cylinders of a scene, by numpy alone: for simulators that bring no ray casting of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array, Scene, rotations
from fail2progress.simulation.looking import Cast

_FAR = 10.0
"""Metres beyond which a hit does not count."""


def caster(scene: Scene) -> Cast:
    """Casts rays at a scene as it stands. The floor is the plane z = 0."""
    parts = _parts(scene)

    def cast(eye: Array, directions: Array) -> tuple[NDArray[np.int64], Array]:
        nearest = np.where(directions[:, 2] < 0, -eye[2] / np.minimum(directions[:, 2], -1e-12), np.inf)
        owners = np.full(len(directions), -1)
        for owner, turn, centre, half, cylinder in parts:
            origin, ray = (eye - centre) @ turn, directions @ turn
            distance = _cylinder(origin, ray, half) if cylinder else _box(origin, ray, half)
            closer = distance < nearest
            nearest[closer], owners[closer] = distance[closer], owner
        owners[nearest > _FAR] = -1
        return owners, np.minimum(nearest, _FAR)

    return cast


def _parts(scene: Scene) -> list[tuple[int, Array, Array, Array, bool]]:
    """Of every solid part: its object, the (3, 3) rotation, the centre and the half sizes (m), and whether it is round."""
    turns = rotations(scene.poses[:, 3:])
    return [
        (i, turns[i], scene.poses[i, :3] + turns[i] @ np.array(part.centre), np.array(part.half), part.cylinder)
        for i, spec in enumerate(scene.objects)
        for part in spec.primitives()
    ]


def _box(origin: Array, rays: Array, half: Array) -> Array:
    """(n,) distances along rays from outside to a box about the origin; infinite where it is missed."""
    entry, leave = _slabs(origin, rays, half)
    return np.where((entry <= leave) & (entry > 0), entry, np.inf)


def _slabs(origin: Array, rays: Array, half: Array) -> tuple[Array, Array]:
    safe = np.where(np.abs(rays) < 1e-12, 1e-12, rays)
    one, other = (-half - origin) / safe, (half - origin) / safe
    return np.minimum(one, other).max(axis=1), np.maximum(one, other).min(axis=1)


def _cylinder(origin: Array, rays: Array, half: Array) -> Array:
    """The same for an upright cylinder of radius half[0] and half height half[2]."""
    a = np.maximum((rays[:, :2] ** 2).sum(axis=1), 1e-18)
    b = rays[:, :2] @ origin[:2]
    root = b * b - a * (origin[:2] @ origin[:2] - half[0] ** 2)
    spread = np.sqrt(np.maximum(root, 0.0))
    low, high = _slabs(origin[2:], rays[:, 2:], half[2:])
    entry, leave = np.maximum((-b - spread) / a, low), np.minimum((-b + spread) / a, high)
    return np.where((root >= 0) & (entry <= leave) & (entry > 0), entry, np.inf)
