"""Whether depth lies on its colours: things end where their depth does, so the edges of both are at the same pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import RgbdFrame

Floats = NDArray[np.float32]
_SIDE = 320
"""Pixels of the longer side at which it is looked."""
_REACH = 16
"""Of these pixels, by which depth is moved at most."""
_JUMP = 0.08
"""Share of inverse depth by which it falls at an edge."""
_EDGES = 200
"""Pixels at edges of depth, at least: fewer lie on some edge of the colours by chance."""
_AROUND = 41
"""Pixels over which edges of colour are compared: where all is patterned, none stands out."""
_BESIDE = 3
"""Pixels around the best place that are the same one."""
_LOOKED = 5
"""Frames of a recording that are looked at together."""


@dataclass(frozen=True)
class AlignRules:
    """When depth does not lie on its colours. Measures are deviations above what depth lies on by chance."""

    best: float = 3.3
    """Where its edges lie best, at least: ..."""
    here: float = 0.5
    """... and the share of it where they are, at most."""
    sure: float = 4.0
    """From which it is moved, ..."""
    next: float = 0.85
    """... if the next best place has at most this share: a grid has many."""
    nowhere: float = 1.5
    """Where its edges are, below which it may be of another moment or another view, though no other place is better."""


@dataclass(frozen=True)
class Offset:
    """How depth lies beside its colours: pixels across and down by which it is to be moved; sure: whether there is no doubt."""

    across: int
    down: int
    sure: bool

    def moved(self, depth: Floats) -> Floats:
        """(H, W) depth moved, 0 where none comes to lie."""
        result = np.zeros_like(depth)
        height, width = depth.shape
        rows, columns = _window(self.down, height), _window(self.across, width)
        result[rows[0], columns[0]] = depth[rows[1], columns[1]]
        return result

    def __str__(self) -> str:
        sides = ((self.across, "to the right", "to the left"), (self.down, "down", "up"))
        return " and ".join(f"{abs(by)} pixels {one if by > 0 else other}" for by, one, other in sides if by)


def laid(colour: NDArray[np.uint8], depth: Floats, name: str) -> tuple[Floats, list[str]]:
    """Depth (H, W) m as it lies on its colours, and what is to be said of it; name: of its file."""
    move, note = judged([one for one in (fit_of(colour, depth),) if one is not None], name)
    return depth if move is None else move.moved(depth), note


def all_laid(frames: Iterable[RgbdFrame], name: str, say: Callable[[str], None]) -> Iterator[RgbdFrame]:
    """Frames of one recording, all moved alike where the first of them together tell so; what is to be said is told before."""
    source = iter(frames)
    first = list(islice(source, _LOOKED))
    fits = (fit_of(frame.colour, frame.depth) for frame in first if frame.colour.shape[:2] == frame.depth.shape)
    move, notes = judged([fit for fit in fits if fit is not None], name)
    for note in notes:
        say(note)
    for frame in chain(first, source):
        yield frame if move is None else replace(frame, depth=move.moved(frame.depth))


@dataclass
class FirstFrames:
    """The first frames of a camera as they come, of which what they tell together is said once; name: of its depth. Nothing is
    moved: a driver can align what it sends."""

    name: str
    fits: list[Fit] = field(default_factory=list)
    left: int = _LOOKED

    def notes(self, frame: RgbdFrame) -> list[str]:
        """What is to be said after another frame."""
        if self.left == 0:
            return []
        self.left -= 1
        fit = fit_of(frame.colour, frame.depth) if frame.colour.shape[:2] == frame.depth.shape else None
        self.fits += [] if fit is None else [fit]
        return judged(self.fits, self.name, moves=False)[1] if self.left == 0 else []


def judged(
    fits: Sequence[Fit], name: str, rules: AlignRules = AlignRules(), moves: bool = True
) -> tuple[Offset | None, list[str]]:
    """By what depth is to be moved, and a note, by what frames of one camera tell together; name: of the depth; moves: whether
    it is moved where there is no doubt."""
    if not fits:
        return None, []
    fit = Fit.of_all(fits)
    found = fit.offset(rules)
    if found is not None and found.sure and moves:
        return found, [f"{name} did not lie on its colours and was moved {found}; record depth aligned to colour"]
    if found is not None:
        return None, [f"{name} may not lie on its colours, perhaps by {found}: see that depth is aligned to colour"]
    if fit.here < rules.nowhere:
        return None, [
            f"{name} may not belong to its colours, where nothing ends that ends in depth: see that both are of one moment,"
            " turned alike, and aligned"
        ]
    return None, []


def _window(shift: int, size: int) -> tuple[slice, slice]:
    """Where a shifted side of an image comes to lie, and where it comes from."""
    return slice(max(shift, 0), size + min(shift, 0)), slice(max(-shift, 0), size + min(-shift, 0))


@dataclass(frozen=True)
class Fit:
    """How well edges of depth lie on those of colours: places (2 reach + 1, 2 reach + 1) by how far depth is moved down and
    across, in deviations of all; step: pixels of the image for one of a place."""

    step: int
    places: Floats

    @classmethod
    def of_all(cls, fits: Sequence[Fit]) -> Fit:
        """Of frames of one camera together."""
        return cls(fits[0].step, _in_deviations(np.sum([fit.places for fit in fits], axis=0)))

    @property
    def here(self) -> float:
        """Where depth lies."""
        return float(self.places[_REACH - 1 : _REACH + 2, _REACH - 1 : _REACH + 2].max())

    def offset(self, rules: AlignRules) -> Offset | None:
        """Where it lies best; None where that is where it is, or nowhere in particular."""
        row, column = (int(i) for i in np.unravel_index(int(self.places.argmax()), self.places.shape))
        best = float(self.places[row, column])
        if best < rules.best or self.here > rules.here * best:
            return None
        others = self.places.copy()
        others[max(row - _BESIDE, 0) : row + _BESIDE + 1, max(column - _BESIDE, 0) : column + _BESIDE + 1] = -np.inf
        sure = best >= rules.sure and float(others.max()) <= rules.next * best
        return Offset((column - _REACH) * self.step, (row - _REACH) * self.step, sure)


def fit_of(colour: NDArray[np.uint8], depth: Floats) -> Fit | None:
    """Of depth (H, W) m, 0 for none, on colour (H, W, 3); None where it has too few edges to tell, or colours have none."""
    step = max(1, round(max(depth.shape) / _SIDE))
    edges = _ends(depth[::step, ::step])
    if np.count_nonzero(edges) < _EDGES:
        return None
    places = _places(edges, _contrast(colour[::step, ::step]))
    return Fit(step, places) if places.any() else None


def _ends(depth: Floats) -> Mask:
    """(h, w) pixels at which a nearer thing ends before a farther one, both with a reading."""
    inverse = np.where(depth > 0, 1 / np.maximum(depth, np.float32(1e-3)), 0)
    found = np.zeros(inverse.shape, bool)
    for axis in (0, 1):
        one, other = np.swapaxes(inverse, 0, axis)[:-2], np.swapaxes(inverse, 0, axis)[2:]
        falls = (np.abs(one - other) > _JUMP * np.maximum(one, other)) & (one > 0) & (other > 0)
        np.swapaxes(found, 0, axis)[1:-1] |= falls
    return found


def _contrast(colour: NDArray[np.uint8]) -> Floats:
    """(h, w) how strongly colours change at each pixel, beside what is usual around it."""
    channels = np.moveaxis(colour.astype(np.float32), 2, 0)
    steep = np.max([np.hypot(ndimage.sobel(one, 0), ndimage.sobel(one, 1)) for one in channels], axis=0)
    some = steep[steep > 0]  # in images without noise, few pixels
    steep = np.minimum(steep, max(float(np.quantile(steep, 0.95)), float(np.median(some)) if some.size else 0.0))
    return np.asarray(steep - ndimage.uniform_filter(steep, _AROUND))


def _places(edges: Mask, contrast: Floats) -> Floats:
    """(2 reach + 1, 2 reach + 1) contrast on which edges lie, moved down and across by up to the reach, in deviations of all."""
    shape = [size + 2 * _REACH for size in edges.shape]
    both = np.fft.rfft2(contrast, shape) * np.conj(np.fft.rfft2(edges.astype(np.float32), shape))
    places = np.roll(np.fft.irfft2(both, shape), (_REACH, _REACH), (0, 1))[: 2 * _REACH + 1, : 2 * _REACH + 1]
    return _in_deviations(ndimage.gaussian_filter(places, 0.7))


def _in_deviations(places: NDArray[np.floating[Any]]) -> Floats:
    return np.asarray(places / max(float(places.std()), 1e-9), np.float32)
