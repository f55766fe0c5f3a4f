"""RGB-D images of a simulated scene by ray casting: no OpenGL, the same image on every machine."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from fail2progress.core.camera import Camera
from fail2progress.core.rgbd import Intrinsics, Labels, RgbdFrame
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.mujoco.rays import Bodies

FAR = 6.0
"""Metres beyond which a depth camera reads nothing."""
_PALETTE = np.array([[196, 78, 82], [76, 114, 176], [221, 170, 51], [85, 168, 104], [129, 114, 178], [204, 120, 60]])
_BACKGROUND = np.array([122, 118, 112])
_FIXED = np.array([180, 150, 115])


@dataclass(frozen=True)
class DepthNoise:
    """How a real sensor errs: noise that grows with the square of the distance, dropped readings, whole millimetres."""

    at_one_metre: float = 0.0
    """Standard deviation (m) at 1 m; a RealSense D435 has about 0.002."""
    dropped: float = 0.0
    """Share of pixels without a reading, most of them where depth jumps."""


def intrinsics(camera: Camera) -> Intrinsics:
    """The pinhole of a simulated camera: rays go through the centres of pixels."""
    return Intrinsics(camera.width, camera.height, camera.focal, camera.focal, camera.width / 2 - 0.5, camera.height / 2 - 0.5)


def optical_pose(camera: Camera) -> Array:
    """(4, 4) from the camera's optical frame to the planning frame."""
    pose = np.eye(4)
    pose[:3, :3] = camera.axes().T
    pose[:3, 3] = camera.eye
    return pose


def photograph(
    bodies: Bodies,
    scene: Scene,
    camera: Camera,
    noise: DepthNoise = DepthNoise(),
    rng: np.random.Generator | None = None,
    stamp: int = 0,
) -> RgbdFrame:
    """What the camera sees: depth in whole millimetres as sensors give it, plain shaded colours, and true labels."""
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width]
    pixels = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    directions = camera.rays(pixels)
    geoms, distances, normals = _cast(bodies, camera, directions)
    size = (camera.height, camera.width)
    depth = np.where(geoms >= 0, distances * (directions @ camera.axes()[2]), 0.0).reshape(size)
    depth = np.where(depth < FAR, depth, 0.0)
    owners = np.where(geoms >= 0, bodies.owner[geoms], -1)
    colour = _shade(owners, geoms, normals, directions, scene).reshape(*size, 3)
    labels = Labels((owners + 1).astype(np.uint16).reshape(size), scene.names, tuple(spec.category for spec in scene.objects))
    return RgbdFrame(colour, _sensed(depth, noise, rng), intrinsics(camera), optical_pose(camera), labels, stamp=stamp)


def _cast(bodies: Bodies, camera: Camera, directions: Array) -> tuple[NDArray[np.int32], Array, Array]:
    """(n,) geoms hit (-1: none), (n,) distances in m and (n, 3) normals."""
    n = len(directions)
    geoms, distances, normals = np.empty(n, np.int32), np.empty(n), np.zeros((n, 3))
    eye = np.array(camera.eye)
    mujoco.mj_multiRay(
        bodies.model, bodies.data, eye, directions.ravel(), None, True, -1, geoms, distances, normals.ravel(), n, 2 * FAR
    )
    return geoms, distances, normals


def _shade(
    owners: NDArray[np.int64], geoms: NDArray[np.int32], normals: Array, directions: Array, scene: Scene
) -> NDArray[np.uint8]:
    """(n, 3) colours: one hue an object, darker where the surface turns away from the camera."""
    base = np.array([_PALETTE[i % len(_PALETTE)] if spec.movable else _FIXED for i, spec in enumerate(scene.objects)])
    base = np.concatenate([base.reshape(-1, 3), _BACKGROUND[None]])
    facing = np.abs(np.einsum("ij,ij->i", normals, directions))
    light = np.where(geoms >= 0, 0.45 + 0.55 * facing, 0.3)
    return np.asarray(np.clip(base[owners] * light[:, None], 0, 255), np.uint8)


def _sensed(depth: Array, noise: DepthNoise, rng: np.random.Generator | None) -> NDArray[np.float32]:
    """Depth as a sensor reports it. ValueError where noise is asked for without a generator."""
    if noise == DepthNoise():
        return np.asarray(np.round(depth, 3), np.float32)
    if rng is None:
        raise ValueError("depth noise needs a random generator")
    noisy = depth + noise.at_one_metre * depth**2 * rng.standard_normal(depth.shape)
    jumps = np.hypot(*np.gradient(depth)) > 0.03
    odds = np.where(jumps, min(0.5, 10 * noise.dropped), noise.dropped)
    return np.asarray(np.round(np.where((rng.random(depth.shape) < odds) | (depth == 0), 0.0, noisy), 3), np.float32)
