"""From what the network says of pixels to numbered things: pixels that point to the same place are of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
_T = TypeVar("_T", bound=np.generic)
_AT_EDGE = 1.001
"""Of the distance of what is of a thing, which is below 1, in one of several directions; rounded differently."""


@dataclass(frozen=True)
class Seen:
    """What the network makes of an image, (h, w) at its own resolution: probabilities of a thing and of a support, places
    (d, h, w) that pixels point to, logarithms of what a squared distance of places counts, and how surely each points to the
    middle of its thing, in [0, 1]."""

    thing: Floats
    support: Floats
    places: Floats
    weights: Floats
    seeds: Floats


@dataclass(frozen=True)
class VoteRules:
    """How pixels become things."""

    thing: float = 0.5
    """Probability from which a pixel is of a thing."""
    seed: float = 0.35
    """Sureness of a pixel, from which a thing may begin at it."""
    new: float = 0.5
    """Share of a thing's pixels that no other has, at least."""
    pixels: int = 12
    """Of the smallest thing."""
    rounds: int = 3
    """Times that a thing's place is made the mean of its pixels'."""


@dataclass(frozen=True)
class _Pixels:
    """Those of things: places (d, n), weights (n,) and seeds (n,)."""

    places: Floats
    weights: Floats
    seeds: Floats

    def distances(self, place: Floats, weight: float) -> Floats:
        """(n,) weighted squares; below 1 for what is of the thing."""
        return _weighted(weight, _squares(self.places, place))

    def near(self, place: Floats, weight: float) -> NDArray[np.int64]:
        """(m,) those whose distance is below 1. Most are too far in the first direction alone, and no other is looked at."""
        first = np.square(self.places[0] - place[0])
        few = np.flatnonzero(first * _scale(weight) < _AT_EDGE)
        return few[_weighted(weight, _squares(self.places[:, few], place)) < 1]

    def middle(self, own: NDArray[np.int64]) -> tuple[Floats, float]:
        """Mean place (d,) and weight of some, m of them."""
        return np.asarray(np.ascontiguousarray(self.places[:, own].T).mean(axis=0)), float(self.weights[own].mean())


def _scale(weight: float) -> float:
    return float(np.exp(np.clip(weight, -6, 8)))


def _weighted(weight: float, squares: Floats) -> Floats:
    return np.asarray(_scale(weight) * squares.astype(np.float64), np.float32)


def _squares(places: Floats, place: Floats) -> Floats:
    """(n,) squared distances of places (d, n) from one, summed in pairs."""
    parts = [np.square(own - one) for own, one in zip(places, place, strict=True)]
    while len(parts) > 1:
        parts = [sum(parts[i + 1 : i + 2], parts[i]) for i in range(0, len(parts), 2)]
    return np.asarray(parts[0])


def instances(seen: Seen, rules: VoteRules) -> NDArray[np.int64]:
    """(h, w) numbers of things from 1, 0 for none."""
    mask = seen.thing > rules.thing
    numbers = np.zeros(mask.shape, np.int64)
    if not mask.any():
        return numbers
    pixels = _Pixels(seen.places[:, mask], seen.weights[mask], seen.seeds[mask])
    things = _things(pixels, rules)
    numbers[mask] = _nearest(pixels, things) if things else ndimage.label(mask)[0][mask]
    return _counted(numbers, rules.pixels) if things else numbers


def _nearest(pixels: _Pixels, things: list[tuple[Floats, float]]) -> NDArray[np.int64]:
    """(n,) number of the thing that each pixel is nearest to, from 1."""
    best = pixels.distances(*things[0])
    nearest = np.ones(len(best), np.int64)
    for number, thing in enumerate(things[1:], 2):
        distances = pixels.distances(*thing)
        nearest[distances < best] = number
        np.minimum(best, distances, out=best)
    return nearest


def _things(pixels: _Pixels, rules: VoteRules) -> list[tuple[Floats, float]]:
    """Place and weight of each, the surest first."""
    left = pixels.seeds.copy()
    free = np.ones(len(left), bool)
    found: list[tuple[Floats, float]] = []
    while left[first := int(left.argmax())] > rules.seed:
        place, weight = pixels.places[:, first], float(pixels.weights[first])
        own = pixels.near(place, weight)
        for _ in range(rules.rounds):
            if not len(own):
                break
            place, weight = pixels.middle(own)
            own = pixels.near(place, weight)
        left[own] = 0
        left[first] = 0
        if free[own].sum() >= max(rules.pixels, rules.new * len(own)):
            found.append((place, weight))
            free[own] = False
    return found


def _counted(numbers: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    """Without the smallest, from 1."""
    sizes = np.bincount(numbers.ravel())
    kept = np.flatnonzero(sizes >= least)
    order = np.zeros(len(sizes), np.int64)
    order[kept[kept > 0]] = np.arange(1, (kept > 0).sum() + 1)
    return np.asarray(order[numbers])


def to_size(image: NDArray[_T], shape: tuple[int, int]) -> NDArray[_T]:
    """The nearest pixel's value, at another size."""
    rows = ((np.arange(shape[0]) + 0.5) * image.shape[0] / shape[0]).astype(np.int64)
    columns = ((np.arange(shape[1]) + 0.5) * image.shape[1] / shape[1]).astype(np.int64)
    return np.asarray(image[np.ix_(rows, columns)])
