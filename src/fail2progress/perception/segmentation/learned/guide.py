"""What the network sees, brought to the pixels of the frame, beside what geometry finds there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.perception.pixels import places_of, rows_and_columns
from fail2progress.perception.segmentation.geometric.crosses import grown, shrunk
from fail2progress.perception.segmentation.geometric.guide import Geometry, Guide, Thing
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan, Window
from fail2progress.perception.segmentation.learned.instances import Floats, Seen, VoteRules, instances

Places = NDArray[np.int32]
_WIDE = 0.5
"""Share of a thing's pixels in what is three wide or more, from which the rest of it are threads."""
_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True)
class GuideRules:
    """How far the network is believed."""

    object: float = 0.25
    """Mean probability of a thing, below which what geometry has for an object is none: a wall, an arm."""
    own: float = 0.7
    """The same, of a thing of the network's."""
    overlap: float = 0.3
    """Share of what geometry found that things of the network cover, from which it is not told beside them."""
    scrap: float = 0.2
    """Share of a thing's largest piece, below which another piece of it is left out."""
    pixels: int = 12
    """Of the smallest thing."""
    near: float = 0.006
    """Inverse depth (1 / m) between a pixel and one that it may be like."""
    alike: float = 50.0
    """Steps of colour between them."""


class LearnedGuide(Guide):
    """Of one frame (H, W), of which the network saw a window: things are those of the network; what geometry found beside them is
    kept where it may be a thing."""

    def __init__(self, seen: Seen, window: Window, votes: VoteRules, rules: GuideRules) -> None:
        self.rules, self._seen, self._window = rules, seen, window
        self._numbers = instances(seen, votes)

    def objects(self, geometry: Geometry) -> list[Thing]:
        """See Guide."""
        scan, found = geometry.scan, geometry.objects
        height, width = self._numbers.shape
        places = likest((height, width), scan.seen_in(self._window), self.rules)
        image, likely = in_frame(self._numbers, self._seen.thing, places, scan.inverted.shape, self._window)
        thing = likely.ravel()
        own = self._own(image.ravel(), thing, scan)
        taken = np.zeros(thing.size, bool)
        if own:
            taken[np.concatenate(own)] = True
        beside = (
            pixels for pixels in found if taken[pixels].mean() <= self.rules.overlap and thing[pixels].mean() >= self.rules.object
        )
        rest = (pixels[~taken[pixels]] for pixels in beside)
        return [Thing(pixels) for pixels in [*own, *rest] if len(pixels) >= self.rules.pixels]

    def _own(self, numbers: Numbers, thing: Floats, scan: Scan) -> list[Numbers]:
        """Pixels of each of the network's things that have a reading."""
        numbers = np.where(scan.inverted.ravel() > 0, numbers, 0)
        found = []
        for number in range(1, int(numbers.max(initial=0)) + 1):
            pixels = np.flatnonzero(numbers == number)
            if len(pixels) >= self.rules.pixels and thing[pixels].mean() >= self.rules.own:
                found.append(solid(pixels, scan.inverted.shape, self.rules.scrap))
        return [pixels for pixels in found if len(pixels) >= self.rules.pixels]


def solid(pixels: Numbers, shape: tuple[int, ...], scrap: float) -> Numbers:
    """Pixels of an image (H, W) without threads, and without pieces below a share of the largest. Of what is hardly wider than a
    thread, that is far away or thin, what is two pixels wide stays."""
    if len(pixels) == 0:
        return pixels
    rows, columns = rows_and_columns(pixels, shape[1])
    top, left = int(rows.min()), int(columns.min())
    image = np.zeros((int(rows.max()) - top + 3, int(columns.max()) - left + 3), bool)
    image[rows - top + 1, columns - left + 1] = True
    wide = grown(shrunk(image))
    if wide.sum() < _WIDE * len(pixels):
        wide = ndimage.binary_opening(image, np.ones((2, 2)))
    pieces, count = ndimage.label(wide)
    if count == 0:
        return pixels[:0]
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    y, x = places_of((sizes >= scrap * sizes.max())[pieces])
    return np.asarray((y + top - 1) * shape[1] + x + left - 1)


def in_frame(numbers: Numbers, thing: Floats, likest: Places, shape: tuple[int, ...], window: Window) -> tuple[Numbers, Floats]:
    """Images of a shape (H, W) of what was seen in a window of it, as numbers and probabilities (h, w): see `likest`."""
    return placed(numbers, likest, shape, window), placed(thing, likest, shape, window)


def placed(values: NDArray[_T], likest: Places, shape: tuple[int, ...], window: Window) -> NDArray[_T]:
    """An image (H, W) of values (h, w) that were seen in a window of it, 0 beyond: see `likest`."""
    image = np.zeros(shape, values.dtype)
    image[window] = values.ravel()[likest]
    return image


def likest(small: tuple[int, int], scan: Scan, rules: GuideRules) -> Places:
    """(H, W) flat index in a small image (h, w) of that one of the four pixels around each pixel that it is most like, in inverse
    depth, in colour and in place."""
    shape, index = scan.inverted.shape, np.arange(small[0] * small[1], dtype=np.int32).reshape(small)
    if shape == small:
        return index
    middle = [((np.arange(m) + 0.5) * n / m).astype(np.int64) for n, m in zip(shape, small, strict=True)]
    few = scan.inverted[np.ix_(*middle)]
    tint = np.ascontiguousarray(np.moveaxis(scan.colour, 2, 0))
    paint = tint[(slice(None), *np.ix_(*middle))]
    best, chosen = np.full(shape, np.inf, np.float32), np.zeros(shape, np.int32)
    columns = [(few[:, at], paint[:, :, at], index[:, at], across) for at, across in _around(shape[1], small[1])]
    for row, down in _around(shape[0], small[0]):
        for spread, painted, places, across in columns:
            cost = _unlike(spread[row], scan.inverted, rules.near)
            cost += _apart(painted[:, row], tint) / np.float32(rules.alike)
            cost += down[:, None]
            cost += across
            np.copyto(chosen, places[row], where=cost < best)
            np.minimum(best, cost, out=best)
    return chosen


def _unlike(one: Floats, other: Floats, near: float) -> Floats:
    """(H, W) difference of two images of inverse depth in steps, at most 4; 2 where one is not known."""
    steps = np.abs(one - other)
    steps /= np.float32(near)
    np.minimum(steps, np.float32(4), out=steps)
    np.copyto(steps, np.float32(2), where=(one <= 0) | (other <= 0))
    return np.asarray(steps)


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) the greatest difference of three channels (3, H, W)."""
    return np.asarray((np.maximum(one, other) - np.minimum(one, other)).max(axis=0))


def _around(large: int, small: int) -> list[tuple[NDArray[np.int64], Floats]]:
    """The small pixel before and the one after each large one, and how far away each is, in small pixels."""
    place = (np.arange(large) + 0.5) * small / large - 0.5
    first = np.floor(place).astype(np.int64)
    pairs = []
    for index in (first, first + 1):
        kept = np.clip(index, 0, small - 1)
        pairs.append((kept, np.abs(place - kept).astype(np.float32)))
    return pairs
