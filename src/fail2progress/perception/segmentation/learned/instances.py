"""From what the network says of pixels to numbered things: votes for middles, and the middle nearest to each vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

Floats = NDArray[np.float32]
_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True)
class Seen:
    """What the network makes of an image, (h, w) at its own resolution: probabilities of a thing and of a support, offsets
    (2, h, w) in rows and columns to the middle of the thing, probabilities of a middle, and of a border."""

    thing: Floats
    support: Floats
    offsets: Floats
    middles: Floats
    borders: Floats


@dataclass(frozen=True)
class VoteRules:
    """How votes become things."""

    thing: float = 0.5
    """Probability from which a pixel is of a thing."""
    width: float = 1.2
    """Pixels by which votes are spread."""
    apart: int = 2
    """Pixels around a middle without another one."""
    votes: float = 0.35
    """Votes at a middle, spread, at least: as a share of what six pixels give that agree."""
    middle: float = 0.15
    """Probability of a middle, at least."""
    pixels: int = 4
    """Of the smallest thing."""


def instances(seen: Seen, rules: VoteRules) -> NDArray[np.int64]:
    """(h, w) numbers of things from 1, 0 for none."""
    mask = seen.thing > rules.thing
    numbers = np.zeros(mask.shape, np.int64)
    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        return numbers
    votes = np.stack([rows, columns], axis=1) + seen.offsets[:, mask].T
    centres = _centres(votes, seen, rules)
    if len(centres) == 0:
        numbers[mask] = ndimage.label(mask)[0][mask]
        return numbers
    numbers[mask] = cKDTree(centres).query(votes)[1] + 1
    return _counted(numbers, rules.pixels)


def _centres(votes: NDArray[np.floating], seen: Seen, rules: VoteRules) -> NDArray[np.float64]:
    """(k, 2) rows and columns where many votes fall, or the network sees a middle."""
    height, width = seen.thing.shape
    at = np.clip(np.round(votes), 0, (height - 1, width - 1)).astype(np.int64)
    counts = np.bincount(at[:, 0] * width + at[:, 1], minlength=height * width).reshape(height, width).astype(float)
    spread = ndimage.gaussian_filter(counts, rules.width)
    # Large things have more votes than small ones; beyond some they say no more.
    one = 6 / (2 * np.pi * rules.width**2 + 1)
    score = np.minimum(spread / one, 3.0) / 3 + seen.middles
    size = 2 * rules.apart + 1
    peak = (score == ndimage.maximum_filter(score, size)) & (spread > rules.votes * one) & (score > rules.middle)
    groups, count = ndimage.label(peak, np.ones((3, 3)))
    return np.array(ndimage.center_of_mass(peak, groups, np.arange(1, count + 1))).reshape(-1, 2)


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


def smoothly(image: Floats, shape: tuple[int, int]) -> Floats:
    """Values between pixels, at another size."""
    places = [(np.arange(n) + 0.5) * m / n - 0.5 for n, m in zip(shape, image.shape, strict=True)]
    grid = np.meshgrid(*places, indexing="ij")
    return np.asarray(ndimage.map_coordinates(image, grid, order=1, mode="nearest"), np.float32)
