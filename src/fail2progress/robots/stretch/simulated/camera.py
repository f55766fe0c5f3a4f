"""What the camera in the Stretch's head sees follows from where its head is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Array
from fail2progress.robots.stretch.camera import HeadCamera
from fail2progress.robots.stretch.description import OPTICAL
from fail2progress.robots.stretch.simulated.bodies import own
from fail2progress.simulation.stage import Stage


@dataclass(frozen=True)
class PosedCamera(Camera):
    """A camera that may be turned about its axis. `rows`: right, down and forward in the planning frame."""

    rows: tuple[tuple[float, ...], ...] = ()

    def axes(self) -> Array:
        """See Camera."""
        return np.array(self.rows)


def posed(stage: Stage, camera: HeadCamera) -> PosedCamera:
    """The head camera where the head is now; the bodies' positions must be up to date."""
    body = stage.body(own(OPTICAL))
    rows = (body.rotation @ camera.mounting()).T
    eye = (float(body.position[0]), float(body.position[1]), float(body.position[2]))
    return PosedCamera(
        eye=eye, width=camera.width, height=camera.height, focal=camera.focal, rows=tuple(tuple(map(float, row)) for row in rows)
    )
