"""Where names stand in a picture, so that none covers another, nor what is named, as far as there is room.

Lengths are pixels or any other unit. A box is (2, 2), its low and its high corner; y may grow upwards or downwards.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from fail2progress.core.scene import Array

_ON_THINGS, _ON_NAMES = 8.0, 1000.0
"""What it is worth not to cover all of a thing, or anything of another name, in lines by which a name is moved."""
_TOUCHING = 1e-6
"""Of a length: what is no more than this is the rounding of numbers."""
_STEPS = np.array(list(itertools.product(range(-4, 5), range(-20, 21))), float) / 2
"""Widths and heights of a name by which it may be moved."""


def placed(sizes: Array, wanted: Array, room: Array, things: Sequence[Array] = (), taken: Sequence[Array] = ()) -> Array:
    """(n, 2) middles of names, each as near to where it is wanted as it can be; the first ones choose first.

    Args:
        sizes: (n, 2) width and height of each.
        wanted: (n, 2) their middles if nothing is in the way.
        room: the box that they stay in.
        things: boxes that they should leave free.
        taken: boxes of other texts, which they must not cover.
    """
    found, texts = np.empty((len(sizes), 2)), list(taken)
    for row, (size, at) in enumerate(zip(np.asarray(sizes, float), np.asarray(wanted, float), strict=True)):
        options = np.clip(at + _STEPS * size, room[0] + size / 2, np.maximum(room[1] - size / 2, room[0] + size / 2))
        cost = np.linalg.norm((options - at) / size[1], axis=1)
        boxes = np.stack([options - size / 2, options + size / 2], axis=1)
        for thing in things:
            cost += _ON_THINGS * _covered(boxes, thing)
        for text in texts:
            share = _covered(boxes, text)
            cost += _ON_NAMES * (share + (share > 0.0))
        found[row] = options[cost.argmin()]
        texts.append(boxes[cost.argmin()])
    return found


def leader(name: Array, row: int, things: Sequence[Array]) -> Array | None:
    """(2, 2) both ends of a line from a name's box to the middle of the thing that it names, things[row]; None where that is
    within a line of the name, and no other thing nearer."""
    away = [_gap(name, thing) for thing in things]
    own, middle = away[row], things[row].mean(axis=0)
    if own <= min(float(name[1, 1] - name[0, 1]), min(away[:row] + away[row + 1 :], default=np.inf)):
        return None
    return np.array([np.clip(middle, name[0], name[1]), middle])


def _covered(boxes: Array, other: Array) -> Array:
    """(k,) area that (k, 2, 2) boxes have in common with another, as a share of the smaller of the two."""
    common = np.minimum(boxes[:, 1], other[1]) - np.maximum(boxes[:, 0], other[0])
    common = np.where(common > _TOUCHING, common, 0.0).prod(axis=1)
    smaller = np.minimum((boxes[:, 1] - boxes[:, 0]).prod(axis=1), (other[1] - other[0]).prod())
    return np.asarray(common / np.maximum(smaller, 1e-9))


def _gap(one: Array, other: Array) -> float:
    """Between two boxes; 0 where they touch."""
    return float(np.linalg.norm(np.maximum(np.maximum(one[0] - other[1], other[0] - one[1]), 0.0)))
