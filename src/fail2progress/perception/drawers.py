"""The way in which a drawer is shut, told by where it is seen at its cabinet.

The frame that draws the two apart is a robot's, towards which drawers are open, unless somebody knows better: clouds and label
images come without the attitudes of things. Where what is seen contradicts that, it is believed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.objects import Shape
from fail2progress.core.outlines import corners_of, rectangle
from fail2progress.core.scene import Array
from fail2progress.perception.half_planes import ends_along
from fail2progress.perception.segmentation.base import Segment

_AT = 0.75
"""Share of the way from its cabinet's middle to a side at which the middle of a shut drawer's front is at that side; at others
it is in their middle."""
_OUT = 0.01
"""Metres by which a drawer stands out of its cabinet at the side where it is open: of a shut one nothing does."""
_ALIGNED = np.radians(15)
"""Angle up to which a cabinet stands as it is thought to."""
_DEEP = 0.05
"""Half of the extent (m) below which a cabinet is too thin, as seen, to say at which of two sides something is."""
_BESIDE = 0.02
"""Metres by which a drawer may seem to reach out of its cabinet's width."""


def way_in(drawer: NDArray[np.float32], cabinet: NDArray[np.float32], thought: Array, trim: float) -> Array:
    """(2, 2) level axes, inwards and across, of a drawer of which points (n, 3) were seen, at a cabinet of which (m, 3) were:
    inwards is `thought` (2,) unless the drawer is seen to be at another side. trim: quantile taken as the end of a cloud."""
    as_thought, square = _across(thought), rectangle(corners_of(cabinet[:, :2].astype(float)))[2]
    askew = np.mod(square - np.arctan2(thought[1], thought[0]) + np.pi / 4, np.pi / 2) - np.pi / 4
    if abs(askew) < _ALIGNED and _at(drawer, cabinet, as_thought, trim) >= _AT:
        return as_thought
    sides = [_across(np.array([np.cos(angle), np.sin(angle)])) for angle in square + np.arange(4) * np.pi / 2]
    shares = [_told(drawer, cabinet, axes, trim) for axes in sides]
    best = int(np.argmax(shares))
    return sides[best] if shares[best] >= _AT else as_thought


def _across(inwards: Array) -> Array:
    """(2, 2) a level direction and the one across it."""
    return np.stack([inwards, [-inwards[1], inwards[0]]])


def _told(drawer: NDArray[np.float32], cabinet: NDArray[np.float32], axes: Array, trim: float) -> float:
    """The same as _at, where what was seen of the cabinet says it: of a front alone, an outer column is near to the front's end
    and not for that at the side behind it. What stands out there is."""
    share, across = _at(drawer, cabinet, axes, trim), ends_along(cabinet, axes, trim)[:, 1]
    return share if share > 1.0 or across[1] - across[0] >= 2 * _DEEP else -np.inf


def _at(drawer: NDArray[np.float32], cabinet: NDArray[np.float32], axes: Array, trim: float) -> float:
    """How far outwards from the cabinet's middle that of the drawer's front is, in units of half the cabinet: more than 1 where
    it is open; -inf where the drawer is not within the cabinet's width. Of an open one its inside may be seen as well."""
    own, around = ends_along(drawer, axes, trim), ends_along(cabinet, axes, trim)
    if own[0, 1] < around[0, 1] - _BESIDE or own[1, 1] > around[1, 1] + _BESIDE:
        return -np.inf
    half, out = max(float(around[1, 0] - around[0, 0]) / 2, _DEEP), float(around[0, 0] - own[0, 0])
    return 1.0 + out / half if out > _OUT else min(float(around[:, 0].mean() - own[:, 0].mean()) / half, 1.0)


def cabinet_of(i: int, parts: tuple[Segment, ...], bounds: Array, seen: NDArray[np.bool_]) -> int | None:
    """The cabinet nearest to i, if i is a drawer."""
    cabinets = [j for j, part in enumerate(parts) if part.shape is Shape.SHELF and seen[j]]
    if parts[i].shape is not Shape.DRAWER or not cabinets or not seen[i]:
        return None
    centres = bounds.mean(axis=1)
    return min(cabinets, key=lambda j: float(np.linalg.norm(centres[j] - centres[i])))
