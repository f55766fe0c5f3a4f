"""How clusters are turned: what stood along the edges of its table mostly does so elsewhere too (docs/decisions/0070).

A thing that stands askew is not merely the same thing turned: boxes of what is seen, contacts and directions are those of its
corners, and a gripper that starts beyond its corners pushes it less far.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from fail2progress.stein.planar import Footprints
from fail2progress.stein.solids import Solids

_ALONG = 0.1
"""Radians by which what stands along an edge may seem to be turned to it."""
_QUARTER = math.pi / 2
_DENSE, _SPREAD = 9, 3
"""Odd powers. Dense: seven tenths of what stands along are turned by less than two degrees from there, a seventh by more than
ten. Spread: a third and two fifths (docs/decisions/0121)."""
_ON_TOP = 0.02
"""Metres by which a thing may reach below the top of furniture that it stands on: heights are seen to some millimetres."""
EVENLY = torch.tensor(1)
"""Nothing stands along an edge."""


def along_edges(
    clusters: Sequence[Sequence[int]], boxes: Footprints, fixed: Collection[int], parent: Mapping[int, int], carried: bool
) -> Tensor:
    """(K,) powers by which turns of clusters are denser about quarter turns, see `turns`: of those of which all things stand
    along the edges of tables, which are not turned; none with rows of furniture, `fixed`: it faces the robot anyway.

    Where things stand beside each other, those without `parent`, directions of skills turn with them (commands.headings), unless
    it is where to that is commanded: quarter turns would leave four directions, and data of these say nothing of the others.
    """
    askew = (torch.remainder(boxes.yaw + _QUARTER / 2, _QUARTER) - _QUARTER / 2).abs() > _ALONG
    free = [bool(askew[list(rows)].any()) or bool(set(rows) & set(fixed)) for rows in clusters]
    powers = [_DENSE if carried or len(set(rows) - set(parent)) < 2 else _SPREAD for rows in clusters]
    return torch.tensor([1 if any_way else power for any_way, power in zip(free, powers, strict=True)])


def turns(coordinates: Tensor, along: Tensor) -> Tensor:
    """(M, K) coordinates in [-pi, pi] to turns in radians: denser about quarter turns by powers `along` (K,).

    All are the same at quarter turns and half way between them; every turn remains possible.
    """
    quarter = _QUARTER * (coordinates / _QUARTER).round()
    off = (coordinates - quarter) / (_QUARTER / 2)
    dense = torch.where(along == _DENSE, off**_DENSE, off**_SPREAD)
    return torch.where(along > 1, quarter + _QUARTER / 2 * dense, coordinates)


def topped(cluster: Collection[int], moved: int, furniture: Collection[int], solids: Solids) -> set[int]:
    """The furniture of a cluster if the row `moved` stands on top of all of it.

    On top things are moved towards every side of it, which is as if it stood otherwise; it need not face the robot. What is in
    furniture, or beside it, is moved as its opening and its front let it.
    """
    below = set(cluster) & set(furniture)
    return below if all(float(solids.level[row, 1] - solids.level[moved, 0]) < _ON_TOP for row in below) else set()
