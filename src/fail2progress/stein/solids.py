"""What stands where: tables, segments as boxes, and where particles put them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.core.outlines import seen_from_above
from fail2progress.core.scene import Array, Scene
from fail2progress.stein.planar import Footprints, Planar, turned

_SOFT = 0.01
"""Metres over which being above a table fades at its edge."""
EDGE = 0.02
"""Metres from the edge of a table that count as sticking out."""
_UPRIGHT = 1e-3
"""Parts x and y of a quaternion up to which a thing stands upright."""


@dataclass(frozen=True)
class Surroundings:
    """What stays where it is: (T, 2, 3) boxes of the tables, and the box of the room they span."""

    tables: Tensor
    overhang: float = 0.0
    """Metres by which things may stick out of tables."""

    @property
    def low(self) -> Tensor:
        """(2,) lower corner in x and y of all tables together."""
        return self.tables[:, 0, :2].amin(dim=0)

    @property
    def high(self) -> Tensor:
        """(2,) upper corner in x and y of all tables together."""
        return self.tables[:, 1, :2].amax(dim=0)

    def margins(self, centre: Tensor, half: Tensor) -> Tensor:
        """(..., T) how far (m) a footprint is from leaving each table; negative where it does. centre, half: (..., 2)."""
        inside_low = centre.unsqueeze(-2) - half.unsqueeze(-2) - self.tables[:, 0, :2]
        inside_high = self.tables[:, 1, :2] - centre.unsqueeze(-2) - half.unsqueeze(-2)
        return torch.minimum(inside_low, inside_high).amin(dim=-1) - EDGE

    def height(self, centre: Tensor, half: Tensor) -> Tensor:
        """(...) height in metres of the table below, blended where there is none."""
        weight = torch.softmax(self.margins(centre, half) / _SOFT, dim=-1)
        return (weight * self.tables[:, 1, 2]).sum(dim=-1)

    def outside(self, centre: Tensor, half: Tensor) -> Tensor:
        """(...) metres by which a footprint sticks out of every table."""
        return functional.relu(-self.margins(centre, half).amax(dim=-1))

    def off_table(self, centre: Tensor, half: Tensor) -> Tensor:
        """(...) squared metres by which a footprint sticks out further than it may."""
        return functional.relu(self.outside(centre, half) - self.overhang) ** 2


@dataclass(frozen=True)
class Solids:
    """The segments of a scene as boxes: footprints (N,), and (N, 2) the heights of their lower and upper sides in metres."""

    footprints: Footprints
    level: Tensor


@dataclass(frozen=True)
class Placed:
    """Where M particles put N segments: a turn and shift from where O_F has them, and how far up (M, N) metres."""

    move: Planar
    rise: Tensor

    def points(self, points: Tensor) -> Tensor:
        """(N, P, 3) clouds of O_F to (M, N, P, 3)."""
        flat = turned(points[..., :2], self.move.angle.unsqueeze(-1)) + self.move.shift.unsqueeze(-2)
        return torch.cat([flat, (points[..., 2] + self.rise.unsqueeze(-1)).unsqueeze(-1)], dim=-1)

    def footprints(self, solids: Solids) -> Footprints:
        """(M, N) boxes from above."""
        still = solids.footprints
        return Footprints(self.move.apply(still.centre), still.half, still.yaw + self.move.angle)


def solids_of(names: tuple[str, ...], scene: Scene) -> Solids:
    """The rebuilt scene in the order of the segments; what it leaves out is a point far below."""
    centre, half, yaw = torch.zeros(len(names), 2), torch.full((len(names), 2), 1e-3), torch.zeros(len(names))
    level = torch.full((len(names), 2), -9.0)
    bounds = scene.bounds()
    for row, name in enumerate(names):
        if name in scene.names:
            index = scene.index(name)
            middle, size, yaw[row] = outline(scene, index)
            centre[row], half[row] = torch.tensor(middle), torch.tensor(size / 2)
            level[row] = torch.tensor(bounds[index, :, 2])
    return Solids(Footprints(centre, half, yaw), level)


def outline(scene: Scene, index: int) -> tuple[Array, Array, float]:
    """Middle (2,) and full sides (2,) in m, and yaw (rad), of the rectangle around an object as seen from above."""
    pose, size = scene.poses[index], scene.sizes[index]
    if abs(pose[4]) + abs(pose[5]) < _UPRIGHT:
        return pose[:2], size[:2], 2 * math.atan2(pose[6], pose[3])
    return seen_from_above(pose[:3], scene.turns[index], size)
