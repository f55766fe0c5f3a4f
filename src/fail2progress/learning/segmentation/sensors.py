"""What depth cameras make of the truth: stereo, structured light and time of flight, each with its own kinds of error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.rendering import View

Depth = NDArray[np.float32]
SENSORS = ("stereo", "structured light", "time of flight")
_WIDEST = 12
"""Pixels of a shadow without readings; real ones are up to thirty wide."""


def sensed(view: View, rng: np.random.Generator) -> Depth:
    """(H, W) m as some sensor reads it, 0 for none; now and then the truth."""
    kind = int(rng.choice(4, p=(0.45, 0.25, 0.2, 0.1)))
    return view.depth if kind == 3 else sensed_by(SENSORS[kind], view, rng)


def sensed_by(sensor: str, view: View, rng: np.random.Generator) -> Depth:
    """(H, W) m as one of SENSORS reads it, 0 for none."""
    truth = np.where(view.depth > 0, 1 / np.maximum(view.depth, 1e-3), 0.0)
    inverse = (_stereo, _structured, _time_of_flight)[SENSORS.index(sensor)](view, truth, rng)
    inverse[_lost(view, rng)] = 0.0
    return np.where(inverse > 0.1, 1 / np.maximum(inverse, 0.1), 0.0).astype(np.float32)


def _stereo(view: View, inverse: Array, rng: np.random.Generator) -> Array:
    """Matched windows: near things grow, edges are smeared, flat errors come in waves, and nothing is seen behind edges."""
    hidden = _shadow(inverse, view.camera.fx * rng.uniform(0.02, 0.08), int(rng.choice((-1, 1))))
    if rng.random() < 0.5:
        grown = ndimage.maximum_filter(inverse, 3)
        inverse = np.where(_waves(inverse.shape, 4, rng) > rng.uniform(-0.5, 1.0), grown, inverse)
    inverse = _blurred(inverse, rng.uniform(0.4, 1.3))
    noise = rng.normal(0, rng.uniform(0.0005, 0.003), inverse.shape)
    noise += _waves(inverse.shape, rng.uniform(1.5, 5), rng) * rng.uniform(0.0005, 0.004)
    noise += _waves(inverse.shape, 30, rng) * rng.uniform(0.0, 0.003)
    step = 1 / (view.camera.fx * 0.05 * rng.choice((8, 16, 32)))
    result = np.round((inverse + noise) / step) * step
    result[hidden & (rng.random(inverse.shape) < 0.9)] = 0.0
    return np.where(inverse > 0, result, 0.0)


def _structured(view: View, inverse: Array, rng: np.random.Generator) -> Array:
    """A pattern beside the camera: shadows, steps of depth, and no readings where the surface is steep or dark."""
    hidden = _shadow(inverse, view.camera.fx * 0.075, int(rng.choice((-1, 1))))
    noise = rng.normal(0, rng.uniform(0.0005, 0.0025), inverse.shape)
    noise += _waves(inverse.shape, 1.5, rng) * rng.uniform(0.0, 0.002)
    step = 1 / (view.camera.fx * 0.075 * rng.choice((8, 16)))
    result = np.where(inverse > 0, np.round((inverse + noise) / step) * step, 0.0)
    steep = view.facing < rng.uniform(0.05, 0.25)
    edges = inverse - ndimage.minimum_filter(inverse, 3) > 0.05
    result[hidden | (steep & (rng.random(steep.shape) < 0.8)) | (edges & (rng.random(steep.shape) < 0.4))] = 0.0
    return result


def _time_of_flight(view: View, inverse: Array, rng: np.random.Generator) -> Array:
    """Light timed: noise that grows in the dark, flat errors in waves, and at edges readings between near and far, or none."""
    depth = view.depth.astype(float)
    light = 0.2 + view.colour.mean(axis=-1) / 255
    depth = depth + rng.normal(0, rng.uniform(0.001, 0.004), depth.shape) / light
    depth += _waves(depth.shape, 12, rng) * rng.uniform(0.0, 0.004)
    flying = _blurred(view.depth.astype(float), rng.uniform(0.6, 1.2))
    jump = np.abs(flying - view.depth) > 0.01
    depth = np.where(jump & (rng.random(depth.shape) < 0.8), flying, depth)
    if rng.random() < 0.5:  # drivers take them out
        depth[jump & (rng.random(depth.shape) < 0.7)] = 0.0
    return np.where((depth > 0.05) & (inverse > 0), 1 / np.maximum(depth, 0.05), 0.0)


def misread(depth: Depth, rng: np.random.Generator) -> Depth:
    """(H, W) m with what real cameras do beyond that, in some images: what lies behind an edge, or could not be read there, gets
    depths that run from the nearer thing to the surface; and large parts are not read."""
    inverse = np.where(depth > 0, 1 / np.maximum(depth, 0.05), 0.0)
    if rng.random() < 0.35:
        run, share, side = inverse, rng.uniform(0.1, 0.4), int(rng.choice((-1, 1)))
        across = int(rng.integers(4) == 0)
        far = ndimage.grey_closing(inverse, 5) if rng.random() < 0.5 else inverse
        for _ in range(int(rng.integers(5, 20))):
            run = np.maximum(inverse, _beside(run, side, 1 - across) * (1 - share) + far * share)
        beside = (run - inverse > 0.02) & (far > 0) & (_waves(inverse.shape, rng.uniform(8, 30), rng) > rng.uniform(-0.5, 1.0))
        inverse = np.where(beside, run, inverse)
    if rng.random() < 0.12:
        inverse[_waves(inverse.shape, rng.uniform(20, 80), rng) > rng.uniform(0.0, 1.5)] = 0.0
    return np.where(inverse > 0.1, 1 / np.maximum(inverse, 0.1), 0.0).astype(np.float32)


def _lost(view: View, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Readings that fail: single ones, patches, dark surfaces, now and then most of a thing that shines or lets light through."""
    shape = view.depth.shape
    lost = rng.random(shape) < rng.choice([0.0, 0.005, 0.03])
    if rng.random() < 0.5:
        lost |= _waves(shape, rng.uniform(2, 10), rng) > rng.uniform(1.3, 3.0)
    if rng.random() < 0.5:
        lost |= view.dark & (rng.random(shape) < rng.uniform(0.2, 1.0))
    for label in range(2, int(view.labels.max()) + 1):
        if rng.random() < 0.05:
            lost |= (view.labels == label) & (_waves(shape, 3, rng) > rng.uniform(-1.0, 1.0))
    return np.asarray(lost)


def _shadow(inverse: Array, focal_baseline: float, side: int) -> NDArray[np.bool_]:
    """(H, W) what the second eye, or the projector, beside the camera does not see; of wide shadows the pixels next to what
    throws them."""
    hidden = np.zeros(inverse.shape, bool)
    disparity = inverse * focal_baseline
    for shift in range(1, _WIDEST + 1):
        hidden |= _beside(disparity, -side * shift, 1) - disparity > shift
    return hidden


def _beside(image: Array, shift: int, axis: int) -> Array:
    """An image moved by so many pixels along an axis; where it has moved away from its border, the border stays."""
    size = image.shape[axis]
    return np.take(image, np.clip(np.arange(size) - shift, 0, size - 1), axis)


def _blurred(image: Array, width: float) -> Array:
    """Smoothed, where there are readings."""
    known = (image > 0).astype(float)
    weight = ndimage.gaussian_filter(known, width)
    return np.where(image > 0, ndimage.gaussian_filter(image, width) / np.maximum(weight, 1e-3), 0.0)


def _waves(shape: tuple[int, ...], width: float, rng: np.random.Generator) -> Array:
    """Noise with a standard deviation of 1 that changes over so many pixels."""
    small = rng.standard_normal((int(shape[0] / width) + 3, int(shape[1] / width) + 3))
    rows, columns = (np.arange(n) / width + rng.uniform() for n in shape)
    return _between(_between(small, rows).T, columns).T


def _between(values: Array, places: Array) -> Array:
    low = places.astype(int)
    share = (places - low)[:, None]
    share = share * share * (3 - 2 * share)
    mixed = values[low] * (1 - share) + values[low + 1] * share
    return np.asarray(mixed / np.sqrt((1 - share) ** 2 + share**2))
