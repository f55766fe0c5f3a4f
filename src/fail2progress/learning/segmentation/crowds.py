"""Scenes to train on: those of the studies with more kinds of things, heaps on tables, and vessels full of things."""

from __future__ import annotations

import numpy as np

from fail2progress.learning.segmentation.limbed import ALL, VESSELS
from fail2progress.learning.segmentation.piles import Pile
from fail2progress.learning.segmentation.scenery import KINDS, Scenery, arrange, finish, heap, scenery_of, square, tabletop
from fail2progress.learning.segmentation.things import turn

_SHARES = (0.36, 0.2, 0.1, 0.08, 0.13, 0.13)
"""Of tables, totes, shelves and floors, of heaps on tables, and of vessels."""


def scenery(rng: np.random.Generator) -> Scenery:
    """A scene of any kind; most are crowded."""
    number = int(rng.choice(len(_SHARES), p=_SHARES))
    if number < len(KINDS):
        return scenery_of(KINDS[number], rng, 0.75, ALL)
    return (_heaped, _filled)[number - len(KINDS)](rng)


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
