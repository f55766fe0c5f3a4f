"""How clusters are turned: what stood along the edges of its table mostly does so elsewhere too (docs/decisions/0070).

A thing that stands askew is not merely the same thing turned: boxes of what is seen, contacts and directions are those of its
corners, and a gripper that starts beyond its corners pushes it less far.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from fail2progress.stein.planar import Footprints

_ALONG = 0.1
"""Radians by which what stands along an edge may seem to be turned to it."""
_QUARTER = math.pi / 2
_DENSE = 9
"""Odd power: seven tenths of what stands along are turned by less than two degrees from there, a seventh by more than ten."""
NOWHERE = torch.tensor(False)
"""Nothing stands along an edge."""


def along_edges(clusters: Sequence[Sequence[int]], boxes: Footprints, fixed: Collection[int]) -> Tensor:
    """(K,) of which clusters all things stand along the edges of tables, which are not turned; none with rows of furniture,
    `fixed`: it faces the robot anyway."""
    askew = (torch.remainder(boxes.yaw + _QUARTER / 2, _QUARTER) - _QUARTER / 2).abs() > _ALONG
    return torch.tensor([not (askew[list(rows)].any() or set(rows) & set(fixed)) for rows in clusters])


def turns(coordinates: Tensor, along: Tensor) -> Tensor:
    """(M, K) coordinates in [-pi, pi] to turns in radians: as they are, or dense about quarter turns of what stands `along` (K,).

    Both are the same at quarter turns and half way between them; every turn remains possible.
    """
    quarter = _QUARTER * (coordinates / _QUARTER).round()
    off = (coordinates - quarter) / (_QUARTER / 2)
    return torch.where(along, quarter + _QUARTER / 2 * off**_DENSE, coordinates)
