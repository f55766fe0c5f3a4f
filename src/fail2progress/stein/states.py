"""Scene states that keep a failure's relations: S+ ~ Gamma(r_F | xi(S) O_F) P(S) (paper Eq. 3b and 5).

A particle places every movable segment. Free-standing ones have a position (x, y) anywhere on the tables; what is in a
container is placed relative to it. Heights follow from the table below, so nothing is in mid-air. Tables are exchangeable:
"above" a table is kept by standing above any table.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.core.objects import CATEGORIES
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.models.base import LatentState, SkillEffectModel
from fail2progress.models.prediction import Belief
from fail2progress.stein.bijectors import Chart

_SOFT = 0.01
"""Metres over which being above a table fades at its edge."""
_EDGE = 0.02
_OVERLAP = 2000.0
"""Nats per square metre (twice over) that overlapping boxes cost in P(S): 1 cm over 1 cm costs a fifth of a nat, 5 cm 5 nats."""
_OFF_TABLE = 2000.0
_SUPPORT = tuple(BINARY.index(name) for name in ("above", "below", "contact", "inside"))


@dataclass(frozen=True)
class Surroundings:
    """What stays where it is: (T, 2, 3) boxes of the tables, and the box of the room they span."""

    tables: Tensor

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
        return torch.minimum(inside_low, inside_high).amin(dim=-1) - _EDGE

    def height(self, centre: Tensor, half: Tensor) -> Tensor:
        """(...) height in metres of the table below, blended where there is none."""
        weight = torch.softmax(self.margins(centre, half) / _SOFT, dim=-1)
        return (weight * self.tables[:, 1, 2]).sum(dim=-1)

    def off_table(self, centre: Tensor, half: Tensor) -> Tensor:
        """(...) squared metres by which a footprint sticks out of every table."""
        return functional.relu(-self.margins(centre, half).amax(dim=-1)) ** 2


@dataclass(frozen=True)
class StateSpace:
    """The particles' coordinates: D = 2 for each movable segment, rows of `movable`, parents before children."""

    movable: tuple[int, ...]
    parent: dict[int, int]
    """Which container (row) a segment stands in."""
    concerned: tuple[int, ...]
    """The failed skill's object and what it holds: R_F speaks of these."""
    surroundings: Surroundings
    box: Tensor
    """(N, 2, 3) boxes of O_F in metres."""
    table_rows: tuple[int, ...]

    def chart(self) -> Chart:
        """Bounds of every coordinate in metres."""
        low: list[float] = []
        high: list[float] = []
        for row in self.movable:
            if row in self.parent:
                outer, inner = (self.box[r, 1, :2] - self.box[r, 0, :2] for r in (self.parent[row], row))
                room = (outer / 2 - 0.3 * inner).clamp(min=0.005)
                low, high = low + (-room).tolist(), high + room.tolist()
            else:
                low, high = low + self.surroundings.low.tolist(), high + self.surroundings.high.tolist()
        return Chart(low, high)

    def observed(self) -> Tensor:
        """(D,) the coordinates of O_F itself."""
        middle = self.box.mean(dim=1)[:, :2]
        rows = [middle[r] - (middle[self.parent[r]] if r in self.parent else 0.0) for r in self.movable]
        return torch.cat(rows)

    def offsets(self, particles: Tensor) -> Tensor:
        """(M, D) particles to (M, N, 3) shifts of all segments from where O_F has them, metres."""
        shifts = [torch.zeros(len(particles), 3) for _ in range(len(self.box))]
        for column, row in enumerate(self.movable):
            place, middle = particles[:, 2 * column : 2 * column + 2], self.box[row].mean(dim=0)[:2]
            if row in self.parent:
                parent = self.parent[row]
                base = self.box[parent].mean(dim=0)[:2] + shifts[parent][:, :2]
                shifts[row] = torch.cat([base + place - middle, shifts[parent][:, 2:]], dim=1)
            else:
                half = (self.box[row, 1] - self.box[row, 0])[:2] / 2
                here = self.surroundings.height(middle, half)
                there = self.surroundings.height(place, half.expand(len(place), 2))
                shifts[row] = torch.cat([place - middle, (there - here).unsqueeze(1)], dim=1)
        return torch.stack(shifts, dim=1)

    def log_prior(self, particles: Tensor) -> Tensor:
        """(M,) ln P(S) up to a constant: uniform over states in which nothing overlaps and everything stands on a table."""
        boxes = self.box + self.offsets(particles).unsqueeze(2)
        return -_OVERLAP * self._overlap(boxes) - _OFF_TABLE * self._off(boxes)

    def _free(self) -> list[int]:
        return [row for row in self.movable if row not in self.parent]

    def _off(self, boxes: Tensor) -> Tensor:
        free = boxes[:, self._free()]
        half = (free[:, :, 1] - free[:, :, 0])[..., :2] / 2
        return self.surroundings.off_table(free.mean(dim=2)[..., :2], half).sum(dim=1)

    def _overlap(self, boxes: Tensor) -> Tensor:
        """(M,) how far boxes reach into each other, squared metres: free ones among themselves, siblings in one container."""
        total = torch.zeros(len(boxes))
        for i, one in enumerate(self.movable):
            for other in self.movable[i + 1 :]:
                if self.parent.get(one) == self.parent.get(other):
                    gap = 0.015 if one not in self.parent else 0.0
                    over = torch.minimum(boxes[:, one, 1], boxes[:, other, 1]) - torch.maximum(
                        boxes[:, one, 0], boxes[:, other, 0]
                    )
                    total = total + functional.relu(over[:, :2] + gap).amin(dim=1) ** 2
        return total


class NothingToVaryError(ValueError):
    """A failure whose scene gives nothing to generate data from."""


def state_space(belief: Belief, relations: RelationState, subject: str) -> StateSpace:
    """The space of scene states around a failure. NothingToVaryError where no table or nothing movable was seen."""
    seen = belief.state.mask[0].tolist()
    tables = [i for i, name in enumerate(belief.categories) if name == "table" and seen[i]]
    movable = [i for i, name in enumerate(belief.categories) if CATEGORIES[name].movable and seen[i]]
    if not tables or not movable:
        raise NothingToVaryError("learning from a failure needs a table and something movable in view")
    inside = torch.as_tensor(relations.binary[..., BINARY.index("inside")])
    parent = {}
    for row in movable:
        holders = [other for other in movable if other != row and inside[row, other] > 0.5]
        if holders:
            parent[row] = min(holders, key=lambda r: float((belief.state.box[0, r, 1] - belief.state.box[0, r, 0]).prod()))
    moved = belief.index(subject)
    concerned = [moved, *(row for row, holder in parent.items() if holder == moved)]
    order = sorted(movable, key=lambda row: _depth(row, parent))
    box = belief.state.box[0]
    return StateSpace(tuple(order), parent, tuple(concerned), Surroundings(box[tables]), box, tuple(tables))


def _depth(row: int, parent: dict[int, int]) -> int:
    depth = 0
    while row in parent and depth < 10:
        row, depth = parent[row], depth + 1
    return depth


@dataclass(frozen=True)
class FailureRelations:
    """ln P(R_F | xi(s) O_F): the support relations among the objects concerned, and that each stands above some table."""

    model: SkillEffectModel
    belief: Belief
    space: StateSpace
    relations: RelationState
    scope: str = "support"
    """"support": above, below, contact, inside. "all": every relation among the objects concerned."""

    def __call__(self, particles: Tensor) -> Tensor:
        """(M, D) particles to (M,) log density."""
        return self.log_likelihood(particles) + self.space.log_prior(particles)

    def log_likelihood(self, particles: Tensor) -> Tensor:
        """(M,) nats."""
        state = self.moved(particles)
        logits = self.model.detect(state).binary
        columns = list(_SUPPORT) if self.scope == "support" else list(range(len(BINARY)))
        rows = list(self.space.concerned)
        true = torch.as_tensor(self.relations.binary)[rows][:, rows][..., columns] > 0.5
        sign = torch.where(true, 1.0, -1.0)
        pairs = logits[:, rows][:, :, rows][..., columns] * sign
        off_diagonal = ~torch.eye(len(rows), dtype=torch.bool)
        among = (functional.logsigmoid(pairs) * off_diagonal[None, :, :, None]).sum(dim=(1, 2, 3))
        above = functional.logsigmoid(logits[:, rows][:, :, list(self.space.table_rows), BINARY.index("above")])
        return among + above.amax(dim=2).sum(dim=1)

    def moved(self, particles: Tensor) -> LatentState:
        """xi(s) O_F for M particles."""
        state = self.belief.state.expand(len(particles))
        return self.model.shifted(state, self.space.offsets(particles))
