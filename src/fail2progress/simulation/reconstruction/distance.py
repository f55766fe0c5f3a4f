"""How far points lie from the surface of an asset, which is a union of boxes and upright cylinders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fail2progress.core.objects import Box, ObjectSpec
from fail2progress.core.scene import Array, rotations


def signed_distance(points: Array, primitives: Sequence[Box]) -> Array:
    """(n,) metres from (n, 3) points, in the asset's frame, to its surface; negative inside a primitive.

    Inside a union the distance is that to the nearest surface of the primitive that the point lies deepest in: exact for assets
    whose parts are larger than the depths that matter.
    """
    return np.asarray(np.min([_distance(points, part) for part in primitives], axis=0))


def to_asset(points: Array, pose: Array) -> Array:
    """(n, 3) points of the planning frame in the frame of an asset at a (7,) pose."""
    return np.asarray((points - pose[:3]) @ rotations(pose[None, 3:])[0])


def residuals(points: Array, spec: ObjectSpec, pose: Array) -> Array:
    """(n,) signed metres from (n, 3) points of the planning frame to an asset at a (7,) pose."""
    return signed_distance(to_asset(np.asarray(points, float), pose), spec.primitives())


def _distance(points: Array, part: Box) -> Array:
    local = points - part.centre
    if part.cylinder:
        beyond = np.stack([np.hypot(local[:, 0], local[:, 1]) - part.half[0], np.abs(local[:, 2]) - part.half[2]], axis=1)
    else:
        beyond = np.abs(local) - part.half
    outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
    return np.asarray(outside + np.minimum(beyond.max(axis=1), 0.0))
