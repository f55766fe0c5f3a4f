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
from fail2progress.stein.solids import Solids

_ALONG = 0.1
"""Radians by which what stands along an edge may seem to be turned to it."""
_QUARTER = math.pi / 2
_DENSE = 9
"""Odd power: seven tenths of what stands along are turned by less than two degrees from there, a seventh by more than ten."""
_ON_TOP = 0.02
"""Metres by which a thing may reach below the top of furniture that it stands on: heights are seen to some millimetres."""
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


def topped(cluster: Collection[int], moved: int, furniture: Collection[int], solids: Solids) -> set[int]:
    """The furniture of a cluster if the row `moved` stands on top of all of it.

    On top things are moved towards every side of it, which is as if it stood otherwise; it need not face the robot. What is in
    furniture, or beside it, is moved as its opening and its front let it.
    """
    below = set(cluster) & set(furniture)
    return below if all(float(solids.level[row, 1] - solids.level[moved, 0]) < _ON_TOP for row in below) else set()
