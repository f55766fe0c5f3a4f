"""Scenes to train on: those of the studies with more kinds of things, heaps on tables, vessels full of things, things of one kind
side by side; and about them what is no object."""

from __future__ import annotations

import numpy as np

from fail2progress.learning.segmentation.bystanders import surround
from fail2progress.learning.segmentation.drapes import cloth
from fail2progress.learning.segmentation.limbed import ALL, VESSELS
from fail2progress.learning.segmentation.meshes import box, lathe, open_box
from fail2progress.learning.segmentation.piles import Pile, profile
from fail2progress.learning.segmentation.scenery import (
    BACKGROUND,
    FIRST,
    KINDS,
    SUPPORT,
    Scenery,
    arrange,
    finish,
    heap,
    scenery_of,
    square,
    tabletop,
    tote,
)
from fail2progress.learning.segmentation.things import book, can, carton, slab, thing, turn

_SHARES = (0.28, 0.13, 0.06, 0.05, 0.09, 0.08, 0.09, 0.06, 0.06, 0.06, 0.04)
"""Of tables, totes, shelves and floors, of heaps on tables, of vessels, of things of one kind in rows, of cupboards, of full
packages, of totes with one kind of part, and of cloths."""
_FROM_ABOVE = (1, 6, 8, 9)
"""Of these, what is meant to be seen from above: totes, rows, full packages, parts."""
_PARTS = 9
"""Totes with one kind of part, in _SHARES."""
_MOST_PARTS = 50
_ALIKE = 0.7
"""Share of rows of the same thing in which all look the same."""
_LOW, _GAZE = 0.12, (0.04, 0.4)
"""Share of scenes with a camera hardly above the support, and its elevation there (rad)."""
_CLEAR = 0.08
"""Share of scenes in which every second thing, about, is of glass."""
_PACKED = (carton, book, slab, can)
"""What is packed side by side more often than other things."""


def scenery(rng: np.random.Generator) -> Scenery:
    """A scene of any kind; most are crowded."""
    number = int(rng.choice(len(_SHARES), p=_SHARES))
    if number < len(KINDS):
        found = scenery_of(KINDS[number], rng, 0.75, ALL)
    else:
        found = (_heaped, _filled, _in_rows, _cupboard, _full, _of_parts, _draped)[number - len(KINDS)](rng)
    in_tote = number in (KINDS.index("tote"), _PARTS)
    if number not in _FROM_ABOVE and rng.random() < _LOW:
        found.elevation = _GAZE
    surround(found, in_tote, rng)
    if rng.random() < _CLEAR:
        chosen = rng.random(len(found.labels)) < rng.uniform(0.2, 0.8)
        found.clear = frozenset(i for i, label in enumerate(found.labels) if label >= FIRST and chosen[i])
    return found


def _heaped(rng: np.random.Generator) -> Scenery:
    """A heap on a table, as when a tote is emptied, and now and then some things beside it."""
    found, top = tabletop(rng)
    pile = Pile(top.ground())
    half = np.minimum(rng.uniform(0.05, 0.2, 2), top.sides / 2 - 0.05)
    heap(pile, rng.uniform(-0.05, 0.05, 2), half, int(rng.integers(4, 22)), "in a heap", rng, ALL)
    arrange(pile, top.reach, int(rng.integers(0, 5)), rng, ALL)
    finish(found, pile, rng)
    return found


def _filled(rng: np.random.Generator) -> Scenery:
    """Crates, boxes or large bowls on a table, with things in them and beside them."""
    found, top = tabletop(rng)
    pile = Pile(top.ground())
    for _ in range(int(rng.integers(1, 4))):
        vessel = VESSELS[int(rng.integers(len(VESSELS)))](rng)
        turned = vessel.moved(turn(2, rng.uniform(0, 2 * np.pi)))
        if pile.add(turned, rng.uniform(-top.reach, top.reach, 2) * 0.7, "apart", level=0.0):
            half = np.full(2, 0.3 * float(np.ptp(vessel.vertices[:, :2], axis=0).min()))
            heap(pile, pile.places[-1], half, int(rng.integers(0, 9)), "inside", rng, ALL)
    arrange(pile, top.reach, int(rng.integers(0, 7)), rng, ALL)
    finish(found, pile, rng)
    return found


def _in_rows(rng: np.random.Generator) -> Scenery:
    """Things of one kind, or one thing several times, side by side in rows, often seen from above."""
    found, top = tabletop(rng)
    if rng.random() < 0.6:
        found.elevation = (0.9, 1.55)
    pile = Pile(top.ground())
    packed = rng.random() < 0.7
    maker = _PACKED[int(rng.integers(len(_PACKED)))] if packed else thing(rng, ALL)[0]
    angle, same, one = rng.uniform(0, 2 * np.pi), rng.random() < 0.6, maker(rng)
    for number in range(int(rng.integers(3, 14))):
        mesh = (one if same else maker(rng)).moved(turn(2, angle + (0.0 if packed else rng.uniform(0, 2 * np.pi))))
        if number == 0:
            pile.add(mesh, rng.uniform(-top.reach, top.reach, 2) * 0.5, "apart", level=0.0)
        elif pile.places:
            row = angle + (np.pi / 2 if rng.random() < 0.3 else 0.0)
            pile.beside(mesh, pile.places[-1 if rng.random() < 0.7 else 0], row)
    first = len(found.meshes)
    if same and rng.random() < _ALIKE:
        found.looks = dict.fromkeys(range(first, first + len(pile.meshes)), int(rng.integers(2**31)))
    arrange(pile, top.reach, int(rng.integers(0, 6)), rng, ALL)
    finish(found, pile, rng)
    return found


def _full(rng: np.random.Generator) -> Scenery:
    """A box or a tray full of one product in rows and columns, seen from above; some are taken, and some lie a little higher."""
    found = Scenery(distance=(0.5, 1.3), elevation=(0.9, 1.55), spread=0.08)
    sides, high = rng.uniform((0.03, 0.03), (0.14, 0.12)), rng.uniform(0.03, 0.15)
    counts = np.minimum(rng.integers(2, 9, 2), np.maximum(0.6 / sides, 2)).astype(int)
    gap, wall, deep = rng.uniform(0.0, 0.006), rng.uniform(0.003, 0.015), high * rng.uniform(0.2, 1.6)
    pitch = sides + gap
    around = counts * pitch + 0.01 + 2 * wall
    found.add(SUPPORT, open_box(around[0], around[1], deep + wall, wall).shifted(0, 0, -wall))
    found.add(BACKGROUND, box(8, 8, 0.1).shifted(0, 0, -0.1 - wall - rng.choice([0.0, rng.uniform(0.0, 0.8)])))
    round_one = rng.random() < 0.35
    one = (
        lathe(np.array([[0, 0], [0.5, 0], [0.5, 1.0], [0, 1.0]])).moved(np.diag([*sides, high]))
        if round_one
        else box(sides[0], sides[1], high)
    )
    left, look, alike = rng.uniform(0.5, 1.0), int(rng.integers(2**31)), rng.random() < _ALIKE
    loose = rng.choice([0.0, rng.uniform(0.0, 0.12)])  # radians by which each may be turned and tipped
    whole = Pile(square(around))
    for row, column in np.ndindex(*counts):
        at = (np.array([row, column]) - (counts - 1) / 2) * pitch
        if rng.random() < left:
            askew = turn(2, loose * rng.normal()) @ turn(int(rng.integers(2)), 0.5 * loose * rng.normal())
            whole.meshes.append(one.moved(askew, (*at, rng.choice([0.0, rng.uniform(0.0, 0.01)]))))
            whole.places.append(at)
            whole.ways.append("in rows")
    if alike:
        found.looks = dict.fromkeys(range(len(found.meshes), len(found.meshes) + len(whole.meshes)), look)
    finish(found, whole, rng)
    return found


def _of_parts(rng: np.random.Generator) -> Scenery:
    """A tote with many of one part, any way up, most of them alike, as they come from a machine or a supplier."""
    one = thing(rng, ALL)[1]
    size = rng.uniform(0.02, 0.12) / float(np.ptp(one.vertices, axis=0).max())
    part = one.moved(np.eye(3) * size)
    found = tote(rng, ((lambda _: part, 1.0),), _MOST_PARTS)
    if rng.random() < _ALIKE:
        look = int(rng.integers(2**31))
        found.looks = {i: look for i, label in enumerate(found.labels) if label >= FIRST}
    return found


def _draped(rng: np.random.Generator) -> Scenery:
    """A table with a cloth on it, and things on the cloth and beside it."""
    found, top = tabletop(rng)
    sides = rng.uniform(0.2, 0.95, 2) * top.sides
    spread = cloth(sides, rng).moved(turn(2, rng.uniform(0, 2 * np.pi)))
    found.add(SUPPORT, spread)
    pile = Pile(top.ground())
    shape = profile(spread)
    pile.ground.put(shape, 0.0, 0.0, 0.0)
    heap(pile, np.zeros(2), np.full(2, top.reach), int(rng.integers(0, 12)), "apart", rng, ALL)
    arrange(pile, top.reach, int(rng.integers(0, 6)), rng, ALL)
    finish(found, pile, rng)
    return found


def _cupboard(rng: np.random.Generator) -> Scenery:
    """Boards over one another between walls, things on most of them; now and then with a door that stands open."""
    wide, deep, gap = rng.uniform(0.35, 1.0), rng.uniform(0.25, 0.55), rng.uniform(0.16, 0.4)
    count = int(rng.integers(2, 5))
    found = Scenery(distance=(0.45, 1.3), elevation=(-0.1, 0.6), azimuth=(-0.6, 0.6), spread=0.1)
    levels = gap * (np.arange(count + 1) - int(rng.integers(0, count)))
    thick, high = rng.uniform(0.006, 0.025), float(np.ptp(levels))
    found.add(SUPPORT, *(box(deep, wide, thick).shifted(0, 0, z - thick) for z in levels[:-1]))
    found.add(BACKGROUND, box(deep, wide, thick).shifted(0, 0, levels[-1]))
    walls = [box(deep, thick, high).shifted(0, side * wide / 2, levels[0]) for side in (-1, 1)]
    found.add(BACKGROUND, box(thick, wide, high).shifted(-deep / 2, 0, levels[0]), *walls)
    if rng.random() < 0.3:
        hinge = (deep / 2, rng.choice([-1, 1]) * wide / 2, levels[0])
        found.add(BACKGROUND, box(wide, thick, high).shifted(wide / 2, 0, 0).moved(turn(2, rng.uniform(-0.6, 0.6)), hinge))
    whole = Pile(square(np.array([deep, wide])))
    for z in levels[:-1]:
        pile = Pile(square(np.array([deep, wide]) - 0.03))
        arrange(pile, min(0.3, wide / 2), int(rng.integers(0, 8)), rng, ALL)
        fits = [i for i, mesh in enumerate(pile.meshes) if mesh.vertices[:, 2].max() < gap - thick]
        whole.take(pile, fits, z)
    finish(found, whole, rng)
    return found
