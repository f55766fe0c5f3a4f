"""From what the network says of pixels to numbered things: pixels that point to the same place are of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
_T = TypeVar("_T", bound=np.generic)


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
    """Those of things: places (n, d), weights (n,) and seeds (n,)."""

    places: Floats
    weights: Floats
    seeds: Floats

    def distances(self, place: Floats, weight: float) -> Floats:
        """(n,) weighted squares; below 1 for what is of the thing."""
        return np.asarray(np.exp(np.clip(weight, -6, 8)) * np.square(self.places - place).sum(axis=1), np.float32)


def instances(seen: Seen, rules: VoteRules) -> NDArray[np.int64]:
    """(h, w) numbers of things from 1, 0 for none."""
    mask = seen.thing > rules.thing
    numbers = np.zeros(mask.shape, np.int64)
    if not mask.any():
        return numbers
    pixels = _Pixels(np.ascontiguousarray(seen.places[:, mask].T), seen.weights[mask], seen.seeds[mask])
    things = _things(pixels, rules)
    if not things:
        numbers[mask] = ndimage.label(mask)[0][mask]
        return numbers
    distances = np.stack([pixels.distances(*thing) for thing in things])
    numbers[mask] = distances.argmin(axis=0) + 1
    return _counted(numbers, rules.pixels)


def _things(pixels: _Pixels, rules: VoteRules) -> list[tuple[Floats, float]]:
    """Place and weight of each, the surest first."""
    left = pixels.seeds.copy()
    free = np.ones(len(left), bool)
    found: list[tuple[Floats, float]] = []
    while left.max() > rules.seed:
        first = int(left.argmax())
        place, weight = pixels.places[first], float(pixels.weights[first])
        own = pixels.distances(place, weight) < 1
        for _ in range(rules.rounds):
            if not own.any():
                break
            place, weight = pixels.places[own].mean(axis=0), float(pixels.weights[own].mean())
            own = pixels.distances(place, weight) < 1
        fresh = own & free
        left[own] = 0
        left[first] = 0
        if fresh.sum() >= max(rules.pixels, rules.new * own.sum()):
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
