"""More scenes in which the failure happens, where too few of those that were drawn show it (docs/decisions/0107).

What of a scene mattered to a failure nobody knows beforehand: how far a plank reaches over an edge, where the corner is about
which a bar turns. But O_F itself shows the failure when it is simulated. So particles are drawn from P(S) and P(A) given that the
failure happens, as rare events are (subset simulation): from one that shows it some coordinates go to another particle's values,
or a part of the way there, and the new one is kept if its execution shows the failure as well. What does not matter is spread
after some rounds, and what does stays near where it was.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fail2progress.stein.bijectors import Chart
from fail2progress.stein.states import StateSpace

ROUNDS = 4
_TRIES = 6
"""Candidates for each new particle, of which the first that can be is taken."""
_LEAST, _MOST = 0.05, 0.6
"""Shares of the coordinates that change."""
_LACKING = -0.05
"""Nats that a state may lack."""
_QUARTER = math.pi / 2


def descendants(
    space: StateSpace,
    actions: Chart,
    parents: tuple[Tensor, Tensor],
    donors: tuple[Tensor, Tensor],
    count: int,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """At most (count, D) states and (count, D') actions near those that show the failure.

    actions: the chart of the D'. parents, donors: (P, D) and (P, D') states and actions that show it, and any others. States that
    cannot be are left out.
    """
    tries = count * _TRIES
    ours, theirs = (torch.randint(len(pair[0]), (tries,), generator=generator) for pair in (parents, donors))
    states = elsewhere(space, parents[0][ours], generator)
    width = states.shape[1]
    own, others = torch.cat([states, parents[1][ours]], 1), torch.cat([donors[0][theirs], donors[1][theirs]], 1)
    mixed = _mixed(space.chart().beside(actions), own, others, generator)
    with torch.no_grad():
        can_be = (space.possible(mixed[:, :width]) > _LACKING).nonzero().flatten()[:count]
    return mixed[can_be, :width], mixed[can_be, width:]


def _mixed(chart: Chart, own: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
    """(M, D) particles of which some coordinates, one at least, are those of others, or lie a part of the way there, which of
    turns is the shorter way round."""
    count, width = own.shape
    share = _LEAST + (_MOST - _LEAST) * torch.rand(count, 1, generator=generator)
    changes = torch.rand(count, width, generator=generator) < share
    changes[torch.arange(count), torch.randint(width, (count,), generator=generator)] = True
    part = torch.rand(count, 1, generator=generator) ** 2
    whole = torch.rand(count, 1, generator=generator) < 0.5
    there = chart.wrapped(own + torch.where(whole, torch.ones(1), part) * chart.way(own, other))
    return torch.where(changes, there, own)


def elsewhere(space: StateSpace, states: Tensor, generator: torch.Generator) -> Tensor:
    """(M, D) states of which half are taken to another corner of a table: turned by quarters, as far from both sides as before.

    Of these half take all clusters along, the others the failed one alone. Furniture that faces the robot is not turned.
    """
    count, number = len(states), len(space.clusters)
    rigid = torch.rand(count, generator=generator) < 0.5
    every = torch.rand(count, generator=generator) < 0.5
    fixed = torch.tensor([bool(set(cluster) & space.fixed) for cluster in space.clusters])
    quarters = torch.randint(4, (count,), generator=generator)
    quarters = torch.where(fixed[0] | (every & fixed.any()), torch.zeros_like(quarters), quarters)
    tables = space.surroundings.tables[torch.randint(len(space.surroundings.tables), (count,), generator=generator)]
    places = states[:, : 3 * number].view(count, number, 3)
    start = places[:, 0, :2]
    end = _corner(start, _below(space, start), tables, quarters)
    angle = _QUARTER * quarters
    cos, sin = angle.cos().unsqueeze(1), angle.sin().unsqueeze(1)
    x, y = (places[..., :2] - start.unsqueeze(1)).unbind(dim=-1)
    moved = end.unsqueeze(1) + torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)
    turned = torch.remainder(places[..., 2] + angle.unsqueeze(1) + math.pi, 2 * math.pi) - math.pi
    found = torch.cat([moved, torch.where(quarters.unsqueeze(1) > 0, turned, places[..., 2]).unsqueeze(-1)], dim=-1)
    goes = rigid.unsqueeze(1) & (every.unsqueeze(1) | (torch.arange(number) == 0))
    return torch.cat([torch.where(goes.unsqueeze(-1), found, places).flatten(1), states[:, 3 * number :]], dim=1)


def _below(space: StateSpace, places: Tensor) -> Tensor:
    """(M, 2, 3) the tables that places (M, 2) are nearest to."""
    margins = space.surroundings.margins(places, torch.zeros_like(places))
    return space.surroundings.tables[margins.argmax(dim=-1)]


def _corner(places: Tensor, here: Tensor, there: Tensor, quarters: Tensor) -> Tensor:
    """(M, 2) places on the tables `there` (M, 2, 3) that are as far from two sides as `places` (M, 2) are from the nearest ones
    of the tables `here`, the corner turned by quarters."""
    low, high = (places - here[:, 0, :2]), (here[:, 1, :2] - places)
    sign, inward = torch.where(high < low, 1.0, -1.0), torch.minimum(low, high)
    odd = (quarters % 2 == 1).unsqueeze(1)
    cos, sin = (_QUARTER * quarters).cos().round(), (_QUARTER * quarters).sin().round()
    signs = torch.stack([cos * sign[:, 0] - sin * sign[:, 1], sin * sign[:, 0] + cos * sign[:, 1]], dim=-1)
    distances = torch.where(odd, inward.flip(1), inward)
    sides = torch.where(signs > 0, there[:, 1, :2], there[:, 0, :2])
    return sides - signs * distances
