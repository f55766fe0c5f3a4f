"""Pictures of what a skill does to a scene: before and after, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from fail2progress.core.camera import Camera
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, Scene
from fail2progress.reporting.pictures import colours_of, png
from fail2progress.reporting.render import render
from fail2progress.simulation.base import Outcome

_VIEW = Camera(width=640, height=420)
_AROUND = 0.30
"""Metres around what moves that are in view, at least."""


def before_and_after(outcomes: Sequence[Outcome]) -> bytes:
    """A PNG with a row for every execution, seen from the robot's side close to what moves. ValueError where there are none."""
    if not outcomes:
        raise ValueError("no executions to draw")
    figure = Figure(figsize=(2 * _VIEW.width / 100, len(outcomes) * _VIEW.height / 100), layout="tight")
    axes = figure.subplots(len(outcomes), 2, squeeze=False)
    for row, outcome in zip(axes, outcomes, strict=True):
        camera, palette = _camera(outcome), colours_of(outcome.before.scene)
        for ax, snapshot in zip(row, (outcome.before, outcome.after), strict=True):
            ax.imshow(render(snapshot.scene, palette, camera))
            ax.set_axis_off()
        row[0].set_title(str(outcome.call), loc="left", fontsize=9)
        row[1].set_title(_ways(outcome), loc="left", fontsize=9)
    return png(figure, dpi=100)


def _camera(outcome: Outcome) -> Camera:
    """A view in which all that moves is, before and after."""
    moved = np.linalg.norm(outcome.displacements, axis=1) > 0.005
    moved[outcome.before.scene.index(outcome.call.object)] = True
    boxes = np.concatenate([_bounds(snapshot.scene, moved) for snapshot in (outcome.before, outcome.after)])
    middle = boxes.mean(axis=0)
    distance = max(_AROUND, float(np.linalg.norm(boxes.max(axis=0) - boxes.min(axis=0)))) * 1.3
    eye = middle + distance * np.array([-0.75, 0.15, 0.65])
    return Camera(
        eye=(float(eye[0]), float(eye[1]), float(eye[2])),
        target=(float(middle[0]), float(middle[1]), float(middle[2])),
        width=_VIEW.width,
        height=_VIEW.height,
        focal=420.0,
    )


def _bounds(scene: Scene, chosen: Mask) -> Array:
    return scene.bounds()[chosen].reshape(-1, 3)


def _ways(outcome: Outcome) -> str:
    """How far each thing went."""
    way = 1000 * np.linalg.norm(outcome.displacements, axis=1)
    return ", ".join(f"{name} {value:.0f} mm" for name, value in zip(outcome.before.scene.names, way, strict=True) if value > 5)
