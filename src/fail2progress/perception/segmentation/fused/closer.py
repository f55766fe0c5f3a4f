"""A second look at small things, enlarged: what is one thing of few pixels from afar may be two that touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from fail2progress.perception.segmentation.fused.joining import distance_of
from fail2progress.perception.segmentation.geometric.guide import Window
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.learned.instances import Seen, VoteRules, instances, to_size

Pair = tuple[int, int]


@dataclass(frozen=True)
class CloserRules:
    """Which things are looked at again, and when one is two."""

    pixels: int = 400
    """Of the frame, up to which a thing is small."""
    least: int = 20
    """Of the network's image, that a part has at least."""
    share: float = 0.2
    """Of the thing, that a part has at least."""
    apart: float = 1.3
    """Logarithm of the squared distance of the places that two parts point to, from which they are two: half-way between parts
    of one thing and neighbours (see JoinRules)."""
    around: int = 24
    """Pixels of the frame around a thing, or its own size where that is more, that are looked at with it."""
    windows: int = 6
    """Looked at in a frame, those of the smallest things first."""


@dataclass(frozen=True)
class Parted:
    """numbers: (h, w) of things from 1, with those that are two parted; two: pairs of numbers that stay two."""

    numbers: Numbers
    two: frozenset[Pair]


def looked_closer(
    numbers: Numbers, window: Window, look: Callable[[Window], Seen], votes: VoteRules, rules: CloserRules
) -> Parted:
    """Things (h, w) of a window of the frame, with small ones as they are seen enlarged."""
    found, two = numbers.copy(), set[Pair]()
    for box in _windows(numbers, window, rules):
        seen = look(box)
        inner = _inner(box, window, numbers.shape)
        shape = (inner[0].stop - inner[0].start, inner[1].stop - inner[1].start)
        mine = instances(seen, votes)
        own, near = numbers[inner], to_size(mine, shape)
        for number in np.unique(own[own > 0]).tolist():
            mask = own == number
            if mask.sum() < (numbers == number).sum() or (found[inner][mask] != number).any():
                continue  # a piece of what goes on outside, or parted in another window
            parts = _parts(mask, near, mine, seen, rules)
            if parts:
                first = int(found.max())
                found[inner][mask] = _shared(mask, near, parts, first)
                new = range(first + 1, first + len(parts) + 1)
                two |= {(a, b) for a in new for b in new if a < b}
    return Parted(found, frozenset(two))


def _windows(numbers: Numbers, window: Window, rules: CloserRules) -> list[Window]:
    """Of the frame around small things; one for those that lie in the window of another."""
    scale = [n / (part.stop - part.start) for n, part in zip(numbers.shape, window, strict=True)]
    sizes = np.bincount(numbers.ravel()) / (scale[0] * scale[1])
    boxes, found = ndimage.find_objects(numbers), list[Window]()
    for number in np.argsort(sizes[1:]) + 1:
        box = boxes[number - 1] if number <= len(boxes) else None
        if box is None or not 0 < sizes[number] <= rules.pixels:
            continue
        inside = _outer(box, window, scale)
        if not any(_within(inside, seen) for seen in found):
            found.append(_grown(inside, window, rules.around))
    return found[: rules.windows]


def _outer(box: Window, window: Window, scale: list[float]) -> Window:
    """Of the frame, what a box of the network's image of a window is."""
    parts = []
    for own, part, s in zip(box, window, scale, strict=True):
        parts.append(slice(int(own.start / s) + part.start, int(np.ceil(own.stop / s)) + part.start))
    return parts[0], parts[1]


def _within(box: Window, other: Window) -> bool:
    return all(whole.start <= own.start and own.stop <= whole.stop for own, whole in zip(box, other, strict=True))


def _grown(box: Window, window: Window, around: int) -> Window:
    """With so many pixels around it, or its own size where that is more, within a window."""
    parts = []
    for own, part in zip(box, window, strict=True):
        more = max(around, own.stop - own.start)
        parts.append(slice(max(own.start - more, part.start), min(own.stop + more, part.stop)))
    return parts[0], parts[1]


def _inner(box: Window, window: Window, shape: tuple[int, ...]) -> Window:
    """A box of the frame in the network's image (h, w) of a window."""
    parts = []
    for own, part, n in zip(box, window, shape, strict=True):
        scale = n / (part.stop - part.start)
        parts.append(slice(round((own.start - part.start) * scale), round((own.stop - part.start) * scale)))
    return parts[0], parts[1]


def _parts(mask: Numbers, near: Numbers, mine: Numbers, seen: Seen, rules: CloserRules) -> list[int]:
    """Numbers of the enlarged image that a thing is, where those are two or more; none otherwise."""
    counts = np.bincount(near[mask])
    counts[0] = 0
    parts = np.flatnonzero(counts >= max(rules.least, rules.share * mask.sum())).tolist()
    places = [(seen.places[:, mine == part].mean(axis=1), float(seen.weights[mine == part].mean())) for part in parts]
    pairs = [(a, b) for i, a in enumerate(places) for b in places[i + 1 :]]
    return parts if pairs and min(distance_of(*a, *b) for a, b in pairs) > rules.apart else []


def _shared(mask: Numbers, near: Numbers, parts: list[int], first: int) -> Numbers:
    """New numbers of a thing's pixels (n,): each goes to the nearest part."""
    kept = np.where(mask & np.isin(near, parts), near, 0)
    index = ndimage.distance_transform_edt(kept == 0, return_distances=False, return_indices=True)
    return np.asarray(first + 1 + np.searchsorted(parts, kept[tuple(index)][mask]))
