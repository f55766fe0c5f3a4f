"""A picture of a scene by ray casting: no window, no OpenGL, the same on every computer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rays import Bodies

Image = NDArray[np.uint8]
"""(H, W, 3) red, green and blue."""
Colour = tuple[float, float, float]
"""Red, green and blue from 0 to 1."""

VIEW = Camera(eye=(-0.62, 0.0, 1.42), target=(0.56, 0.0, 0.47), width=640, height=400, focal=520.0)
"""Behind and above the robot's head, both tables in view."""
_LAMP = np.array([-0.4, 0.9, 2.6])
"""Where the light is, in metres."""
_SKY = np.array([0.965, 0.972, 0.98])
_FLOOR = np.array([[0.87, 0.875, 0.885], [0.83, 0.837, 0.85]])
_TILE = 0.25
"""Metres from one line of the floor to the next."""
_FAR = 10.0
_GHOST = 0.6
"""How much of a translucent object is seen."""


def render(scene: Scene, colours: Mapping[str, Colour], camera: Camera = VIEW, oversampling: int = 2) -> Image:
    """The scene as the camera sees it, with one lamp and its shadows; every object needs a colour."""
    return _small(_drawn(scene, colours, camera, oversampling)[0], camera, oversampling)


def render_with_ghost(
    scene: Scene,
    ghost: Scene,
    moved: Collection[str],
    colours: Mapping[str, Colour],
    camera: Camera = VIEW,
    oversampling: int = 2,
) -> Image:
    """The scene, and translucent over it where the objects `moved` are in another scene of the same objects."""
    rows = [index for index, name in enumerate(ghost.names) if name in moved]
    if not rows:
        return render(scene, colours, camera, oversampling)
    image, _ = _drawn(scene, colours, camera, oversampling)
    other, owner = _drawn(ghost, colours, camera, oversampling)
    shown = np.isin(owner, rows)[:, None]
    return _small(np.where(shown, _GHOST * (0.55 * other + 0.45) + (1 - _GHOST) * image, image), camera, oversampling)


def _small(image: Array, camera: Camera, oversampling: int) -> Image:
    small = image.reshape(camera.height, oversampling, camera.width, oversampling, 3).mean(axis=(1, 3))
    return np.asarray(np.round(np.clip(small, 0.0, 1.0) * 255), np.uint8)


def _drawn(scene: Scene, colours: Mapping[str, Colour], camera: Camera, oversampling: int) -> tuple[Array, NDArray[np.int64]]:
    """(n, 3) colours from 0 to 1 of every ray, and (n,) the index of the object that it hits, -1 where there is none."""
    bodies = compile_scene(scene)
    wide, high = camera.width * oversampling, camera.height * oversampling
    grid = np.stack(np.meshgrid(np.arange(wide), np.arange(high)), axis=-1).reshape(-1, 2)
    directions = camera.rays((grid + 0.5) / oversampling)
    eye = np.array(camera.eye)
    geoms, distances, normals = _cast(bodies, eye, directions)
    points = eye + directions * distances[:, None]
    palette = np.array([*(colours[name] for name in scene.names), (0.0, 0.0, 0.0)])
    owner = np.where(geoms >= 0, bodies.owner[geoms], -1)
    base = np.where((owner >= 0)[:, None], palette[owner], _floor(points))
    image = np.where((geoms >= 0)[:, None], base * _light(bodies, points, normals)[:, None], _SKY)
    return np.asarray(image * _outlines(owner.reshape(high, wide)).reshape(-1, 1)), owner


def _cast(bodies: Bodies, origin: Array, directions: Array) -> tuple[NDArray[np.int32], Array, Array]:
    """Geoms hit (-1: none), distances (m) and the (n, 3) normals there."""
    n = len(directions)
    geoms, distances, normals = np.empty(n, np.int32), np.empty(n), np.zeros(3 * n)
    mujoco.mj_multiRay(
        bodies.model,
        bodies.data,
        origin,
        np.ascontiguousarray(directions).ravel(),
        None,
        True,
        -1,
        geoms,
        distances,
        normals,
        n,
        _FAR,
    )
    return geoms, distances, normals.reshape(n, 3)


def _light(bodies: Bodies, points: Array, normals: Array) -> Array:
    """(n,) brightness: a share from everywhere, the rest from the lamp where nothing stands between."""
    towards = _LAMP - points
    lengths = np.linalg.norm(towards, axis=1)
    facing = np.abs(np.einsum("ij,ij->i", normals, towards)) / lengths
    facing = np.where(np.einsum("ij,ij->i", normals, towards) > 0, facing, 0.0)
    _, reached, _ = _cast(bodies, _LAMP, -towards / lengths[:, None])
    lit = reached > lengths - 2e-3
    return np.asarray(0.58 + 0.08 * normals[:, 2] + 0.42 * facing * lit)


def _floor(points: Array) -> Array:
    """(n, 3) colours of a tiled floor."""
    odd = np.floor(np.clip(points[:, :2], -50.0, 50.0) / _TILE).astype(int).sum(axis=1) % 2
    return np.asarray(_FLOOR[odd])


def _outlines(owner: NDArray[np.int64]) -> Array:
    """(H, W) factor that darkens the border between one object and the next."""
    border = np.zeros(owner.shape, bool)
    border[1:] |= owner[1:] != owner[:-1]
    border[:, 1:] |= owner[:, 1:] != owner[:, :-1]
    return np.where(border, 0.55, 1.0)
