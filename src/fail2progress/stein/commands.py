"""Parameters of skills that push or pull, as coordinates that every state has room for (docs/decisions/0061).

Directions count from the failed one, which is turned (headings): -1 to 1, dense about 0. Distances are parts of what may be
asked for in a state: near the failed one's, and as far as there is room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import Parameter, SkillDefinition
from fail2progress.skills.registry import skill
from fail2progress.skills.samplers import Bounds
from fail2progress.stein.room import room
from fail2progress.stein.states import StateSpace

_SWERVE = 0.4
"""Radians by which a push or pull may be off the direction of the failed one; most are by much less."""
_SHORTER, _LONGER = 0.3, 2.5
"""Distances in parts of the failed one."""
_LEAST = 0.02
"""Metres between the least and the most distance."""


@dataclass(frozen=True)
class Commands:
    """The failed call in M states: turns (M,) of its direction in radians, and what its n parameters may be, (M, n)."""

    call: SkillCall
    turn: Tensor
    least: Tensor
    most: Tensor

    @property
    def definition(self) -> SkillDefinition:
        """The skill's."""
        return skill(self.call.skill)

    def bounds(self, own: Bounds) -> Bounds:
        """Of the coordinates, where the skill itself has `own`."""
        low, high, periodic = list(own.low), list(own.high), list(own.periodic)
        for row, parameter in enumerate(self.definition.parameters):
            if row == direction_of(self.definition):
                low[row], high[row], periodic[row] = -1.0, 1.0, False
            elif parameter.unit == "m":
                low[row], high[row] = 0.0, 1.0
        return Bounds(low, high, periodic)

    def failed(self) -> Tensor:
        """(M, n) coordinates of the failed call; beyond the bounds where there is no room for it."""
        values = torch.tensor(self.call.parameters[: self.least.shape[1]]).expand_as(self.least)
        shares = torch.where(self._metres(), (values - self.least) / (self.most - self.least), values)
        direction = direction_of(self.definition)
        return shares if direction is None else shares.index_fill(1, torch.tensor(direction), 0.0)

    def parameters(self, values: Tensor) -> Tensor:
        """(M, n) coordinates to parameters."""
        found = torch.where(self._metres(), self.least + values * (self.most - self.least), values)
        direction = direction_of(self.definition)
        if direction is None:
            return found
        turned = self.call.parameters[direction] + self.turn + _SWERVE * values[:, direction] ** 3
        wrapped = torch.remainder(turned + math.pi, 2 * math.pi) - math.pi
        return found.index_copy(1, torch.tensor([direction]), wrapped.unsqueeze(1))

    def _metres(self) -> Tensor:
        return torch.tensor([parameter.unit == "m" for parameter in self.definition.parameters])


def commands(call: SkillCall, space: StateSpace, particles: Tensor) -> Commands:
    """What a call may ask for in the states of (M, D) particles."""
    definition, count = skill(call.skill), len(particles)
    pairs = zip(definition.parameters, call.parameters, strict=False)
    near = [_near(parameter, value) if parameter.unit == "m" else (parameter.low, parameter.high) for parameter, value in pairs]
    least, most = (torch.tensor(side).repeat(count, 1) for side in zip(*near, strict=True))
    direction, metres = direction_of(definition), [row for row, p in enumerate(definition.parameters) if p.unit == "m"]
    if direction is not None and len(metres) == 1:
        way, failed = call.parameters[direction], call.parameters[metres[0]]
        there = room(space, space.observed().unsqueeze(0), torch.tensor([way])).way.item()
        free, share = room(space, particles, way + headings(space, particles)), failed / max(there, 1e-3)
        far, column = free.most(share), metres[0]
        short = least[:, column].maximum(free.least(share)).minimum(far / 2)
        least[:, column] = short
        most[:, column] = torch.minimum(most[:, column], far).maximum(short + _LEAST)
    return Commands(call, headings(space, particles), least, most)


def headings(space: StateSpace, particles: Tensor) -> Tensor:
    """(M,) radians by which directions turn: with their cluster, but what stands alone is pushed and pulled to all sides evenly
    where it stands along an edge (turns.py); things that stand beside each other would no longer meet."""
    alone = sum(row not in space.parent for row in space.group) == 1
    return particles[:, 2] if alone else space.turn(particles)


def direction_of(definition: SkillDefinition) -> int | None:
    """Which parameter turns the commanded shift as it is turned itself, if one does: it turns with the cluster that failed."""
    values = np.array([parameter.high / 2 for parameter in definition.parameters])
    for row, parameter in enumerate(definition.parameters):
        if parameter.unit == "rad":
            later = values + np.pi / 2 * (np.arange(len(values)) == row)
            one, other = (np.asarray(definition.motion(v, np).shift, float) for v in (values, later))
            if np.linalg.norm(one[:2]) > 1e-6 and np.allclose(other[:2], [-one[1], one[0]], atol=1e-6):
                return row
    return None


def _near(parameter: Parameter, failed: float) -> tuple[float, float]:
    """Bounds (m) around the failed call's value, within what the skill can do."""
    low, high = sorted((_SHORTER * failed, _LONGER * failed))
    low = max(parameter.low, low)
    return low, min(parameter.high, max(high, low + _LEAST))
