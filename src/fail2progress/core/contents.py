"""What goes along with a thing that is carried: what lies in it or on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.outlines import footprint_of
from fail2progress.core.scene import Array, Scene

ABOVE = 0.02
"""Metres above the top of a thing at which what lies in it or on it may begin."""


_LEANS = 0.1
"""Sine of the angle to the level from which on a side of a thing has a lower end."""


def contained(scene: Scene, index: int) -> NDArray[np.bool_]:
    """(N,) an object, what lies in it or on it, however far that sticks out, and what lies in or on that in turn."""
    along = np.zeros(len(scene), dtype=bool)
    new = [index]
    while new:
        along[new] = True
        carried = np.any([_carried(scene, i) for i in new], axis=0)
        new = np.flatnonzero(carried & ~along).tolist()
    return along


def _carried(scene: Scene, index: int) -> NDArray[np.bool_]:
    """(N,) what has its middle over an object, and begins at its top or, where it is a container, lies above its foot.

    The top of a solid thing is its upper half: one that leans has it at no single height. What begins lower stands beside it. Of
    two containers the one that begins lower is around the other; what is solid is around nothing, and its middle tells.
    What leans out of a container is in it with its foot. What is below a container that stands on its rim counts as in it, as it
    goes along with a push; where that is lifted it stays, which is not told here.
    """
    bounds, middle = scene.bounds(), scene.poses[index]
    size, yaw = footprint_of(scene, index)
    c, s = np.cos(yaw), np.sin(yaw)
    own = np.array([[c, -s], [s, c]])
    over = (np.abs((scene.poses[:, :2] - middle[:2]) @ own) < size / 2).all(axis=1)
    begin, hollow = bounds[:, 0, 2], np.array([spec.kind.container for spec in scene.objects])
    above = np.where(hollow, begin, scene.poses[:, 2]) > begin[index] if hollow[index] else begin > middle[2]
    if hollow[index] and np.abs(scene.poses[:, 4:6]).max() > _LEANS / 3:  # of upright things the foot is where the middle is
        stands = (np.abs((_feet(scene) - middle[:2]) @ own) < size / 2).all(axis=1)
        over |= stands & ~hollow & (begin > begin[index]) & (begin < bounds[index, 1, 2])
    return np.asarray(over & above & (begin <= bounds[index, 1, 2] + ABOVE))


def _feet(scene: Scene) -> Array:
    """(N, 2) where on the level (m) each thing's lowest end has its middle: of upright things that is their own."""
    down = scene.turns[:, 2, :]
    ends = scene.sizes / 2 * np.sign(down) * (np.abs(down) > _LEANS)
    return np.asarray(scene.poses[:, :2] - (scene.turns[:, :2, :] @ ends[:, :, None])[:, :, 0])
