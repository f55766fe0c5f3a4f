"""Household things of random shape: each maker returns a mesh that stands on z = 0 as people put it down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, open_box, plate, tube, union

Maker = Callable[[np.random.Generator], Mesh]
Makers = tuple[tuple[Maker, float], ...]
"""With how often each is chosen."""


def turn(axis: int, angle: float) -> Array:
    """(3, 3) rotation about x, y or z (0, 1, 2) by an angle in rad."""
    c, s = np.cos(angle), np.sin(angle)
    result = np.eye(3)
    i, j = ((1, 2), (2, 0), (0, 1))[axis]
    result[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
    return result


def grounded(mesh: Mesh) -> Mesh:
    """Moved so that it stands on z = 0 about the origin."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    return mesh.shifted(*(-(low + high)[:2] / 2), -low[2])


def carton(rng: np.random.Generator) -> Mesh:
    """A box, as of cereals, tea or a cube; any side down."""
    sides = rng.permutation(np.exp(rng.uniform(np.log((0.03, 0.04, 0.02)), np.log((0.12, 0.25, 0.12)))))
    return box(*sides)


def book(rng: np.random.Generator) -> Mesh:
    """Something flat."""
    return box(rng.uniform(0.1, 0.25), rng.uniform(0.08, 0.2), rng.uniform(0.008, 0.045))


def can(rng: np.random.Generator) -> Mesh:
    """A cylinder, standing or lying."""
    radius, height = rng.uniform(0.015, 0.06), rng.uniform(0.02, 0.2)
    rim = rng.uniform(0.85, 1.0)
    body = lathe(
        np.array([[0, 0], [radius * rim, 0], [radius, 0.004], [radius, height - 0.004], [radius * rim, height], [0, height]])
    )
    return grounded(body.moved(turn(0, np.pi / 2))) if rng.random() < 0.15 else body


def bottle(rng: np.random.Generator) -> Mesh:
    """A body with shoulders and a neck, round or flattened, standing or lying."""
    radius, height = rng.uniform(0.02, 0.05), rng.uniform(0.1, 0.28)
    neck, shoulder = rng.uniform(0.2, 0.6) * radius, rng.uniform(0.5, 0.8) * height
    cap = rng.uniform(1.0, 1.4) * neck
    over = shoulder + rng.uniform(0.1, 0.8) * (0.9 * height - shoulder)
    bulge = radius * rng.uniform(0.8, 1.1)
    profile = [
        [0, 0],
        [radius, 0],
        [bulge, shoulder / 2],
        [radius, shoulder],
        [neck, over],
        [neck, 0.92 * height],
        [cap, 0.92 * height],
    ]
    body = lathe(np.array([*profile, [cap, height], [0, height]]))
    body = body.moved(np.diag([1.0, rng.uniform(0.5, 1.0), 1.0]))
    return grounded(body.moved(turn(0, np.pi / 2))) if rng.random() < 0.2 else body


def basin(radius: float, height: float, base: float, belly: float, wall: float) -> Mesh:
    """An open vessel: radius (m) of its rim and of its base, and how it swells between them."""
    steps = np.linspace(0, 1, 7)
    outer = base + (radius - base) * steps**belly
    inner = np.maximum(outer - wall, 0.002)
    up = np.column_stack([outer, height * steps])
    down = np.column_stack([inner, np.maximum(height * steps, wall)])[::-1]
    return lathe(np.concatenate([[[0, 0]], up, down, [[0, wall]]]))


def bowl(rng: np.random.Generator) -> Mesh:
    """A bowl or a deep plate."""
    radius = rng.uniform(0.05, 0.13)
    return basin(
        radius, radius * rng.uniform(0.2, 1.0), radius * rng.uniform(0.3, 0.7), rng.uniform(0.4, 1.0), rng.uniform(0.002, 0.006)
    )


def glass(rng: np.random.Generator) -> Mesh:
    """A cup without a handle; now and then upside down."""
    radius = rng.uniform(0.025, 0.05)
    body = basin(radius, rng.uniform(0.05, 0.15), radius * rng.uniform(0.6, 1.0), 1.0, rng.uniform(0.002, 0.004))
    return grounded(body.moved(turn(0, np.pi))) if rng.random() < 0.15 else body


def mug(rng: np.random.Generator) -> Mesh:
    """A cup with a handle at its side; now and then lying."""
    radius, height = rng.uniform(0.03, 0.055), rng.uniform(0.06, 0.12)
    cup = basin(radius, height, radius * rng.uniform(0.75, 1.05), rng.uniform(0.3, 1.0), rng.uniform(0.003, 0.005))
    angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
    reach, half = rng.uniform(0.018, 0.04), rng.uniform(0.25, 0.4) * height
    path = np.column_stack([radius * 0.93 + reach * np.cos(angles), np.zeros(9), height / 2 + half * np.sin(angles)])
    whole = union(cup, tube(path, rng.uniform(0.003, 0.007)))
    return grounded(whole.moved(turn(0, np.pi / 2))) if rng.random() < 0.1 else whole


def pan(rng: np.random.Generator) -> Mesh:
    """A flat bowl with a long handle."""
    radius, height = rng.uniform(0.06, 0.13), rng.uniform(0.02, 0.07)
    path = np.array([[radius, 0, height * 0.8], [radius + 0.05, 0, height], [radius + rng.uniform(0.08, 0.18), 0, height * 1.1]])
    return union(basin(radius, height, radius * 0.85, 1.0, 0.003), tube(path, rng.uniform(0.006, 0.012)))


def fruit(rng: np.random.Generator) -> Mesh:
    """A ball, more or less, or a banana."""
    if rng.random() < 0.25:
        angles = np.linspace(-0.9, 0.9, 11)
        bend = rng.uniform(0.07, 0.14)
        path = np.column_stack([bend * np.sin(angles), bend * np.cos(angles), np.zeros(11)])
        return grounded(tube(path, rng.uniform(0.012, 0.02) * np.sqrt(np.cos(angles * 1.6).clip(0.05))))
    radius, heights = rng.uniform(0.02, 0.06), np.linspace(-1, 1, 11)
    ball = lathe(np.column_stack([np.sqrt(1 - heights**2), heights]) * radius)
    return grounded(ball.moved(np.diag(rng.uniform(0.7, 1.2, 3))))


def rod(rng: np.random.Generator) -> Mesh:
    """Something long and thin that lies: a pen, a marker, a screwdriver, a spoon, a brush."""
    length, radius = rng.uniform(0.1, 0.28), rng.uniform(0.004, 0.013)
    grip = length * rng.uniform(0.2, 0.6)
    shape = tube(np.array([[0, 0, 0], [grip, 0, 0]]), radius)
    shape = union(shape, tube(np.array([[grip, 0, 0], [length, 0, 0]]), radius * rng.uniform(0.4, 1.0)))
    kind = rng.random()
    if kind < 0.3:
        head = basin(rng.uniform(0.012, 0.03), 0.008, 0.008, 0.6, 0.002)
        shape = union(shape, head.shifted(length, 0, -0.004))
    elif kind < 0.5:
        shape = union(
            shape, box(rng.uniform(0.02, 0.04), rng.uniform(0.05, 0.12), rng.uniform(0.015, 0.03)).shifted(length, 0, -0.01)
        )
    return grounded(shape)


def tool(rng: np.random.Generator) -> Mesh:
    """Two flat arms that cross or fork: scissors, pliers, a wrench, a clamp."""
    length, thickness = rng.uniform(0.1, 0.22), rng.uniform(0.006, 0.02)
    spread = rng.uniform(0.1, 0.6)
    arms = []
    for side in (-1, 1):
        angle = side * spread / 2
        width = rng.uniform(0.008, 0.02)
        arm = plate(
            np.array([[-length / 2, -width / 2], [length / 2, -width / 4], [length / 2, width / 4], [-length / 2, width / 2]]),
            thickness,
        )
        arms.append(arm.moved(turn(2, angle), (0.0, 0.0, 0.001 * side)))
        if rng.random() < 0.6:
            angles = np.linspace(0, 2 * np.pi, 13)
            loop = np.column_stack([0.02 * np.cos(angles), 0.014 * np.sin(angles), np.zeros(13)])
            arms.append(
                tube(loop, thickness / 2, 6).moved(
                    turn(2, angle), (*(-length / 2 * np.array([np.cos(angle), np.sin(angle)])), thickness / 2)
                )
            )
    return grounded(union(*arms))


def gadget(rng: np.random.Generator) -> Mesh:
    """Two to four solids that hold together: a drill, a spray bottle, a toy, a lamp."""
    parts = [box(*rng.uniform(0.03, 0.09, 3))]
    for _ in range(int(rng.integers(1, 4))):
        last = parts[-1].vertices
        at = rng.uniform(last.min(axis=0), last.max(axis=0))
        if rng.random() < 0.5:
            more = box(*rng.uniform(0.015, 0.1, 3)).moved(
                turn(2, rng.uniform(0, np.pi)) @ turn(0, rng.choice([0, np.pi / 2])), at
            )
        else:
            way = rng.standard_normal(3)
            way *= rng.uniform(0.03, 0.12) / np.linalg.norm(way)
            more = tube(np.stack([at, at + way]), rng.uniform(0.008, 0.03), 10)
        parts.append(more)
    return grounded(union(*parts))


def tray(rng: np.random.Generator) -> Mesh:
    """An open box, deep or flat."""
    return open_box(rng.uniform(0.08, 0.28), rng.uniform(0.08, 0.22), rng.uniform(0.025, 0.14), rng.uniform(0.002, 0.008))


def slab(rng: np.random.Generator) -> Mesh:
    """A flat outline of any form: a phone, a bar of soap, a biscuit, a toy figure."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
    radius = rng.uniform(0.02, 0.07) * rng.uniform(0.5, 1.0, len(angles))
    outline = np.stack([np.cos(angles), np.sin(angles) * rng.uniform(0.4, 1.0)], axis=1) * radius[:, None]
    return grounded(plate(outline, rng.uniform(0.008, 0.05)))


MAKERS: Makers = (
    (carton, 2.5),
    (book, 0.8),
    (can, 1.5),
    (bottle, 1.2),
    (bowl, 1.3),
    (glass, 0.7),
    (mug, 1.5),
    (pan, 0.4),
    (fruit, 1.0),
    (rod, 0.9),
    (tool, 0.8),
    (gadget, 1.3),
    (tray, 0.8),
    (slab, 0.6),
)
HOLLOW = (bowl, mug, glass, tray, pan)


def thing(rng: np.random.Generator, makers: Makers = MAKERS) -> tuple[Maker, Mesh]:
    """Any of them, turned about z."""
    weights = np.array([weight for _, weight in makers])
    maker = makers[int(rng.choice(len(makers), p=weights / weights.sum()))][0]
    return maker, maker(rng).moved(turn(2, rng.uniform(0, 2 * np.pi)))
