"""What the network sees, brought to the pixels of the frame and to the edges that geometry finds there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.geometric.guide import Guide
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan
from fail2progress.perception.segmentation.learned.instances import Seen, VoteRules, instances, smoothly, to_size


@dataclass(frozen=True)
class GuideRules:
    """How far the network is believed."""

    thing: float = 0.4
    """Probability of a thing, from which a pixel may be of one."""
    object: float = 0.25
    """The same in the mean, below which what geometry has for an object is none: a wall, an arm."""
    own: float = 0.7
    """The same, of a thing that geometry did not find."""
    overlap: float = 0.3
    """Share of such a thing that objects of geometry cover, at most."""
    region: float = 0.75
    """Share of a region that one thing has, from which all of it is of that thing."""
    pixels: int = 30
    """Of the smallest thing."""
    sure: float = 0.6
    """Mean probability of a thing there."""
    joined: float = 0.9
    """Share of each object of geometry that one thing has, from which these objects are one."""


class LearnedGuide(Guide):
    """Of one frame (H, W)."""

    def __init__(self, seen: Seen, shape: tuple[int, int], votes: VoteRules, rules: GuideRules) -> None:
        self.rules = rules
        self._thing = smoothly(seen.thing, shape).ravel()
        self._numbers = to_size(instances(seen, votes), shape)

    def objects(self, scan: Scan, labels: Numbers, found: list[Numbers]) -> list[Numbers]:
        """See Guide: those of geometry that the network takes for things, and things of its own that geometry did not find."""
        kept = [pixels for pixels in found if self._thing[pixels].mean() >= self.rules.object]
        if self._numbers.any():
            kept = self._joined(kept, self._nearest(labels), labels.shape)
        taken = np.zeros(labels.size, bool)
        if kept:
            taken[np.concatenate(kept)] = True
        missed = [
            self._solid(pixels[~taken[pixels]], labels) for pixels in self._own(scan, labels) if self._is_new(pixels, taken)
        ]
        return kept + [pixels for pixels in missed if len(pixels) >= self.rules.pixels]

    def _nearest(self, labels: Numbers) -> Numbers:
        """(H * W,) number of the thing that is nearest to each pixel, by regions."""
        nearest = ndimage.distance_transform_edt(self._numbers == 0, return_distances=False, return_indices=True)
        numbers: Numbers = self._numbers[tuple(nearest)].ravel()
        self._by_region(labels.ravel(), numbers)
        return numbers

    def _joined(self, found: list[Numbers], near: Numbers, shape: tuple[int, ...]) -> list[Numbers]:
        """Objects that are one thing to the network, and lie beside each other."""
        owners = [int(np.bincount(near[pixels]).argmax()) for pixels in found]
        clear = [
            (near[pixels] == owner).mean() >= self.rules.joined and self._thing[pixels].mean() >= self.rules.sure
            for pixels, owner in zip(found, owners, strict=True)
        ]
        result: list[Numbers] = []
        groups: dict[int, list[Numbers]] = {}
        for pixels, owner, one in zip(found, owners, clear, strict=True):
            if one:
                groups.setdefault(owner, []).append(pixels)
            else:
                result.append(pixels)
        for parts in groups.values():
            result += [np.concatenate(parts)] if len(parts) > 1 and _beside(parts, shape) else parts
        return result

    def _own(self, scan: Scan, labels: Numbers) -> list[Numbers]:
        """Pixels of each of the network's things."""
        if not self._numbers.any():
            return []
        shown = (scan.standing | ~scan.plain) & (scan.inverted > 0)
        nearest = ndimage.distance_transform_edt(self._numbers == 0, return_distances=False, return_indices=True)
        mask = shown.ravel() & (self._thing > self.rules.thing)
        numbers = np.where(mask, self._numbers[tuple(nearest)].ravel(), 0)
        self._by_region(labels.ravel(), numbers)
        return [np.flatnonzero(numbers == number) for number in range(1, int(numbers.max()) + 1)]

    def _by_region(self, labels: Numbers, numbers: Numbers) -> None:
        """A region that is of one thing for the most part is of it altogether."""
        own = np.flatnonzero((labels > 0) & (numbers > 0))
        regions, most = labels[own], int(numbers.max()) + 1
        counts = np.bincount(regions * most + numbers[own], minlength=(int(labels.max()) + 1) * most).reshape(-1, most)
        winner, share = counts.argmax(axis=1), counts.max(axis=1) / np.maximum(counts.sum(axis=1), 1)
        clear = share[regions] >= self.rules.region
        numbers[own[clear]] = winner[regions[clear]]

    def _is_new(self, pixels: Numbers, taken: Mask) -> bool:
        rules = self.rules
        return bool(
            len(pixels) >= rules.pixels and taken[pixels].mean() <= rules.overlap and self._thing[pixels].mean() >= rules.own
        )

    def _solid(self, pixels: Numbers, labels: Numbers) -> Numbers:
        """The largest piece, without threads."""
        image = np.zeros(labels.shape, bool)
        image.ravel()[pixels] = True
        pieces, count = ndimage.label(ndimage.binary_opening(image))
        if count == 0:
            return pixels[:0]
        return np.flatnonzero(pieces.ravel() == 1 + np.bincount(pieces.ravel())[1:].argmax())


def _beside(parts: list[Numbers], shape: tuple[int, ...]) -> bool:
    """Whether sets of pixels are one piece but for narrow gaps."""
    mask = np.zeros(shape, bool)
    mask.ravel()[np.concatenate(parts)] = True
    return bool(ndimage.label(ndimage.binary_dilation(mask, iterations=2))[1] == 1)
