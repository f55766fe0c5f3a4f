"""Where things stand in training scenes: tables, totes, shelves and floors, with walls, furniture, arms and people around."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, tube, union
from fail2progress.learning.segmentation.piles import CELL, Ground, Pile, profile
from fail2progress.learning.segmentation.things import HOLLOW, MAKERS, Makers, thing, turn

_UP = np.array([0.0, 0.0, 1.0])
BACKGROUND, SUPPORT, FIRST = 0, 1, 2
"""Labels: what is neither, what things stand on or in, and the first thing."""
KINDS = ("table", "tote", "shelf", "floor")
"""Of scenes."""


@dataclass
class Scenery:
    """Meshes with their labels in a frame with z up, whose origin is the middle of the support; and where a camera may be.

    distance: range in m; elevation: range in rad above the horizon; azimuth: range in rad.
    """

    meshes: list[Mesh] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    distance: tuple[float, float] = (0.5, 1.3)
    elevation: tuple[float, float] = (0.35, 1.45)
    azimuth: tuple[float, float] = (-np.pi, np.pi)
    spread: float = 0.12
    ways: list[str] = field(default_factory=list)
    """How each thing was put there: apart, touching, stacked, inside, in a heap. Inside is what was let down over something
    hollow: what is too large for that lies across its rim."""
    places: list[Array] = field(default_factory=list)
    """(2,) m of each thing's own axis."""
    looks: dict[int, int] = field(default_factory=dict)
    """Of meshes by their place in the list: those with the same number have the same colours and prints."""
    clear: frozenset[int] = frozenset()
    """Meshes, by their place in the list, that let light through."""

    def add(self, label: int, *meshes: Mesh) -> None:
        """More of them."""
        self.meshes += meshes
        self.labels += [label] * len(meshes)


def scenery_of(kind: str, rng: np.random.Generator, crowded: float = 0.5, makers: Makers = MAKERS) -> Scenery:
    """A scene of one of KINDS; crowded: share of tables that are; makers: of its things."""
    if kind == "table":
        return _table(rng, crowded, makers)
    return (tote, _shelf, _floor)[KINDS.index(kind) - 1](rng, makers)


def _table(rng: np.random.Generator, crowding: float, makers: Makers) -> Scenery:
    found, top = tabletop(rng)
    pile = Pile(top.ground(1.0 if rng.random() < 0.9 else 0.9))
    crowded = rng.random() < crowding
    arrange(
        pile,
        top.reach * (rng.uniform(0.3, 1.0) if crowded else 1.0),
        int(rng.integers(6, 25) if crowded else rng.integers(1, 13)),
        rng,
        makers,
    )
    finish(found, pile, rng)
    return found


@dataclass(frozen=True)
class Top:
    """Of a table: sides (2,) m; of a round one the first is its diameter, and things stand within the second as well."""

    sides: Array
    round: bool

    @property
    def reach(self) -> float:
        """Metres from its middle, each way, up to which things stand apart."""
        return min(0.3, float(self.sides.min()) / 2 - 0.04)

    def ground(self, share: float = 1.0) -> Ground:
        """What things stand on, up to a share of the way to its edge."""
        found = square(self.sides * share)
        if self.round:
            found.heights[np.hypot(*np.meshgrid(found.middles, found.middles)) > self.sides[0] / 2 * share] = -np.inf
        return found


def tabletop(rng: np.random.Generator) -> tuple[Scenery, Top]:
    """A table in a room, and its top."""
    found = Scenery()
    sides = rng.uniform(0.45, 1.6, 2)
    thick, high = rng.uniform(0.015, 0.08), rng.uniform(0.35, 0.9)
    square_one = rng.random() < 0.85
    top = (
        box(sides[0], sides[1], thick)
        if square_one
        else lathe(np.array([[0, 0], [sides[0] / 2, 0], [sides[0] / 2, thick], [0, thick]]), 40)
    )
    found.add(SUPPORT, top.shifted(0, 0, -thick))
    found.add(BACKGROUND, box(12, 12, 0.1).shifted(0, 0, -high - 0.1))
    _room(found, sides, high, rng)
    return found, Top(sides, not square_one)


def square(sides: Array) -> Ground:
    """Level ground with sides (2,) m, and nothing beyond."""
    ground = Ground()
    at = np.abs(ground.middles)
    outside = (at[:, None] > sides[0] / 2) | (at[None] > sides[1] / 2)
    ground.heights[outside] = -np.inf
    return ground


def arrange(pile: Pile, reach: float, count: int, rng: np.random.Generator, makers: Makers) -> None:
    """Things apart, touching, upon one another and in one another."""
    hollow: list[Array] = []
    for _ in range(count):
        maker, mesh = thing(rng, makers)
        how, shape = rng.random(), profile(mesh)
        for _ in range(6):
            done = False
            if how < 0.3 and pile.places:
                done = pile.beside(mesh, pile.places[int(rng.integers(len(pile.places)))], rng.uniform(0, 2 * np.pi), shape)
            elif how < 0.45 and pile.places:
                on = pile.places[int(rng.integers(len(pile.places)))] + rng.normal(0, 0.01, 2)
                done = pile.add(mesh, on, "stacked", shape=shape)
            elif how < 0.6 and hollow:
                # Leaning in a cup or a box, as pens and spoons do, or lying there.
                leaning = mesh.moved(turn(int(rng.integers(2)), rng.uniform(0, 1.4))) if rng.random() < 0.5 else mesh
                done = pile.add(leaning, hollow[int(rng.integers(len(hollow)))] + rng.normal(0, 0.008, 2), "inside", False)
            else:
                done = pile.add(mesh, rng.uniform(-reach, reach, 2), "apart", level=0.0, shape=shape)
            if done:
                break
        if done and maker in HOLLOW:
            hollow.append(pile.places[-1])


def tote(rng: np.random.Generator, makers: Makers, most: int = 21) -> Scenery:
    """A tote seen from above with a heap of up to `most` things in it, on a floor or high over one; some have others beside."""
    found = Scenery(distance=(0.55, 1.2), elevation=(0.9, 1.55), spread=0.06)
    sides, wall, deep = rng.uniform((0.25, 0.22), (0.6, 0.42)), rng.uniform(0.004, 0.02), rng.uniform(0.06, 0.3)
    flare = rng.uniform(0.0, 0.12)
    rims = []
    for axis in (0, 1):
        across, along = sides[axis], sides[1 - axis]
        for side in (-1, 1):
            panel = box(wall, along + 2 * flare * deep, deep).moved(turn(1, flare), (across / 2, 0, 0))
            rims.append(panel.moved(turn(2, (np.pi / 2 if axis else 0.0) + (np.pi if side < 0 else 0.0))))
    found.add(SUPPORT, union(box(sides[0] + 0.01, sides[1] + 0.01, wall).shifted(0, 0, -wall), *rims))
    found.add(BACKGROUND, box(8, 8, 0.1).shifted(0, 0, -0.1 - wall - rng.choice([0.0, rng.uniform(0.0, 0.8)])))
    if rng.random() < 0.4:
        _beyond(found, sides + 0.1, -wall, rng)
    pile = Pile(square(sides - 0.02))
    heap(pile, np.zeros(2), 0.42 * sides, int(rng.integers(1, most + 1)), "in a heap", rng, makers)
    finish(found, pile, rng)
    return found


def heap(pile: Pile, middle: Array, half: Array, count: int, way: str, rng: np.random.Generator, makers: Makers) -> None:
    """Things in any position, let down over a rectangle about a middle (2,) m with half sides (2,) m."""
    for _ in range(count):
        mesh = thing(rng, makers)[1]
        if rng.random() < 0.6:
            mesh = mesh.moved(turn(0, rng.uniform(-np.pi, np.pi)) @ turn(1, rng.uniform(-1, 1)))
        shape = profile(mesh)
        for _ in range(3):
            if pile.add(mesh, middle + rng.uniform(-half, half), way, False, shape=shape):
                break


def _shelf(rng: np.random.Generator, makers: Makers) -> Scenery:
    found = Scenery(distance=(0.5, 1.1), elevation=(0.1, 0.7), azimuth=(-0.6, 0.6), spread=0.1)
    wide, deep, gap = rng.uniform(0.5, 1.0), rng.uniform(0.22, 0.4), rng.uniform(0.22, 0.45)
    thick = 0.02
    boards = [box(deep, wide, thick).shifted(0, 0, z - thick) for z in (-gap, 0.0, gap)]
    sides = [box(deep, 0.02, 3 * gap).shifted(0, s * wide / 2, -1.5 * gap) for s in (-1, 1)]
    found.add(SUPPORT, boards[1])
    found.add(SUPPORT if rng.random() < 0.5 else BACKGROUND, boards[0])
    found.add(BACKGROUND, boards[2], *sides)
    found.add(BACKGROUND, box(0.02, wide if rng.random() < 0.7 else 4.0, 3 * gap).shifted(-deep / 2, 0, -1.5 * gap))
    pile = Pile(square(np.array([deep - 0.03, wide - 0.04])), ceiling=gap - thick)
    arrange(pile, 0.3, int(rng.integers(1, 9)), rng, makers)
    finish(found, pile, rng)
    return found


def _floor(rng: np.random.Generator, makers: Makers) -> Scenery:
    found = Scenery(distance=(0.5, 1.8))
    found.add(SUPPORT, box(12, 12, 0.1).shifted(0, 0, -0.1))
    _room(found, np.array([1.2, 1.2]), 0.0, rng)
    pile = Pile(Ground())
    arrange(pile, 0.35, int(rng.integers(1, 12)), rng, makers)
    finish(found, pile, rng)
    return found


def _room(found: Scenery, sides: Array, high: float, rng: np.random.Generator) -> None:
    """Walls, and things behind the support, whose sides (2,) m and height (m) over the floor are given."""
    for angle in rng.permutation(np.arange(4) * np.pi / 2)[: int(rng.integers(0, 3))]:
        reach = float(sides.max()) / 2 + rng.choice([0.005, rng.uniform(0.0, 1.5)])
        found.add(BACKGROUND, box(0.1, 10, 3).moved(turn(2, angle), (*(reach * np.array([np.cos(angle), np.sin(angle)])), -high)))
    for _ in range(int(rng.integers(0, 6))):
        _beyond(found, sides, -high if rng.random() < 0.6 else rng.uniform(-0.2, 0.0), rng)


def _beyond(found: Scenery, sides: Array, bottom: float, rng: np.random.Generator) -> None:
    """A piece of furniture or a bin outside a rectangle with sides (2,) m."""
    size = rng.uniform(0.1, 0.7, 3)
    angle = rng.uniform(0, 2 * np.pi)
    way = np.array([np.cos(angle), np.sin(angle)])
    reach = float(np.min(sides / 2 / np.maximum(np.abs(way), 1e-3))) + size[:2].max() * 0.75 + rng.uniform(0, 0.5)
    body = box(*size) if rng.random() < 0.7 else lathe(np.array([[0, 0], [size[0] / 2, 0], [size[0] / 2, size[2]], [0, size[2]]]))
    found.add(BACKGROUND, body.moved(turn(2, rng.uniform(0, np.pi)), (*(reach * way), bottom)))


def finish(found: Scenery, pile: Pile, rng: np.random.Generator) -> None:
    """The things, and what reaches in from outside."""
    found.ways, found.places = pile.ways, pile.places
    for i, mesh in enumerate(pile.meshes):
        found.add(FIRST + i, mesh)
    for _ in range(int(rng.choice(3, p=(0.6, 0.22, 0.18)))):
        found.add(BACKGROUND, _arm(pile, rng))


def _arm(pile: Pile, rng: np.random.Generator) -> Mesh:
    """Links from far away to a hand over or beside the things."""
    tip = np.array([*rng.uniform(-0.3, 0.3, 2), 0.0])
    half = len(pile.ground.heights) // 2
    row, column = np.round(tip[:2] / CELL).astype(int) + half
    near = pile.ground.heights[max(row - 12, 0) : row + 12, max(column - 12, 0) : column + 12]
    tip[2] = max(float(near.max()), 0.0) + rng.uniform(0.02, 0.3)
    angle = rng.uniform(0, 2 * np.pi)
    root = np.array([np.cos(angle) * rng.uniform(0.7, 1.2), np.sin(angle) * rng.uniform(0.7, 1.2), rng.uniform(0.05, 0.9)])
    joints = np.linspace(root, tip, int(rng.integers(3, 6)))
    joints[1:-1] += rng.normal(0, 0.08, joints[1:-1].shape) + rng.uniform(0, 0.2) * _UP
    joints[:, 2] = np.maximum(joints[:, 2], tip[2])
    thick = rng.uniform(0.02, 0.06)
    links = [tube(np.stack(pair), thick * rng.uniform(0.7, 1.2), 12) for pair in pairwise(joints)]
    knuckles = [tube(np.stack([at - thick * _UP, at + thick * _UP]), thick * 1.3, 12) for at in joints[1:-1]]
    spread, way = rng.uniform(0.015, 0.06), rng.uniform(0, np.pi)
    sideways = np.array([np.cos(way), np.sin(way), 0.0])
    fingers = [box(0.02, 0.02, 0.07).shifted(*(tip + s * spread * sideways - 0.02 * _UP)) for s in (-1, 1)]
    hand = [box(0.05 + 2 * spread, 0.05, 0.04).moved(turn(2, way)).shifted(*(tip + 0.04 * _UP))]
    return union(*links, *knuckles, *(fingers + hand if rng.random() < 0.7 else []))
