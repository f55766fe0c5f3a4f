"""Training scenes on disk: shards of a hundred, each made from its own seed, so that rendering goes on where it was ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import Intrinsics
from fail2progress.learning.segmentation.rendering import HEIGHT, WIDTH, View, view
from fail2progress.learning.segmentation.scenery import SUPPORT, scenery

SHARD = 100
"""Scenes in a file."""
_STEP = 0.0002
"""Metres of a step of stored depth."""
_VIEWS = 3
"""Tried for one scene."""
_SHOWN = 0.05
"""Share of an image that supports and things fill, at least."""


@dataclass(frozen=True)
class Shard:
    """n views: colour (n, H, W, 3), depth (n, H, W) steps, labels, facing and dark (n, H, W), cameras (n, 4) fx, fy, cx, cy."""

    colour: NDArray[np.uint8]
    depth: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    facing: NDArray[np.uint8]
    dark: NDArray[np.bool_]
    cameras: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.colour)

    def view(self, row: int) -> View:
        """One of them."""
        depth = self.depth[row].astype(np.float32) * np.float32(_STEP)
        facing = self.facing[row].astype(np.float32) / 255
        camera = Intrinsics(WIDTH, HEIGHT, *map(float, self.cameras[row]))
        return View(self.colour[row], depth, self.labels[row], facing, self.dark[row], camera)


def render(folder: Path, scenes: int, seed: int, progress: Callable[[int], None]) -> list[Path]:
    """So many scenes, rounded up to whole shards; those that lie there are left as they are. Returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"scenes_{seed}_{number:04d}.npz" for number in range(-(-scenes // SHARD))]
    for number, path in enumerate(paths):
        if not path.is_file():
            _write(path, [scene((seed, number * SHARD + i)) for i in range(SHARD)])
        progress((number + 1) * SHARD)
    return paths


def scene(seed: tuple[int, ...]) -> View:
    """The view of one seed; another one where a wall or furniture fills the image."""
    rng = np.random.default_rng(seed)
    for _ in range(_VIEWS):
        found = view(scenery(rng), rng)
        if (found.labels >= SUPPORT).mean() > _SHOWN:
            break
    return found


def _write(path: Path, views: list[View]) -> None:
    """Under another name first, so that a file that is there is whole."""
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        colour=np.stack([v.colour for v in views]),
        depth=np.stack([np.round(v.depth / _STEP).astype(np.uint16) for v in views]),
        labels=np.stack([v.labels for v in views]),
        facing=np.stack([np.round(v.facing * 255).astype(np.uint8) for v in views]),
        dark=np.stack([v.dark for v in views]),
        cameras=np.array([[v.camera.fx, v.camera.fy, v.camera.cx, v.camera.cy] for v in views]),
    )
    partial.replace(path)


def read(path: Path) -> Shard:
    """A shard; OSError or ValueError where it is none."""
    with np.load(path, allow_pickle=False) as content:
        return Shard(**{key: content[key] for key in ("colour", "depth", "labels", "facing", "dark", "cameras")})
