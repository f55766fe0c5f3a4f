"""RGB-D frames of meshes in plain colours, seen by a camera with the noise of a stereo sensor."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.core.scene import Scene, pose
from fail2progress.learning.segmentation.meshes import Mesh
from fail2progress.learning.segmentation.rasters import Triangles
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph

WIDTH, HEIGHT, FOCAL = 640, 480, 560.0
Coloured = tuple[Mesh, tuple[int, int, int]]


def frame_of(things: Sequence[Coloured], eye: Sequence[float], target: Sequence[float], noise: float = 0.0012) -> RgbdFrame:
    """From a place at a place (m, z up), upright and by hand; noise: standard deviation of depth (m) at 1 m."""
    forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward])
    k = Intrinsics(WIDTH, HEIGHT, FOCAL, FOCAL, WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5)
    u, v = np.meshgrid((np.arange(WIDTH) - k.cx) / FOCAL, (np.arange(HEIGHT) - k.cy) / FOCAL)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ axes
    hits = Triangles([mesh for mesh, _ in things]).seen(k, np.array(eye, float), axes)
    known = np.isfinite(hits.reach) & (hits.reach < 5)
    rng = np.random.default_rng(0)
    depth = np.where(known, hits.reach, 0.0)
    depth += noise * depth**2 * rng.standard_normal(depth.shape)
    light = 0.55 + 0.45 * np.abs(np.einsum("ijk,ijk->ij", hits.normals, rays)) / np.linalg.norm(rays, axis=-1)
    colours = np.array([colour for _, colour in things])[np.where(known, hits.mesh, 0)] * light[..., None]
    colour = np.where(known[..., None], colours + rng.normal(0, 2, colours.shape), 60)
    return RgbdFrame(np.clip(colour, 0, 255).astype(np.uint8), depth.astype(np.float32), k)


def write_frames(folder: Path, count: int = 6) -> None:
    """A folder of frames as `perceive` takes it: a box on a table from several places, with one camera file."""
    things = (
        (ObjectSpec("table", "table", (0.7, 0.9, 0.04)), pose(0.65, 0.0, 0.48)),
        (ObjectSpec("box", "cuboid", (0.08, 0.12, 0.15)), pose(0.75, 0.2, 0.575)),
    )
    scene = Scene(tuple(spec for spec, _ in things), np.array([at for _, at in things]))
    folder.mkdir()
    for number in range(count):
        camera = Camera((-0.1, 0.1 - 0.04 * number, 1.15), (0.65, 0.0, 0.5), focal=612.0)
        frame = photograph(compile_scene(scene), scene, camera, DepthNoise(0.002, 0.01), np.random.default_rng(number))
        Image.fromarray(frame.colour).save(folder / f"{number}-color.png")
        Image.fromarray(np.round(frame.depth * 1000).astype(np.uint16)).save(folder / f"{number}-depth.png")
        (folder / "camera.json").write_text(json.dumps(vars(frame.intrinsics)))
