"""Members of a cluster that touch each other on the same support: they also shift together (docs/decisions/0043).

A row in a shelf can stand anywhere between its sides. Were every block of it to shift by itself, nearly no draw would keep the
row together, and how far the row is from the side that stops it would be in no data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.core.scene import Scene
from fail2progress.stein.planar import Footprints, penetration
from fail2progress.stein.solids import Solids

_TOUCH = 0.004
"""Metres apart up to which two things belong together: what stands 2 mm apart is pushed as one."""
_LEAST = 0.002
"""Metres by which a band may shift at least, so that its range is one."""


@dataclass(frozen=True)
class Band:
    """Rows of segments, and bounds (m) of their common shift along x and y of O_F: as far as what they stand in or on."""

    rows: tuple[int, ...]
    low: tuple[float, float]
    high: tuple[float, float]


def bands(
    cluster: Sequence[int], varying: Sequence[int], parent: dict[int, int], solids: Solids, thickness: Sequence[float]
) -> tuple[Band, ...]:
    """Of a cluster: two or more of those that vary, with one parent, that touch. `thickness` (N,): of walls, metres."""
    left, found = [row for row in cluster if row in varying and row in parent], []
    while left:
        group = [left.pop(0)]
        for row in group:  # grows while it is read
            near = [other for other in left if parent[other] == parent[row] and _touch(solids.footprints, row, other)]
            group += near
            left = [other for other in left if other not in near]
        if len(group) > 1:
            found.append(_band(tuple(sorted(group)), parent[group[0]], solids.footprints, thickness[parent[group[0]]]))
    return tuple(found)


def shifts(found: Sequence[Band], particles: Tensor) -> dict[int, Tensor]:
    """(M, 2) common shift in metres of every row of a band, from the coordinates that begin with the bands'."""
    return {row: particles[:, 2 * number : 2 * number + 2] for number, band in enumerate(found) for row in band.rows}


def walls(names: Sequence[str], scene: Scene) -> list[float]:
    """How thick (m) the walls of each are, 0 for what has none."""
    return [scene.objects[scene.index(name)].kind.wall if name in scene.names else 0.0 for name in names]


def _touch(boxes: Footprints, row: int, other: int) -> bool:
    one, two = boxes.rows(torch.tensor(row)), boxes.rows(torch.tensor(other))
    return float(penetration(one, two)) > -_TOUCH


def _band(rows: tuple[int, ...], parent: int, boxes: Footprints, wall: float) -> Band:
    mine, around = boxes.rows(torch.tensor(rows)), boxes.rows(torch.tensor(parent))
    low, high = (mine.centre - mine.around()).amin(dim=0), (mine.centre + mine.around()).amax(dim=0)
    least = (around.centre - around.around() + wall - low).clamp(max=-_LEAST).tolist()
    most = (around.centre + around.around() - wall - high).clamp(min=_LEAST).tolist()
    return Band(rows, (least[0], least[1]), (most[0], most[1]))
