"""Turns and shifts in the plane for many particles at once, and how far turned boxes reach into each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Planar:
    """p -> R(angle) p + shift: angle (...,) in radians about the vertical, shift (..., 2) in metres."""

    angle: Tensor
    shift: Tensor

    @classmethod
    def about(cls, centre: Tensor, angle: Tensor, to: Tensor) -> Planar:
        """Turn about a point (..., 2) and bring that point to `to` (..., 2)."""
        return cls(angle, to - turned(centre, angle))

    def apply(self, points: Tensor) -> Tensor:
        """(..., 2) points."""
        return turned(points, self.angle) + self.shift

    def after(self, first: Planar) -> Planar:
        """This one applied after `first`."""
        return Planar(self.angle + first.angle, self.apply(first.shift))


def turned(vector: Tensor, angle: Tensor) -> Tensor:
    """(..., 2) vectors turned counter-clockwise by (...,) radians."""
    cos, sin = angle.cos(), angle.sin()
    x, y = vector[..., 0], vector[..., 1]
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)


@dataclass(frozen=True)
class Footprints:
    """Boxes seen from above: centre (..., 2) and half extents (..., 2) in metres along their own axes, yaw (...,) in radians."""

    centre: Tensor
    half: Tensor
    yaw: Tensor

    def reach(self, direction: Tensor) -> Tensor:
        """(...,) metres from the centre to the side, along a direction (...,) in radians."""
        off = self.yaw - direction
        return self.half[..., 0] * off.cos().abs() + self.half[..., 1] * off.sin().abs()

    def around(self) -> Tensor:
        """(..., 2) half extents of the axis-aligned box around each."""
        return torch.stack([self.reach(torch.zeros(())), self.reach(torch.tensor(torch.pi / 2))], dim=-1)

    def rows(self, index: Tensor) -> Footprints:
        """Some of the boxes; the boxes are the last dimension of the yaw."""
        return Footprints(self.centre[..., index, :], self.half[..., index, :], self.yaw[..., index])


def penetration(one: Footprints, other: Footprints) -> Tensor:
    """(...,) metres by which boxes overlap along the axis that separates them best; negative where they stand apart."""
    apart = other.centre - one.centre
    depths = []
    for axis in (one.yaw, one.yaw + torch.pi / 2, other.yaw, other.yaw + torch.pi / 2):
        between = (apart[..., 0] * axis.cos() + apart[..., 1] * axis.sin()).abs()
        depths.append(one.reach(axis) + other.reach(axis) - between)
    return torch.stack(depths).amin(dim=0)
