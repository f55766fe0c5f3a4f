"""How far what is pushed or pulled can go before something stops it, or it leaves what it stands on (docs/decisions/0061)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.stein.planar import Footprints, turned
from fail2progress.stein.states import StateSpace

_BEYOND = 1.25
"""Parts of the way to a stop that a skill may ask for: a hand that presses on does no harm."""
_HALF = 0.5
_ALONG = 0.3
"""Cosine from which a side lies in the way of a direction."""


@dataclass(frozen=True)
class Room:
    """Of M states: metres (M,) to go, and whether there is a stop at the end (a wall, the end of rails) or an edge."""

    way: Tensor
    stop: bool

    def most(self, share: float) -> Tensor:
        """(M,) metres that may be asked for, where the failed call asked for `share` of the way."""
        return self.way * max(_BEYOND if self.stop else 1.0, _BEYOND * share)

    def least(self, share: float) -> Tensor:
        """(M,) metres that are asked for at least: where there is a stop, half the share of the way that the failed call was."""
        return self.way * min(_HALF * share, _HALF) if self.stop else torch.zeros_like(self.way)


def room(space: StateSpace, particles: Tensor, direction: Tensor) -> Room:
    """Room for the skill's object along directions (M,) in radians, in the states of (M, D) particles."""
    boxes = space.place(particles).footprints(space.solids)
    if space.moved in space.drawers:
        column, (_, widest) = list(space.drawers).index(space.moved), space.drawers[space.moved]
        opening, yaw = space.openings(particles)[:, column], boxes.yaw[:, space.moved]
        return Room(torch.where((direction - yaw).cos() > 0, opening, widest - opening), True)
    parent = space.parent.get(space.moved)
    rows = [row for row in space.group if row == space.moved or (row in space.varying and space.parent.get(row) == parent)]
    pushed = boxes.rows(torch.tensor(rows))
    if parent is not None and space.thickness[parent] > 0.0:
        return Room(_to_walls(pushed, boxes.rows(torch.tensor(parent)), space.thickness[parent], direction), True)
    return Room(_to_edge(pushed, space.surroundings.tables, direction), False)


def _to_walls(pushed: Footprints, around: Footprints, wall: float, direction: Tensor) -> Tensor:
    """(M,) metres from the foremost of what is pushed (M, R) to the wall of what is around it (M,)."""
    at = turned(pushed.centre - around.centre.unsqueeze(1), -around.yaw.unsqueeze(1))
    own = around.yaw.unsqueeze(1)
    reach = torch.stack([pushed.reach(own), pushed.reach(own + torch.pi / 2)], dim=-1)
    local = torch.stack([(direction - around.yaw).cos(), (direction - around.yaw).sin()], dim=-1).unsqueeze(1)
    left = around.half - wall - at * local.sign() - reach
    return _first(left / local.abs(), local.abs() > _ALONG)


def _to_edge(pushed: Footprints, tables: Tensor, direction: Tensor) -> Tensor:
    """(M,) metres until the middle of one of what is pushed (M, R) leaves the table that it is on."""
    ways = torch.stack([direction.cos(), direction.sin()], dim=-1).unsqueeze(1)
    at = pushed.centre.unsqueeze(-2)
    inside = torch.minimum(at - tables[:, 0, :2], tables[:, 1, :2] - at).amin(dim=-1)
    on = tables[inside.argmax(dim=-1)]
    sides = torch.where(ways > 0, on[..., 1, :2], on[..., 0, :2])
    return _first((sides - pushed.centre) * ways.sign() / ways.abs().clamp(min=1e-3), ways.abs() > 1e-3)


def _first(ways: Tensor, counts: Tensor) -> Tensor:
    """(M,) the shortest of the ways (M, R, 2) that count; none is negative."""
    return torch.where(counts, ways, torch.inf).amin(dim=(1, 2)).clamp(min=0.0)
