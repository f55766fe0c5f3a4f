"""Where the closed hand presses."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array, Scene

DEPTH = 0.004
"""Metres below a surface that the hand is sent to: what presses is the servo's error."""


def pressed(scene: Scene, name: str, thick: float, tall: float, forward: Array) -> Array:
    """(3,) middle of the closed hand when it meets the top of an object, or the floor of an open one beside its front wall.

    thick, tall: half extents of the hand along `forward`, which is the direction of the pull, and upwards.
    """
    index = scene.index(name)
    low, high = scene.bounds()[index]
    kind = scene.objects[index].kind
    at = scene.poses[index, :3].copy()
    if not kind.container:
        at[2] = high[2] + tall
        return at
    reach = float(np.abs(forward[:2]) @ (high - low)[:2]) / 2 - kind.wall - thick - 0.004
    at += reach * forward
    at[2] = low[2] + kind.wall + tall
    return at
