"""Things whose parts are as large as a thing and as far apart: drills, jugs, sprays, hammers, figures, soft toys, planes; large
vessels."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, open_box, pillow, plate, tube, union
from fail2progress.learning.segmentation.slight import SLIGHT
from fail2progress.learning.segmentation.things import MAKERS, Maker, Makers, basin, grounded, rod, tool, turn


def limb(start: Array | tuple[float, ...], end: Array | tuple[float, ...], radius: float, rng: np.random.Generator) -> Mesh:
    """A round or a square bar between two points (3,) m."""
    first, last = np.asarray(start, float), np.asarray(end, float)
    radii = radius * np.array([1.0, rng.uniform(0.8, 1.2)])
    closed = np.concatenate([[1e-3], radii, [1e-3]])
    return tube(np.stack([first, first, last, last]) + 1e-5 * np.arange(4)[:, None], closed, int(rng.choice([4, 12])))


def drill(rng: np.random.Generator) -> Mesh:
    """A motor, a handle under it, a battery below and a chuck before it; standing or on its side."""
    long, thick, high = rng.uniform(0.1, 0.2), rng.uniform(0.02, 0.04), rng.uniform(0.09, 0.17)
    lean = rng.uniform(-0.03, 0.05)
    motor = limb((-long / 2, 0, high), (long / 2, 0, high), thick, rng)
    chuck = limb((long / 2, 0, high), (long / 2 + rng.uniform(0.03, 0.1), 0, high), thick * rng.uniform(0.3, 0.7), rng)
    handle = limb((-lean, 0, 0), (0, 0, high), thick * rng.uniform(0.5, 0.8), rng)
    battery = box(rng.uniform(0.05, 0.11), rng.uniform(0.04, 0.08), rng.uniform(0.02, 0.06)).shifted(-lean, 0, -0.02)
    return _laid(union(motor, chuck, handle, battery), rng, 0.6)


def jug(rng: np.random.Generator) -> Mesh:
    """A vessel with a large handle and, often, a spout: a jug, a kettle, a watering can."""
    radius, height = rng.uniform(0.04, 0.09), rng.uniform(0.1, 0.24)
    body = basin(radius, height, radius * rng.uniform(0.6, 1.2), rng.uniform(0.3, 1.5), rng.uniform(0.003, 0.006))
    angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
    reach, half = rng.uniform(0.03, 0.08), rng.uniform(0.25, 0.45) * height
    loop = np.column_stack([radius * 0.9 + reach * np.cos(angles), np.zeros(9), height / 2 + half * np.sin(angles)])
    parts = [body, tube(loop, rng.uniform(0.005, 0.013))]
    if rng.random() < 0.6:
        start = np.array([-radius * 0.8, 0, height * rng.uniform(0.2, 0.8)])
        spout = np.array([-rng.uniform(0.03, 0.12), 0, rng.uniform(0.0, 0.1)])
        parts.append(limb(start, start + spout, rng.uniform(0.008, 0.02), rng))
    if rng.random() < 0.3:
        parts.append(lathe(np.array([[0, height], [radius, height], [radius, height + 0.006], [0, height + 0.02]])))
    return _laid(union(*parts), rng, 0.1)


def spray(rng: np.random.Generator) -> Mesh:
    """A bottle with a head as large as a hand and a trigger."""
    radius, shoulder, neck = rng.uniform(0.03, 0.05), rng.uniform(0.1, 0.17), rng.uniform(0.03, 0.06)
    profile = [[0, 0], [radius, 0], [radius, shoulder * 0.7], [0.014, shoulder], [0.012, shoulder + neck], [0, shoulder + neck]]
    body = lathe(np.array(profile)).moved(np.diag([1.0, rng.uniform(0.55, 1.0), 1.0]))
    top = shoulder + neck
    head = box(rng.uniform(0.06, 0.1), rng.uniform(0.02, 0.03), rng.uniform(0.02, 0.04)).shifted(0.02, 0, top - 0.01)
    trigger = limb((0.04, 0, top), (0.05, 0, top - rng.uniform(0.03, 0.06)), 0.006, rng)
    return _laid(union(body, head, trigger), rng, 0.3)


def hammer(rng: np.random.Generator) -> Mesh:
    """A long handle with a head across its end: a hammer, a brush, a mallet, a ladle."""
    long, thick = rng.uniform(0.15, 0.32), rng.uniform(0.008, 0.018)
    wide = rng.uniform(0.03, 0.07)
    grip = limb((0, 0, 0), (long * 0.4, 0, 0), thick * rng.uniform(1.0, 1.5), rng)
    shaft = limb((long * 0.4, 0, 0), (long, 0, 0), thick * rng.uniform(0.6, 1.0), rng)
    head = limb((long, -wide, 0), (long, wide, 0), thick * rng.uniform(1.0, 2.2), rng)
    if rng.random() < 0.3:
        head = basin(wide, wide, wide * 0.6, 0.5, 0.003).shifted(long + wide, 0, -wide / 2)
    return grounded(union(grip, shaft, head).moved(turn(0, rng.uniform(-np.pi, np.pi))))


def figure(rng: np.random.Generator) -> Mesh:
    """A trunk on legs with a head: a toy animal, a doll, a plane."""
    long, thick, legs = rng.uniform(0.05, 0.14), rng.uniform(0.015, 0.035), rng.uniform(0.02, 0.08)
    parts = [limb((-long / 2, 0, legs), (long / 2, 0, legs), thick, rng)]
    spread = thick * rng.uniform(0.6, 1.5)
    for x in (-0.4 * long, 0.4 * long):
        for side in (-1, 1):
            foot = (x + rng.normal(0, 0.01), side * spread, 0.0)
            parts.append(limb((x, side * spread * 0.7, legs), foot, thick * rng.uniform(0.25, 0.5), rng))
    top = legs + rng.uniform(0.0, 0.06)
    parts.append(limb((long / 2, 0, legs), (long / 2 + 0.02, 0, top), thick * 0.6, rng))
    heights = np.linspace(-1, 1, 7)
    ball = lathe(np.column_stack([np.sqrt(1 - heights**2), heights]) * thick * rng.uniform(0.7, 1.3), 12)
    parts.append(ball.shifted(long / 2 + 0.03, 0, top))
    return _laid(union(*parts), rng, 0.4)


def soft_toy(rng: np.random.Generator) -> Mesh:
    """A plump trunk with a head, ears or a bill, arms and legs that lie as they fell: a plush animal, a doll, a glove puppet."""
    long, deep = rng.uniform(0.04, 0.11), rng.uniform(0.6, 1.0)
    wide, size = long * rng.uniform(0.5, 0.9), long * rng.uniform(0.4, 0.9)
    head = long + size * rng.uniform(0.2, 0.6)
    parts = [_cushion(np.array([long, wide, long * rng.uniform(0.35, 0.7)]), rng)]
    parts.append(_cushion(size * rng.uniform(0.7, 1.1, 3), rng).shifted(head, rng.normal(0, 0.05) * long, 0.2 * size))
    for side in (-1, 1):
        parts.append(_stuffed(head, side * 0.5 * size, side * rng.uniform(0.3, 1.5), size * rng.uniform(0.2, 0.9), rng))
        parts.append(_stuffed(0.6 * long, side * 0.6 * wide, side * rng.uniform(0.4, 2.4), long * rng.uniform(0.4, 1.1), rng))
        parts.append(_stuffed(-0.8 * long, side * 0.4 * wide, side * rng.uniform(1.8, 3.1), long * rng.uniform(0.4, 1.3), rng))
    if rng.random() < 0.4:
        parts.append(_stuffed(head + 0.7 * size, 0.0, rng.normal(0, 0.3), size * rng.uniform(0.3, 0.8), rng))
    kept = [part for number, part in enumerate(parts) if number < 2 or rng.random() < 0.85]
    whole = union(*(part.moved(np.diag([1.0, 1.0, deep])) for part in kept))
    upright = turn(1, -np.pi / 2) if rng.random() < 0.25 else turn(0, rng.choice([0.0, np.pi]) + rng.normal(0, 0.3))
    return grounded(whole.moved(upright))


def _cushion(half: Array, rng: np.random.Generator) -> Mesh:
    """Half sides (3,) m, round and plump."""
    return pillow(half, rng.uniform(0.7, 1.2), rng.uniform(0.7, 1.2), 16)


def _stuffed(x: float, y: float, way: float, long: float, rng: np.random.Generator) -> Mesh:
    """A limb of a soft toy, from (x, y) m on, along a way (rad) about z and so long (m)."""
    wide = long * rng.uniform(0.2, 0.5)
    part = _cushion(np.array([long / 2, wide, wide * rng.uniform(0.5, 1.0)]), rng).shifted(0.4 * long, 0, 0)
    return part.moved(turn(2, way) @ turn(1, rng.normal(0, 0.35)), (x, y, 0.0))


def plane(rng: np.random.Generator) -> Mesh:
    """A trunk with wings and a tail, each flat: a toy plane, a bird, a fish."""
    long, thick = rng.uniform(0.1, 0.22), rng.uniform(0.012, 0.03)
    high, flat = rng.uniform(0.02, 0.05), rng.uniform(0.004, 0.012)
    parts = [limb((-long / 2, 0, high), (long / 2, 0, high), thick, rng)]
    for at, share in ((rng.uniform(-0.1, 0.2), rng.uniform(0.5, 1.3)), (-0.45, rng.uniform(0.2, 0.5))):
        span, deep = share * long, rng.uniform(0.2, 0.4) * share * long
        outline = np.array([[deep / 2, 0], [0, span / 2], [-deep / 2, span / 2], [-deep / 2, -span / 2], [0, -span / 2]])
        parts.append(plate(outline, flat).shifted(at * long, 0, high))
    fin = plate(np.array([[0, 0], [-0.2, 0.3], [-0.3, 0.3], [-0.25, 0]]) * long, flat).moved(turn(0, np.pi / 2))
    return _laid(union(*parts, fin.shifted(-0.3 * long, 0, high)), rng, 0.2)


def goblet(rng: np.random.Generator) -> Mesh:
    """A bowl on a stem with a foot; a lamp or a plant's pot on a stand."""
    radius, stem, deep = rng.uniform(0.025, 0.06), rng.uniform(0.03, 0.1), rng.uniform(0.03, 0.1)
    foot = lathe(
        np.array([[0, 0], [radius * rng.uniform(0.7, 1.2), 0], [0.008, 0.008], [rng.uniform(0.004, 0.012), stem], [0, stem]])
    )
    bowl = basin(radius, deep, radius * rng.uniform(0.2, 0.8), rng.uniform(0.4, 1.0), 0.003)
    return _laid(union(foot, bowl.shifted(0, 0, stem)), rng, 0.2)


def dumbbell(rng: np.random.Generator) -> Mesh:
    """Two heavy ends with a bar between them, or with nothing but a strip."""
    apart, bar = rng.uniform(0.06, 0.18), rng.uniform(0.006, 0.02)
    ends = [box(*rng.uniform(0.03, 0.08, 3)).shifted(s * apart / 2, 0, 0) for s in (-1, 1)]
    return grounded(union(*ends, limb((-apart / 2, 0, 0.02), (apart / 2, 0, 0.02), bar, rng)))


def pouch(rng: np.random.Generator) -> Mesh:
    """Something soft in a bag, with folds: crisps, a refill, a folded cloth, a packet of tissues."""
    half = rng.uniform((0.04, 0.03, 0.006), (0.12, 0.09, 0.035))
    mesh = pillow(half, rng.uniform(0.15, 0.6), rng.uniform(0.5, 1.6), 32)
    way, phases = rng.uniform(-60, 60, (2, 3)), rng.uniform(0, 2 * np.pi, 2)
    folds = np.sin(mesh.vertices @ way.T + phases).sum(axis=1) * half[2] * rng.uniform(0.0, 0.25)
    return grounded(Mesh(mesh.vertices + np.column_stack([0 * folds, 0 * folds, folds]).astype(np.float32), mesh.triangles))


def crate(rng: np.random.Generator) -> Mesh:
    """An open box in which several things have room."""
    wall, deep = rng.uniform(0.003, 0.012), rng.uniform(0.05, 0.16)
    return open_box(rng.uniform(0.2, 0.42), rng.uniform(0.16, 0.32), deep, wall)


def basket(rng: np.random.Generator) -> Mesh:
    """A round vessel in which several things have room: a large bowl, a pot, a bucket."""
    radius = rng.uniform(0.1, 0.19)
    return basin(
        radius, rng.uniform(0.05, 0.17), radius * rng.uniform(0.6, 0.95), rng.uniform(0.4, 1.0), rng.uniform(0.003, 0.008)
    )


def _laid(mesh: Mesh, rng: np.random.Generator, share: float) -> Mesh:
    """On its side, for a share of them."""
    return grounded(mesh.moved(turn(0, rng.choice([-1, 1]) * np.pi / 2)) if rng.random() < share else mesh)


LIMBED: Makers = (
    (drill, 1.6),
    (jug, 1.2),
    (spray, 0.8),
    (hammer, 0.8),
    (figure, 1.0),
    (soft_toy, 1.6),
    (plane, 0.6),
    (rod, 0.6),
    (tool, 0.8),
    (goblet, 0.6),
    (dumbbell, 0.4),
    (pouch, 1.6),
)
VESSELS: tuple[Maker, ...] = (crate, crate, basket)
ALL: Makers = MAKERS + LIMBED + SLIGHT
"""Those of the studies; and those with limbs, and slight ones, which are seen in training alone."""
