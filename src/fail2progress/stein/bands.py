"""How far members of a cluster may shift, alone and together (docs/decisions/0043, 0061).

What lies in a container may lie anywhere on its floor. A row in a shelf can stand anywhere between its sides: were every block of
it to shift by itself, nearly no draw would keep the row together, and how far the row is from the side that stops it would be in
no data. So members that touch each other on the same support also shift together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fail2progress.core.scene import Scene
from fail2progress.stein.planar import Footprints, penetration, turned
from fail2progress.stein.solids import Solids

_TOUCH = 0.01
"""Metres apart up to which two things belong together: what stands 2 mm apart is pushed as one, and is rebuilt 5 mm apart."""
_LEAST = 0.002
"""Metres by which a band may shift at least, so that its range is one."""
FREEDOM = 0.03
"""Metres by which a member usually may shift on what has no walls."""


@dataclass(frozen=True)
class Band:
    """Rows of segments, and bounds (m) of their common shift along x and y of O_F, turned by `yaw` (rad).

    Its coordinates are parts of these bounds, -1 to 1. What is `near` is shifted little, most of the time.
    """

    rows: tuple[int, ...]
    low: tuple[float, float]
    high: tuple[float, float]
    yaw: float = 0.0
    near: bool = False

    def shift(self, parts: Tensor) -> Tensor:
        """(M, 2) coordinates to metres along the axes of O_F."""
        widest = torch.where(parts > 0, torch.tensor(self.high), -torch.tensor(self.low))
        return turned(widest * (parts * parts.abs() if self.near else parts), torch.tensor(self.yaw))


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
            found.append(
                replace(_band(tuple(sorted(group)), parent[group[0]], solids.footprints, thickness[parent[group[0]]]), near=True)
            )
    return tuple(found)


def ranges(
    varying: Sequence[int],
    together: Sequence[Band],
    parent: dict[int, int],
    solids: Solids,
    thickness: Sequence[float],
    freedom: float,
) -> tuple[Band, ...]:
    """How far each of those that vary may shift by itself: what lies alone in something with walls, over its floor; else by
    `freedom` metres. Less freedom than usual narrows the floor as well."""
    joined = {row for band in together for row in band.rows}
    found = []
    for row in varying:
        wall = thickness[parent[row]] if row in parent and row not in joined else 0.0
        floor = _band((row,), parent[row], solids.footprints, wall) if wall > 0.0 else None
        found.append(Band((row,), (-freedom, -freedom), (freedom, freedom)) if floor is None else _part(floor, freedom / FREEDOM))
    return tuple(found)


def _part(band: Band, share: float) -> Band:
    share = min(share, 1.0)
    (left, near), (right, far) = band.low, band.high
    return replace(band, low=(share * left, share * near), high=(share * right, share * far))


def shifts(found: Sequence[Band], particles: Tensor) -> dict[int, Tensor]:
    """(M, 2) common shift in metres of every row of a band, from the coordinates that begin with the bands'."""
    return {row: band.shift(particles[:, 2 * n : 2 * n + 2]) for n, band in enumerate(found) for row in band.rows}


def walls(names: Sequence[str], scene: Scene) -> list[float]:
    """How thick (m) the walls of each are, 0 for what has none."""
    return [scene.objects[scene.index(name)].kind.wall if name in scene.names else 0.0 for name in names]


def _touch(boxes: Footprints, row: int, other: int) -> bool:
    one, two = boxes.rows(torch.tensor(row)), boxes.rows(torch.tensor(other))
    return float(penetration(one, two)) > -_TOUCH


def _band(rows: tuple[int, ...], parent: int, boxes: Footprints, wall: float) -> Band:
    """Within the walls of what they stand in or on, along its own axes."""
    mine, around = boxes.rows(torch.tensor(rows)), boxes.rows(torch.tensor(parent))
    reach = torch.stack([mine.reach(around.yaw), mine.reach(around.yaw + torch.pi / 2)], dim=-1)
    at, room = turned(mine.centre - around.centre, -around.yaw), around.half - wall
    least = (-room - (at - reach).amin(dim=0)).clamp(max=-_LEAST).tolist()
    most = (room - (at + reach).amax(dim=0)).clamp(min=_LEAST).tolist()
    return Band(rows, (least[0], least[1]), (most[0], most[1]), float(around.yaw))
