"""One training example of a rendered scene: turned, cropped, seen by a sensor; and what the network is to say of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from fail2progress.core.rgbd import Intrinsics
from fail2progress.learning.segmentation.rendering import View
from fail2progress.learning.segmentation.scenery import FIRST
from fail2progress.learning.segmentation.sensors import sensed
from fail2progress.perception.segmentation.learned.features import features
from fail2progress.perception.segmentation.learned.network import OFFSET_UNIT, STRIDE

SPREAD = 2.5
"""Output pixels around the middle of a thing, at which its middle is still marked: a standard deviation."""
SIZE = (144, 192)
"""Rows and columns of an example."""
_IMAGES = ("colour", "depth", "labels", "facing", "dark")
_LEAST = 6
"""Output pixels of the smallest thing whose middle is asked for."""


def example(view: View, turns: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (CHANNELS, H, W) and targets (6, h, w): class, offsets (2), middle, border, and whether offsets count."""
    seen = turned(cropped(view, rng), turns)
    colour = _toned(seen.colour, rng)
    inputs = features(torch.from_numpy(colour), torch.from_numpy(sensed(seen, rng)), seen.camera)
    return inputs, torch.from_numpy(targets(seen.labels[::STRIDE, ::STRIDE]))


def cropped(view: View, rng: np.random.Generator) -> View:
    """A window of it, or all of it, at SIZE; mirrored half of the time."""
    height, width = view.depth.shape
    share = rng.uniform(0.35, 1.0) if rng.random() < 0.7 else 1.0
    top, left = rng.uniform(0, (1 - share) * height), rng.uniform(0, (1 - share) * width)
    step = share * height / SIZE[0]
    rows = (top + step * (np.arange(SIZE[0]) + 0.5)).astype(int)
    columns = (left + step * (np.arange(SIZE[1]) + 0.5)).astype(int)
    k = view.camera
    cx, cy = (k.cx + 0.5 - left) / step - 0.5, (k.cy + 0.5 - top) / step - 0.5
    if rng.random() < 0.5:
        columns, cx = columns[::-1], SIZE[1] - 1 - cx
    camera = Intrinsics(SIZE[1], SIZE[0], k.fx / step, k.fy / step, cx, cy)
    images = {name: np.ascontiguousarray(getattr(view, name)[np.ix_(rows, columns)]) for name in _IMAGES}
    return replace(view, camera=camera, **images)


def turned(view: View, turns: int) -> View:
    """By so many quarters against the clock."""
    k = view.camera
    for _ in range(turns % 4):
        k = Intrinsics(k.height, k.width, k.fy, k.fx, k.cy, k.width - 1 - k.cx)
    images = {name: np.ascontiguousarray(np.rot90(getattr(view, name), turns)) for name in _IMAGES}
    return replace(view, camera=k, **images)


def _toned(colour: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Colours changed: grey, with other channels, lighter or darker."""
    image = colour.astype(np.float32)
    if rng.random() < 0.15:
        image = np.repeat(image.mean(axis=-1, keepdims=True), 3, axis=-1)
    image = image[..., rng.permutation(3)] * rng.uniform(0.7, 1.25) + rng.uniform(-20, 20)
    if rng.random() < 0.3:
        image = ndimage.uniform_filter(image, (3, 3, 1))
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def targets(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(6, h, w), see `example`, of labels (h, w)."""
    height, width = labels.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    made = np.zeros((6, height, width), np.float32)
    made[0] = np.minimum(labels, FIRST)
    count = int(labels.max()) + 1
    sizes = np.bincount(labels.ravel(), minlength=count)
    for axis, places in ((1, rows), (2, columns)):
        sums = np.bincount(labels.ravel(), places.ravel(), minlength=count) / np.maximum(sizes, 1)
        made[axis] = (sums[labels] - places) / OFFSET_UNIT
    for label in range(FIRST, count):
        if sizes[label] >= _LEAST:
            at = labels == label
            away = (made[1][at][0] * OFFSET_UNIT + rows[at][0], made[2][at][0] * OFFSET_UNIT + columns[at][0])
            square = (rows - away[0]) ** 2 + (columns - away[1]) ** 2
            made[3] = np.maximum(made[3], np.exp(-square / (2 * SPREAD**2)))
    counts = (labels >= FIRST) & (sizes[labels] >= _LEAST)
    made[1:3] *= counts
    made[4] = (ndimage.maximum_filter(labels, 3) != labels) | (ndimage.minimum_filter(labels, 3) != labels)
    made[5] = counts
    return made
