"""Colours of things as rooms have them: mostly pale, wooden or dark, with grain and stains rather than patterns, and labels with
pictures and lines of text on what comes in packages."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.prints import direction, several, sticker
from fail2progress.learning.segmentation.rendering import Painter

ROOMS = 0.6
"""Share of scenes that are so; the others have any colours and patterns."""
_PATTERNED = 0.4
"""Share of supports with tiles, squares, planks, lines or holes."""
_IN_PARTS = 0.2
"""Share of things whose parts have colours of their own: the limbs of a toy, the grips of a tool."""
_WAVES = 14
"""Sines that one texture is made of."""


def painted(rng: np.random.Generator, rooms: float = ROOMS) -> Painter:
    """How the things of one scene get their colours; rooms: share of scenes with those of rooms."""
    return as_in_rooms if rng.random() < rooms else several


def as_in_rooms(local: Array, base: Array, support: bool, rng: np.random.Generator) -> Array:
    """(n, 3) colours of places (n, 3) m about the middle of a thing: see Painter."""
    result = _material(local, _usual(base, rng), rng, 0.35 if support else 0.15)
    if support:
        return _laid_out(result, local, rng) if rng.random() < _PATTERNED else result
    if rng.random() < _IN_PARTS:
        return _by_parts(result, local, rng)
    size = np.maximum(local.std(axis=0), 0.005)
    if rng.random() < 0.35:  # another material from a plane on: a cap, a handle, a lid
        beyond = (local / size) @ direction(rng) > rng.uniform(-0.8, 1.2)
        if beyond.any():
            result[beyond] = _material(local[beyond], _usual(rng.uniform(0, 1, 3), rng), rng, 0.1)
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.5 else 0):
        on = sticker(local / size, rng)
        if on.any():
            result[on] = _label(local[on], rng)
    return result


def _by_parts(material: Array, local: Array, rng: np.random.Generator) -> Array:
    """(n, 3) colours of a thing's material at places (n, 3) m, with one or two others about some of them."""
    middles = local[rng.integers(len(local), size=int(rng.integers(2, 8)))]
    nearest = np.square(local[:, None] - middles).sum(axis=2).argmin(axis=1)
    others = [_material(local, _usual(rng.uniform(0, 1, 3), rng), rng, 0.1) for _ in range(int(rng.integers(1, 3)))]
    chosen = rng.integers(len(others) + 1, size=len(middles))
    return np.asarray(np.choose(chosen[nearest][:, None], [material, *others]))


def _usual(colour: Array, rng: np.random.Generator) -> Array:
    """A colour (3,) made one that rooms have: white, grey, black, wooden, or its own, more or less strong."""
    kind = rng.random()
    if kind < 0.35:
        level = rng.choice([rng.uniform(0.7, 1.0), rng.uniform(0.03, 0.2), rng.uniform(0.2, 0.7)])
        return np.asarray(np.clip(level + rng.normal(0, 0.02, 3), 0, 1))
    if kind < 0.6:
        return np.asarray(
            np.clip(rng.uniform(0.25, 0.95) * np.array([1.0, rng.uniform(0.65, 0.95), rng.uniform(0.4, 0.85)]), 0, 1)
        )
    grey = float(colour.mean())
    return np.asarray(grey + (colour - grey) * rng.uniform(0.3, 1.0))


def _laid_out(material: Array, local: Array, rng: np.random.Generator) -> Array:
    """(n, 3) colours of a surface's material at places (n, 3) m, with another in every second square, in planks of which each has
    its own shade, along lines, or in dots."""
    angle, pitch = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(0.015), np.log(0.15)))
    across = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * (
        1.0,
        rng.choice([1.0, rng.uniform(0.2, 1.0)]),
    )
    cells = local[:, :2] @ across / pitch + 0.5
    whole = np.floor(cells).astype(np.int64)
    within = cells - whole - 0.5
    other = _material(local, _usual(rng.uniform(0, 1, 3), rng), rng, 0.2)
    kind = int(rng.integers(4))
    if kind == 0:
        chosen = whole.sum(axis=1) % 2 == 0
    elif kind == 1:
        shades = rng.uniform(0.6, 1.1, 97)
        return np.asarray(np.clip(material * shades[(whole[:, 0] * 31 + whole[:, 1] // 8 * 17) % 97][:, None], 0, 1))
    elif kind == 2:
        chosen = np.abs(within).max(axis=1) > 0.5 - rng.uniform(0.01, 0.1)
    else:
        chosen = np.linalg.norm(within, axis=1) < rng.uniform(0.08, 0.35)
    return np.where(chosen[:, None], other, material)


def _material(local: Array, base: Array, rng: np.random.Generator, grained: float) -> Array:
    """(n, 3): a colour with stains; grained: odds of a grain along one direction."""
    stretch = np.ones(3)
    strong = rng.uniform(0.0, 0.06)
    if rng.random() < grained:
        stretch, strong = np.array([rng.uniform(6, 20), 1.0, 1.0])[rng.permutation(3)], rng.uniform(0.05, 0.25)
    elif rng.random() < 0.15:
        strong = rng.uniform(0.1, 0.35)
    pattern = _texture(local / stretch, rng)
    other = np.clip(base + rng.normal(0, 0.15, 3), 0, 1)
    share = np.clip(0.5 + pattern, 0, 1)[:, None] * min(1.0, 4 * strong)
    return np.asarray(np.clip((base * (1 - share) + other * share) * (1 + strong * pattern[:, None]), 0, 1))


def _label(local: Array, rng: np.random.Generator) -> Array:
    """(n, 3): paper of one colour with a picture, or with lines as of text."""
    base = _usual(rng.uniform(0, 1, 3), rng)
    if rng.random() < 0.5:
        parts = [_texture(local, rng) for _ in range(3)]
        return np.asarray(np.clip(base + rng.uniform(0.2, 0.6) * np.stack(parts, axis=1), 0, 1))
    lines = np.sin(2 * np.pi * (local @ direction(rng)) / rng.uniform(0.004, 0.02))
    inked = (lines > 0.1) & (_texture(local * 3, rng) > -0.5)
    result = np.broadcast_to(base, local.shape).copy()
    result[inked] = _usual(rng.uniform(0, 1, 3), rng)
    return result


def _texture(local: Array, rng: np.random.Generator) -> Array:
    """(n,) values about 0, mostly in [-1, 1], of places (n, 3) m: waves of 5 mm to 30 cm, the longer the stronger."""
    lengths = np.exp(rng.uniform(np.log(0.005), np.log(0.3), _WAVES))
    ways = rng.standard_normal((_WAVES, 3))
    ways *= (2 * np.pi / lengths / np.linalg.norm(ways, axis=1))[:, None]
    loud = np.sqrt(lengths)
    loud /= np.sqrt((loud**2).sum())
    phases = (local.astype(np.float32) @ ways.T.astype(np.float32)) + rng.uniform(0, 2 * np.pi, _WAVES).astype(np.float32)
    return np.asarray(np.sin(phases) @ loud.astype(np.float32), float)
