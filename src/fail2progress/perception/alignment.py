"""Whether depth lies on its colours: things end where their depth does, so the edges of both are at the same pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.relations import Mask

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
    found = offset(colour, depth)
    if found is None:
        return depth, []
    if found.sure:
        return found.moved(depth), [f"{name} did not lie on its colours and was moved {found}; record depth aligned to colour"]
    return depth, [f"{name} may not lie on its colours, perhaps by {found}: see that depth is aligned to colour"]


def _window(shift: int, size: int) -> tuple[slice, slice]:
    """Where a shifted side of an image comes to lie, and where it comes from."""
    return slice(max(shift, 0), size + min(shift, 0)), slice(max(-shift, 0), size + min(-shift, 0))


def offset(colour: NDArray[np.uint8], depth: Floats, rules: AlignRules = AlignRules()) -> Offset | None:
    """Of depth (H, W) m, 0 for none, beside colour (H, W, 3); None where it lies on it, or nothing tells."""
    step = max(1, round(max(depth.shape) / _SIDE))
    edges = _ends(depth[::step, ::step])
    if np.count_nonzero(edges) < _EDGES:
        return None
    fit = _fit(edges, _contrast(colour[::step, ::step]))
    row, column = (int(i) for i in np.unravel_index(int(fit.argmax()), fit.shape))
    best, here = float(fit[row, column]), float(fit[_REACH - 1 : _REACH + 2, _REACH - 1 : _REACH + 2].max())
    if best < rules.best or here > rules.here * best:
        return None
    others = fit.copy()
    others[max(row - _BESIDE, 0) : row + _BESIDE + 1, max(column - _BESIDE, 0) : column + _BESIDE + 1] = -np.inf
    sure = best >= rules.sure and float(others.max()) <= rules.next * best
    return Offset((column - _REACH) * step, (row - _REACH) * step, sure)


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
    steep = np.minimum(steep, np.quantile(steep, 0.95))
    return np.asarray(steep - ndimage.uniform_filter(steep, _AROUND))


def _fit(edges: Mask, contrast: Floats) -> Floats:
    """(2 reach + 1, 2 reach + 1) contrast on which edges lie, moved down and across by up to the reach, in deviations of all."""
    shape = [size + 2 * _REACH for size in edges.shape]
    both = np.fft.rfft2(contrast, shape) * np.conj(np.fft.rfft2(edges.astype(np.float32), shape))
    places = np.roll(np.fft.irfft2(both, shape), (_REACH, _REACH), (0, 1))[: 2 * _REACH + 1, : 2 * _REACH + 1]
    smooth = ndimage.gaussian_filter(places, 0.7)
    return np.asarray(smooth / max(float(smooth.std()), 1e-9), np.float32)
