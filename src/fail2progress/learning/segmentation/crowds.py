"""Scenes to train on: those of the studies with more kinds of things, heaps on tables, vessels full of things, things of one kind
side by side; and about them what is no object."""

from __future__ import annotations

import numpy as np

from fail2progress.learning.segmentation.bystanders import surround
from fail2progress.learning.segmentation.limbed import ALL, VESSELS
from fail2progress.learning.segmentation.piles import Pile
from fail2progress.learning.segmentation.scenery import KINDS, Scenery, arrange, finish, heap, scenery_of, square, tabletop
from fail2progress.learning.segmentation.things import book, can, carton, slab, thing, turn

_SHARES = (0.34, 0.18, 0.1, 0.06, 0.11, 0.1, 0.11)
"""Of tables, totes, shelves and floors, of heaps on tables, of vessels, and of things of one kind in rows."""
_PACKED = (carton, book, slab, can)
"""What is packed side by side more often than other things."""


def scenery(rng: np.random.Generator) -> Scenery:
    """A scene of any kind; most are crowded."""
    number = int(rng.choice(len(_SHARES), p=_SHARES))
    if number < len(KINDS):
        found = scenery_of(KINDS[number], rng, 0.75, ALL)
    else:
        found = (_heaped, _filled, _in_rows)[number - len(KINDS)](rng)
    surround(found, number == KINDS.index("tote"), rng)
    return found


def _heaped(rng: np.random.Generator) -> Scenery:
    """A heap on a table, as when a tote is emptied, and now and then some things beside it."""
    found, sides, reach = tabletop(rng)
    pile = Pile(square(sides))
    half = np.minimum(rng.uniform(0.05, 0.2, 2), sides / 2 - 0.05)
    heap(pile, rng.uniform(-0.05, 0.05, 2), half, int(rng.integers(4, 22)), "in a heap", rng, ALL)
    arrange(pile, reach, int(rng.integers(0, 5)), rng, ALL)
    finish(found, pile, rng)
    return found


def _filled(rng: np.random.Generator) -> Scenery:
    """Crates, boxes or large bowls on a table, with things in them and beside them."""
    found, sides, reach = tabletop(rng)
    pile = Pile(square(sides))
    for _ in range(int(rng.integers(1, 4))):
        vessel = VESSELS[int(rng.integers(len(VESSELS)))](rng)
        turned = vessel.moved(turn(2, rng.uniform(0, 2 * np.pi)))
        if pile.add(turned, rng.uniform(-reach, reach, 2) * 0.7, "apart", level=0.0):
            half = np.full(2, 0.3 * float(np.ptp(vessel.vertices[:, :2], axis=0).min()))
            heap(pile, pile.places[-1], half, int(rng.integers(0, 9)), "inside", rng, ALL)
    arrange(pile, reach, int(rng.integers(0, 7)), rng, ALL)
    finish(found, pile, rng)
    return found


def _in_rows(rng: np.random.Generator) -> Scenery:
    """Things of one kind, or one thing several times, side by side in rows, often seen from above."""
    found, sides, reach = tabletop(rng)
    if rng.random() < 0.6:
        found.elevation = (0.9, 1.55)
    pile = Pile(square(sides))
    packed = rng.random() < 0.7
    maker = _PACKED[int(rng.integers(len(_PACKED)))] if packed else thing(rng, ALL)[0]
    angle, same, one = rng.uniform(0, 2 * np.pi), rng.random() < 0.6, maker(rng)
    for number in range(int(rng.integers(3, 14))):
        mesh = (one if same else maker(rng)).moved(turn(2, angle + (0.0 if packed else rng.uniform(0, 2 * np.pi))))
        if number == 0:
            pile.add(mesh, rng.uniform(-reach, reach, 2) * 0.5, "apart", level=0.0)
        elif pile.places:
            row = angle + (np.pi / 2 if rng.random() < 0.3 else 0.0)
            pile.beside(mesh, pile.places[-1 if rng.random() < 0.7 else 0], row)
    arrange(pile, reach, int(rng.integers(0, 6)), rng, ALL)
    finish(found, pile, rng)
    return found
