"""Partial-view segmented clouds of many scenes at once, cast on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp
from numpy.typing import NDArray

from fail2progress.core.camera import Camera
from fail2progress.core.observation import POINTS
from fail2progress.core.scene import Array
from fail2progress.simulation.looking import box_corners, outlines
from fail2progress.simulation.mujoco_warp import ray_kernels as kernels
from fail2progress.simulation.mujoco_warp.padding import Padded

_VIEWS = 512
"""Views at once: a view of ten objects takes about 150 kB on the device."""


@dataclass(frozen=True)
class Seen:
    """Of V views of P places each: (V, P, POINTS, 3) points in metres, NaN where nothing is seen, and (V, P) visibilities."""

    points: NDArray[np.float32]
    visibility: NDArray[np.float32]


@dataclass(frozen=True)
class Views:
    """V scenes at rest: their worlds (V,), states (V, nq), boxes (V, P, 2, 3) of their places along the frame's axes, corners
    (V, P, 8, 3) of the places' own boxes, which are filled, and cameras."""

    world: NDArray[np.int64]
    qpos: NDArray[np.float32]
    boxes: Array
    corners: Array
    filled: NDArray[np.bool_]
    cameras: Sequence[Camera]
    seeds: Sequence[int]

    def part(self, rows: slice) -> Views:
        """Some of them."""
        arrays = (self.world[rows], self.qpos[rows], self.boxes[rows], self.corners[rows], self.filled[rows])
        return Views(*arrays, self.cameras[rows], self.seeds[rows])


class Eyes:
    """Casts rays at worlds of one structure; `model` is their batched model on the device."""

    def __init__(self, padded: Padded, model: Any) -> None:
        structure, self._model = padded.structure, model
        self._counts = warp.vec3i(len(structure.fixed), len(structure.movable), len(structure.drawers))
        ends = padded.first + np.array([sum(room) for room in structure.rooms], int)
        self._parts = warp.array(np.stack([padded.first, ends], axis=1).astype(np.int32), dtype=warp.vec2i)
        self._body_of = warp.array(padded.model.geom_bodyid.astype(np.int32), dtype=int)
        self._rounded = warp.array(padded.rounded.astype(np.int32), dtype=int)

    def look(self, views: Views) -> Seen:
        """What the cameras see."""
        parts = [self._look(views.part(slice(at, at + _VIEWS))) for at in range(0, len(views.world), _VIEWS)]
        return Seen(np.concatenate([one.points for one in parts]), np.concatenate([one.visibility for one in parts]))

    def _look(self, views: Views) -> Seen:
        windows, outline = _windows(views)
        count, places = windows.shape[:2]
        world, position, rotation = self._stand(views)
        optics = _optics(views)
        window = warp.array(windows.astype(np.float32), dtype=warp.vec4)
        open_window = ((windows[..., 2:] > 0).all(axis=2) & views.filled).astype(np.int32)
        wanted, missing = warp.array(open_window, dtype=int), warp.array(open_window, dtype=int)
        hits, spent = (warp.zeros((count, places), dtype=int) for _ in range(2))
        distance = warp.full((count, places, kernels.MOST), -1.0, dtype=float)
        sides, first = [int(np.ceil(np.sqrt(number))) for number in kernels.RAYS], 0
        scene = [self._parts, self._rounded, self._model.geom_size, position, rotation]
        for k, rays in enumerate(kernels.RAYS):
            aim = [world, *optics, window, wanted, first, sides[k]]
            warp.launch(kernels.cast, dim=(count, places, rays), inputs=[*aim, *scene], outputs=[distance])
            coming, last = kernels.RAYS[min(k + 1, len(sides) - 1)], int(k + 2 >= len(sides))
            tally = [wanted, hits, spent, missing, distance]
            warp.launch(kernels.count, dim=(count, places), inputs=[first, rays, coming, last, *tally])
            first += rays
        points = warp.empty((count, places, POINTS), dtype=warp.vec3)
        chosen = warp.empty((count, places, POINTS), dtype=int)
        noise = warp.array(np.array([camera.noise for camera in views.cameras], np.float32), dtype=float)
        aim = [*optics, window, warp.vec3i(*sides), noise]
        warp.launch(kernels.choose, dim=(count, places), inputs=[*aim, distance], outputs=[chosen, points])
        share = hits.numpy() / np.maximum(spent.numpy(), 1) * windows[..., 2:].prod(axis=2) / np.maximum(outline, 1.0)
        return Seen(points.numpy(), np.clip(share, 0.0, 1.0).astype(np.float32))

    def _stand(self, views: Views) -> tuple[Any, Any, Any]:
        """The worlds of the views, and where every part stands in them."""
        world = warp.array(views.world.astype(np.int32), dtype=int)
        shape = (len(views.world), self._body_of.shape[0])
        position, rotation = warp.empty(shape, dtype=warp.vec3), warp.empty(shape, dtype=warp.mat33)
        qpos = warp.array(views.qpos, dtype=float)
        fields = [self._model.body_pos, self._model.body_quat, self._model.geom_pos]
        warp.launch(
            kernels.stand, dim=shape, inputs=[world, qpos, self._counts, self._body_of, *fields], outputs=[position, rotation]
        )
        return world, position, rotation


def _optics(views: Views) -> list[Any]:
    """Seeds, eyes, axes and lenses of the views' cameras, on the device."""
    seeds = warp.array(np.array(views.seeds, np.int64).astype(np.int32), dtype=int)
    eyes = warp.array(np.array([camera.eye for camera in views.cameras], np.float32), dtype=warp.vec3)
    axes = warp.array(np.stack([camera.axes() for camera in views.cameras]).astype(np.float32), dtype=warp.mat33)
    lenses = np.array([(camera.focal, camera.width / 2, camera.height / 2) for camera in views.cameras], np.float32)
    return [seeds, eyes, axes, warp.array(lenses, dtype=warp.vec3)]


def _windows(views: Views) -> tuple[Array, Array]:
    """(V, P, 4) rectangles around the objects (corner, extent; pixels) within the image, and (V, P) areas of their outlines."""
    around = _projected(box_corners(views.boxes.reshape(-1, 2, 3)).T.reshape(views.corners.shape), views)
    limit = 2 * _middles(views)[:, 0]
    low, high = (np.clip(edge, 0.0, limit) for edge in (around.min(axis=2), around.max(axis=2)))
    flat, own = (pixels.reshape(-1, 8, 2).T for pixels in (around, _projected(views.corners, views)))
    return np.concatenate([low, high - low], axis=2), outlines(flat, own).reshape(around.shape[:2])


def _projected(corners: Array, views: Views) -> Array:
    """(V, P, 8, 2) pixels of corners (V, P, 8, 3) m."""
    eyes = np.array([camera.eye for camera in views.cameras])[:, None, None]
    axes = np.stack([camera.axes() for camera in views.cameras])[:, None]
    local = (corners - eyes) @ axes.swapaxes(-1, -2)
    focal = np.array([camera.focal for camera in views.cameras])[:, None, None, None]
    return np.asarray(local[..., :2] / np.maximum(local[..., 2:], 1e-3) * focal + _middles(views))


def _middles(views: Views) -> Array:
    """(V, 1, 1, 2) pixels in the middle of the images."""
    return np.array([(camera.width / 2, camera.height / 2) for camera in views.cameras])[:, None, None]
