"""Training scenes on disk: files of examples, each made from its own seed, so that rendering goes on where it was ended."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from fail2progress.core.executor import PoolExecutor
from fail2progress.learning.segmentation.crowds import scenery
from fail2progress.learning.segmentation.examples import Examples, example, joined
from fail2progress.learning.segmentation.paints import ROOMS, painted
from fail2progress.learning.segmentation.rendering import View, view
from fail2progress.learning.segmentation.scenery import SUPPORT

SHARD = 50
"""Scenes in a file."""
_VIEWS = 3
"""Tried for one scene."""
_SHOWN = 0.05
"""Share of an image that supports and things fill, at least."""
_PARTS = ("colour", "depth", "labels", "cameras")
_SENSOR = 1
"""What is put to a scene's seed for its sensor's. Not 0: numpy takes (7, 3) and (7, 3, 0) for the same seed, and each kind of
scene would be read by one kind of sensor."""


def files(folder: Path, scenes: int, seed: int, rooms: float = ROOMS) -> list[Path]:
    """Of so many scenes, rounded up to whole files; they need not be there. rooms: see `painted`."""
    return [_path(folder, seed, rooms, number) for number in range(-(-scenes // SHARD))]


def _path(folder: Path, seed: int, rooms: float, number: int) -> Path:
    return folder / f"examples_{seed}{'' if rooms == ROOMS else f'_rooms{rooms:g}'}_{number:05d}.npz"


def render(folder: Path, scenes: int, seed: int, workers: PoolExecutor, rooms: float = ROOMS) -> Iterator[Path]:
    """Make the files that are not there, by several processes; each as it is ready. They go on in the background."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [number for number, path in enumerate(files(folder, scenes, seed, rooms)) if not path.is_file()]
    return workers.map_unordered(partial(_file, folder, seed, rooms, SHARD), missing)


def _file(folder: Path, seed: int, rooms: float, size: int, number: int) -> Path:
    """Under another name first, so that a file that is there is whole."""
    path, found = _path(folder, seed, rooms, number), []
    for index in range(number * size, (number + 1) * size):
        found.append(example(scene((seed, index), rooms), sensing((seed, index))))
    partial_path = path.with_suffix(".partial.npz")
    whole = joined(found)
    np.savez(partial_path, **{name: getattr(whole, name).numpy() for name in _PARTS})
    partial_path.replace(path)
    return path


def scene(seed: tuple[int, ...], rooms: float = ROOMS) -> View:
    """The view of one seed; another one where a wall or furniture fills the image. rooms: see `painted`."""
    rng = np.random.default_rng(seed)
    for _ in range(_VIEWS):
        found = view(scenery(rng), rng, painted=painted(rng, rooms))
        if (found.labels >= SUPPORT).mean() > _SHOWN:
            break
    return found


def sensing(seed: tuple[int, ...]) -> np.random.Generator:
    """What the sensor that reads the scene of a seed draws from: nothing that the scene was drawn from."""
    return np.random.default_rng((*seed, _SENSOR))


def read(path: Path) -> Examples:
    """A file; OSError or ValueError where it is none."""
    with np.load(path, allow_pickle=False) as content:
        return Examples(*(torch.from_numpy(content[name]) for name in _PARTS))
