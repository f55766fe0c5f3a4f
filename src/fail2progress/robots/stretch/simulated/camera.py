"""What the camera in the Stretch's head sees follows from where its head is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.observation import POINTS, SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.base import DECIMALS, Perceived, Segment, resample
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


def together(looks: Sequence[Perceived], names: tuple[str, ...]) -> SegmentedCloud:
    """One cloud of several looks at the same scene: segments with the same id are one, those of the given names come first.

    One look gives the points that `Perceived.cloud` gives.
    """
    parts: dict[str, list[Segment]] = {}
    for part in (part for look in looks for part in (*look.surfaces, *look.segments)):
        parts.setdefault(part.id, []).append(part)
    order = [name for name in names if name in parts] + [name for name in parts if name not in names]
    points = [resample(np.concatenate([part.points for part in parts[name]])) for name in order]
    return SegmentedCloud(
        tuple(order),
        tuple(parts[name][0].category for name in order),
        np.round(np.array(points, np.float32).reshape(-1, POINTS, 3), DECIMALS),
        np.array([max(part.visibility for part in parts[name]) for name in order], np.float32),
        stamp=looks[-1].stamp,
    )
