"""Setting things down: how high above what lies below they are let go."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.limits import STRETCH_RE2
from fail2progress.skills.phases import contained

RELEASE = 0.012
"""Metres above what lies below at which an object is let go."""
CLEARANCE = 0.04
"""Metres between what is carried and the highest thing on its way."""


def release_height(scene: Scene, index: int, place: Array) -> float:
    """Top (m) of the highest thing under an object's footprint at a place (x, y); tables' lowest top where there is none.

    What lies in the object comes along, and is not in its way.
    """
    bounds = scene.bounds()
    half = (bounds[index, 1, :2] - bounds[index, 0, :2]) / 2
    under = np.asarray(((bounds[:, 0, :2] < place + half) & (bounds[:, 1, :2] > place - half)).all(axis=1))
    tops = bounds[under & ~contained(scene, index), 1, 2]
    tables = bounds[[spec.category == "table" for spec in scene.objects], 1, 2]
    return float(tops.max() if len(tops) else tables.min(initial=STRETCH_RE2.low[2]))
