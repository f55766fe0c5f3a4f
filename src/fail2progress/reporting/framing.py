"""Where a picture looks, and where its names stand so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.looking import box_corners

_ROOM = 0.66
"""Share of the image that what is looked at may take: names need the rest."""
_CLOSEST = 2.5
"""By how much a view is enlarged at most: what things stand on should stay in it."""
_LETTER, _LINE = 0.9, 1.5
"""Width of a bold letter and height of a line, in pixels for each point of their size, at 100 pixels an inch."""
_SHIFTS = (0, 1, -1, 2, -2, 3, -3, 4, -4)
"""Lines by which a name may be moved, the nearest first."""


def framed(scene: Scene, camera: Camera) -> Camera:
    """The camera turned to the middle of all movable objects, and its focal length such that they fill the image."""
    bounds = scene.bounds()[[spec.movable for spec in scene.objects]]
    if not len(bounds):
        return camera
    middle = (bounds[:, 0].min(axis=0) + bounds[:, 1].max(axis=0)) / 2
    turned = replace(camera, target=(float(middle[0]), float(middle[1]), float(middle[2])))
    pixels = turned.project_rows(box_corners(bounds).reshape(3, -1))
    half = np.array([camera.width, camera.height]) / 2
    reach = float((np.abs(pixels - half[:, None]).max(axis=1) / half).max())
    return replace(turned, focal=camera.focal * min(_ROOM / max(reach, 1e-3), _CLOSEST))


def apart(names: Sequence[str], places: Sequence[tuple[float, float]], size: float) -> list[tuple[float, float]]:
    """Places of names, in pixels of their middles, moved up or down by whole lines where they would cover each other.

    size: of the letters, in points.
    """
    taken: list[Array] = []
    found = []
    for name, (x, y) in zip(names, places, strict=True):
        half = np.array([_LETTER * len(name), _LINE]) * size / 2
        options = [np.array([[x, y + shift * 2 * half[1]]]) + np.array([-half, half]) for shift in _SHIFTS]
        box = next((option for option in options if not any(_cover(option, other) for other in taken)), options[0])
        taken.append(box)
        found.append((float(x), float(box[:, 1].mean())))
    return found


def _cover(one: Array, other: Array) -> bool:
    """Whether two rectangles (2, 2), low and high corners, have an area in common."""
    return bool((np.minimum(one[1], other[1]) > np.maximum(one[0], other[0])).all())
