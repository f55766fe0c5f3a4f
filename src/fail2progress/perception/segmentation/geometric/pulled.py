"""Fronts of drawers that are pulled out: panels that hang in the air before the face of a box, with nothing but walls behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from fail2progress.core.quantiles import quantiles
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.elevations import Face, pitch
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan

_FEW = 30
"""Readings in a plane, at least."""
_EDGE = 0.01
"""Metres by which neighbours may seem to lie over each other."""
_UNDER = 3
"""Pixels below an edge at which something else is seen."""


@dataclass(frozen=True)
class PulledRules:
    """What counts as the front of a drawer that is pulled out."""

    out: tuple[float, float] = (0.004, 0.35)
    """Metres before the face, at least and at most."""
    thick: float = 0.006
    """Metres by which readings lie off the front's plane."""
    upright: float = 0.85
    """Cosine between the normals of the front and of the face."""
    filled: float = 0.75
    """Share of its rectangle that a front fills."""
    least: tuple[float, float] = (0.03, 0.05)
    """Metres of height and width, at least."""
    hanging: float = 0.008
    """Metres between the surface and the front, at least: a box that stands before another one stands on the surface."""
    free: float = 0.7
    """Share of the front's lower edge below which something farther away is seen."""
    below: float = 0.003
    """Metres from its top to the top of the box, at least."""
    aside: float = 0.006
    """Metres that it may reach beyond the sides of the box, by noise."""
    open: float = 0.03
    """Metres before the face, from which it is seen whether a drawer is open above."""
    lid: float = 0.3
    """Share of what is pulled out that may be covered by a lid."""


@dataclass(frozen=True)
class Pulled:
    """From and to along a face and above its foot, and behind it (negative), in m."""

    along: tuple[float, float]
    up: tuple[float, float]
    behind: float

    def meets(self, other: Pulled) -> bool:
        """Whether they have more than an edge in common, seen from before the face."""
        pairs = ((self.along, other.along), (self.up, other.up))
        return all(min(a[1], b[1]) - max(a[0], b[0]) > _EDGE for a, b in pairs)


def pulled(scan: Scan, pixels: Numbers, at: Array, face: Face, rules: PulledRules) -> list[Pulled]:
    """All before a face. at: (n, 3) places of pixels (n,) in it."""
    towards = scan.normals.reshape(-1, 3)[pixels, :2] @ face.normal
    before = (at[:, 1] < -rules.out[0]) & (at[:, 1] > -rules.out[1]) & (np.abs(at[:, 0]) < face.width / 2 + rules.aside)
    before &= (at[:, 2] >= 0) & (at[:, 2] < face.top - face.foot)
    upright = before & (towards > rules.upright)
    found = []
    for level in _levels(at[upright, 1], rules):
        layer = upright & (np.abs(at[:, 1] - level) < rules.thick)
        found += _fronts(scan, pixels, at, layer, level, face, rules)
    return [front for front in found if _is_open(scan, pixels, at, front, rules)]


def _levels(behind: Array, rules: PulledRules) -> list[float]:
    """Where many readings lie in one plane, the foremost first."""
    if not len(behind):
        return []
    edges = np.arange(-rules.out[1] - rules.thick, rules.thick, rules.thick / 2)
    counts = np.histogram(behind, edges)[0]
    peaks = (counts == ndimage.maximum_filter1d(counts, 5)) & (counts > _FEW)
    middles = (edges[:-1] + edges[1:]) / 2
    return [float(np.median(behind[np.abs(behind - middle) < rules.thick])) for middle in middles[peaks]]


def _fronts(scan: Scan, pixels: Numbers, at: Array, layer: Mask, level: float, face: Face, rules: PulledRules) -> list[Pulled]:
    """Rectangles of readings in one plane."""
    moved = Face(face.middle - level * face.normal, face.normal, face.width, face.depth, face.foot, face.top)
    cell = pitch(scan, moved)
    begin = np.array([0.0, -face.width / 2 - rules.aside])
    places = ((at[layer][:, [2, 0]] - begin) / cell).astype(int)
    grid = np.zeros(places.max(axis=0) + 1, bool)
    grid[tuple(places.T)] = True
    labels, _ = ndimage.label(ndimage.binary_closing(np.pad(grid, 2), np.ones((3, 3)))[2:-2, 2:-2])
    found, own = [], labels[tuple(places.T)]
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        if (labels[place] == number).mean() < rules.filled:
            continue
        part = np.flatnonzero(layer)[own == number]
        low, high = quantiles(at[part], (0.005, 0.995))
        front = Pulled((float(low[0]), float(high[0])), (float(low[2]), float(high[2])), level)
        large = high[2] - low[2] > rules.least[0] and high[0] - low[0] > rules.least[1]
        hangs = low[2] > rules.hanging and high[2] < face.top - face.foot - rules.below
        if large and hangs and _is_free(scan, pixels[part], at[part, 2] < low[2] + 2 * cell[0], rules):
            found.append(front)
    return found


def _is_free(scan: Scan, pixels: Numbers, lowest: Mask, rules: PulledRules) -> bool:
    """Whether what is seen below the lower edge is not nearer, and does not hide where it goes on."""
    under = pixels[lowest] + _UNDER * scan.inverted.shape[1]
    under = np.minimum(under, scan.inverted.size - 1)
    nearer = scan.inverted.ravel()[under] > scan.inverted.ravel()[pixels[lowest]] * (1 + rules.thick)
    return bool(1 - nearer.mean() > rules.free)


def _is_open(scan: Scan, pixels: Numbers, at: Array, front: Pulled, rules: PulledRules) -> bool:
    """Whether there is no lid on it; not asked of what is hardly pulled out."""
    if front.behind > -rules.open:
        return True
    inner = (at[:, 0] > front.along[0]) & (at[:, 0] < front.along[1]) & (at[:, 2] < front.up[1] + rules.thick)
    inner &= (at[:, 1] > front.behind + rules.open / 2) & (at[:, 1] < -rules.thick)
    lid = inner & (at[:, 2] > front.up[1] - 2 * rules.thick) & (scan.normals.reshape(-1, 3)[pixels, 2] > rules.upright)
    return bool(inner.any() and lid.sum() < rules.lid * inner.sum())
