"""Where what shows a failure ends and something else begins (docs/decisions/0111).

Of blocks that topple near an edge some stay on their table and others fall over it. Draws of P(S) are hardly ever near the border
between the two, and a model that learns from what is far from it on either side may draw it anywhere between. So the way from a
particle that goes otherwise to one that shows the failure is halved, again and again, by what happens halfway.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.stein.bijectors import Chart
from fail2progress.stein.states import StateSpace

HALVINGS = 2
"""Nearer to the border a prediction is no more exact than what decides: what is learnt there is how wrong it is."""
_LACKING = -0.05
"""Nats that a state may lack."""
_ALIKE = 1e-3
"""Spread of a coordinate, in its own unit, below which it tells nothing apart."""


@dataclass(frozen=True)
class Pairs:
    """P particles that show the failure, and beside each one that goes otherwise: (P, D + D') states and actions each, which
    differ in the failed cluster and the action alone. Rows are replaced as they come nearer to each other."""

    chart: Chart
    """Of states and actions: turns go round, and a little to the left of half a turn is near what is a little to the right."""
    shows: Tensor
    goes: Tensor
    scale: Tensor
    """(D + D',) how far particles are apart in each coordinate."""

    def halfway(self, space: StateSpace) -> tuple[Tensor, Tensor]:
        """(P, D + D') what lies in the middle of each pair, and the rows of those of them that can be."""
        middle = self.chart.wrapped(self.shows + self.chart.way(self.shows, self.goes) / 2)
        with torch.no_grad():
            can_be = space.possible(middle[:, : len(space.observed())]) > _LACKING
        return middle, can_be.nonzero().flatten()

    def apart(self) -> Tensor:
        """(P,) how far the two of each pair are apart, in spreads."""
        distance: Tensor = torch.linalg.vector_norm(self.chart.way(self.shows, self.goes) / self.scale, dim=1)
        return distance


def pairs(space: StateSpace, actions: Chart, shows: Tensor, goes: Tensor) -> Pairs:
    """Each of the particles that go otherwise (P, D + D') with the nearest of those that show the failure (Q, D + D'), in the
    failed cluster and the action; all other clusters stand where the former has them. `actions`: the chart of the D'."""
    chart = space.chart().beside(actions)
    scale = chart.spread(torch.cat([shows, goes])).clamp(min=_ALIKE)
    own = torch.ones(chart.dimensions, dtype=torch.bool)
    own[3 : 3 * len(space.clusters)] = False
    apart = chart.way(goes.unsqueeze(1), shows.unsqueeze(0)) / scale
    nearest = apart[..., own].norm(dim=-1).argmin(dim=1)
    return Pairs(chart, torch.where(own, shows[nearest], goes), goes.clone(), scale)
