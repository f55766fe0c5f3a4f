"""Where a picture looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Scene
from fail2progress.simulation.looking import box_corners

_ROOM = 0.66
"""Share of the image that what is looked at may take: names need the rest."""
_CLOSEST = 2.5
"""By how much a view is enlarged at most: what things stand on should stay in it."""


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
