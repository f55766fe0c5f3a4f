"""What hangs in over the image's border, high above a surface, with nothing that comes down to it: arms of robots and people.

What stands on a surface shows its sides down to where it stands, from most places; an arm is seen against what lies below it all
round. A tall thing that the lower border cuts can seem to hang as well, or one right below the camera: most do not reach as far
in, and the network is sure of them. See docs/decisions/0155-what-hangs-in-over-the-border.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.quantiles import quantile
from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.geometric.guide import Geometry, Thing
from fail2progress.perception.segmentation.geometric.regions import Numbers, between


@dataclass(frozen=True)
class HangRules:
    """When a body of readings that the border cuts hangs in over it, and a thing is a part of it."""

    above: float = 0.05
    """Metres above a surface from which readings are of a body."""
    step: float = 0.03
    """Metres of distance between neighbouring readings, from which one of them is of something behind."""
    middle: float = 0.08
    """Metres above the surface of half of a body, at least: lower ones are things that lie there, or rims."""
    reach: float = 0.14
    """Metres, measured level, that it reaches in from where it is cut, at least, for things that the network doubts ..."""
    far: float = 0.18
    """... and for others, ..."""
    level: float = 1.25
    """... for which it also reaches in so many times as far as half of it is high: what is tall can hide its own foot."""
    doubted: float = 0.7
    """Mean probability of a thing below which the network doubts it, as `FuseRules.own`."""
    resting: float = 0.2
    """Share of its outline, of what is not hidden there, beyond which readings go on without a step, at most."""
    outline: int = 20
    """Pixels of such an outline that tell it, at least."""
    beyond: int = 4
    """Pixels beyond the outline at which it is looked: sensors smear edges."""
    pixels: int = 150
    """Of a body, at least."""
    part: float = 0.5
    """Share of a thing in a body, above which it is a part of it ..."""
    sure: float = 0.95
    """... unless the network's mean probability is so high."""


def without_hanging(things: list[Thing], geometry: Geometry, likely: NDArray[np.floating], rules: HangRules) -> list[Thing]:
    """Things without parts of what hangs in; likely: (H * W,) probability that a pixel is of a thing."""
    means = [float(likely[thing.pixels].mean()) for thing in things]
    if all(mean >= rules.sure for mean in means):
        return things
    bodies = _bodies(geometry, rules)
    owners = [_owner(thing.pixels, bodies, rules) if mean < rules.sure else 0 for thing, mean in zip(things, means, strict=True)]
    reach = {number: _reach(bodies == number, geometry, rules) for number in set(owners) - {0}}

    def hangs(owner: int, mean: float) -> bool:
        far, height = reach.get(owner, (0.0, 0.0))
        return far >= rules.reach if mean < rules.doubted else far >= max(rules.far, rules.level * height)

    return [thing for thing, owner, mean in zip(things, owners, means, strict=True) if not hangs(owner, mean)]


def _bodies(geometry: Geometry, rules: HangRules) -> NDArray[np.int32]:
    """(H, W) numbers of bodies, 0 for none."""
    high = geometry.scan.heights > rules.above
    high &= geometry.scan.inverted > 0
    away = geometry.rows.range.reshape(high.shape)
    for dy, dx in ((0, 1), (1, 0)):
        here, there = between(high.shape, dy, dx)
        far = (np.abs(away[here] - away[there]) > rules.step) & (away[here] > 0) & (away[there] > 0)
        high[here] &= ~(far & (away[here] > away[there]))
        high[there] &= ~(far & (away[there] > away[here]))
    bodies, _ = ndimage.label(high)
    return np.asarray(bodies)


def _owner(pixels: Numbers, bodies: NDArray[np.int32], rules: HangRules) -> int:
    """The number of the body that most of a thing is in; 0 for none."""
    counts = np.bincount(bodies.ravel()[pixels])
    counts[0] = 0
    most = int(counts.argmax())
    return most if counts[most] > rules.part * len(pixels) else 0


def _reach(body: Mask, geometry: Geometry, rules: HangRules) -> tuple[float, float]:
    """Metres that a body (H, W) reaches in, measured level, 0 where the border does not cut it or something of it comes down; and
    metres above the surface of half of it."""
    rows, own = geometry.rows, np.flatnonzero(body)
    cut = own[rows.at_edge(own)]
    height = float(np.median(rows.heights[own]))
    if len(own) < rules.pixels or not len(cut) or height < rules.middle:
        return 0.0, height
    off = np.linalg.norm(rows.points[own, :2] - rows.points[cut, :2].mean(axis=0), axis=1)
    far = float(quantile(off, 0.98))
    return (far if far >= rules.reach and _resting(body, geometry, rules) <= rules.resting else 0.0), height


def _resting(body: Mask, geometry: Geometry, rules: HangRules) -> float:
    """Share of the outline of a body (H, W), of what is not hidden, beyond which readings go on without a step; 1 where little of
    it is seen."""
    margin, (found,) = rules.beyond + 1, ndimage.find_objects(body.astype(np.int8))
    window = tuple(slice(max(part.start - margin, 0), part.stop + margin) for part in found)
    away = geometry.rows.range.reshape(body.shape)[window]
    distance, (rows, columns) = ndimage.distance_transform_edt(~body[window], return_indices=True)
    ring = (distance > rules.beyond - 1) & (distance <= rules.beyond) & (away > 0)
    farther = away[ring] - away[rows[ring], columns[ring]]
    steps, level = int((farther > rules.step).sum()), int((np.abs(farther) <= rules.step).sum())
    return level / (steps + level) if steps + level >= rules.outline else 1.0
