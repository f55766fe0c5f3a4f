"""Things that are flat, thin or very small: cards, leaves, cutlery, straps, nuts and dice."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, plate, tube, union
from fail2progress.learning.segmentation.things import Makers, grounded, turn


def sheet(rng: np.random.Generator) -> Mesh:
    """Something flat of a few millimetres: a card, a leaf, a lid, a phone, an envelope."""
    thick = rng.uniform(0.002, 0.009)
    if rng.random() < 0.5:
        return box(rng.uniform(0.04, 0.2), rng.uniform(0.03, 0.14), thick)
    angles = np.arange(16) * np.pi / 8
    half = rng.uniform((0.015, 0.01), (0.07, 0.05))
    pointed = np.abs(np.cos(angles)) ** rng.uniform(0.5, 2.0)
    outline = np.stack([np.cos(angles) * half[0], np.sin(angles) * half[1] * (1 - 0.6 * pointed)], axis=1)
    return plate(outline, thick)


def cutlery(rng: np.random.Generator) -> Mesh:
    """A flat handle with a wider head: a spoon, a fork, a knife, a spatula, a key."""
    long, thick = rng.uniform(0.06, 0.22), rng.uniform(0.002, 0.005)
    narrow, wide = rng.uniform(0.005, 0.014), rng.uniform(0.012, 0.045)
    handle = box(long, narrow, thick)
    angles = np.arange(14) * np.pi / 7
    outline = np.stack([np.cos(angles) * rng.uniform(0.5, 1.0) * wide, np.sin(angles) * wide / 2], axis=1)
    head = plate(outline, thick).moved(turn(1, rng.uniform(-0.3, 0.3)), (long / 2, 0.0, rng.uniform(0.0, 0.004)))
    return grounded(union(handle, head))


def strap(rng: np.random.Generator) -> Mesh:
    """A band or a cable that lies in bends: a belt, a cord, a lace."""
    count, turning = 12, rng.uniform(0.0, 0.6)
    ways = np.cumsum(rng.normal(0, turning, count))
    steps = np.stack([np.cos(ways), np.sin(ways), np.zeros(count)], axis=1) * rng.uniform(0.08, 0.35) / count
    wide, flat = rng.uniform(0.0025, 0.012), rng.uniform(0.2, 1.0)
    path = np.cumsum(steps, axis=0)
    return grounded(tube(path, wide, 8).moved(np.diag([1.0, 1.0, flat])))


def bit(rng: np.random.Generator) -> Mesh:
    """Something as large as a finger's end: a die, a nut, a bolt, a capsule, a cap."""
    size = rng.uniform(0.0105, 0.025)
    kind = int(rng.integers(4))
    if kind == 0:
        return box(size, *(size * rng.uniform(0.4, 1.0, 2)))
    if kind == 1:
        heights = np.linspace(-1, 1, 7)
        ball = lathe(np.column_stack([np.sqrt(1 - heights**2), heights]) * size / 2, 12)
        return grounded(ball.moved(turn(1, np.pi / 2) @ np.diag([1.0, 1.0, rng.uniform(0.6, 2.2)])))
    sides = 6 if kind == 2 else 14
    high = size * rng.uniform(0.2, 1.2)
    body = lathe(np.array([[0, 0], [size / 2, 0], [size / 2, high], [0, high]]), sides)
    if rng.random() < 0.5:
        return body
    shaft: Array = np.array([[0, 0, high / 2], [0, 0, high + size * rng.uniform(0.5, 2.5)]])
    return grounded(union(body, tube(shaft, size * rng.uniform(0.15, 0.35), 8)).moved(turn(0, np.pi / 2)))


SLIGHT: Makers = ((sheet, 0.9), (cutlery, 0.7), (strap, 0.4), (bit, 1.0))
