"""The space of scene states around a failure, and P(S): what a particle places, and which states can be (paper Eq. 3b and 5).

What hangs together is placed and turned as one: a particle has a place (x, y) and a turn for every cluster. The members of the
cluster that failed also vary within it, each relative to what it stands in or on, in a container over its whole floor, those that
touch each other together as well (bands.py), and drawers vary how far they are open. Heights follow from the table below, and
what is in or on something keeps its height above that. So whatever can fail can be a particle:
a row in contact, a stack, a drawer in its cabinet with what is in it, a cup in a box. That the failure's relations hold is not
built in here; the likelihood says so (likelihood.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.stein.bands import Band, shifts
from fail2progress.stein.bijectors import Chart
from fail2progress.stein.concerned import leads_to
from fail2progress.stein.physics import NOMINAL, PhysicsPrior
from fail2progress.stein.planar import Footprints, Planar, penetration, turned
from fail2progress.stein.solids import Placed, Solids, Surroundings
from fail2progress.stein.turns import EVENLY, turns

_GAP = 0.015
"""Metres kept free between clusters."""
_INFEASIBLE = 10_000.0
"""Nats per square metre of overlap or missing support: 1 cm costs one nat."""
FEASIBLE = 0.05
"""Nats that a state may lack and still be drawn."""
_TRIES = 48
_FACING = 0.3
"""Radians by which furniture may be turned: shelves and drawers open towards the robot."""
_TURN_PER_METRE = 10.0
"""Radians by which a member may turn for every metre that it may shift."""


class NothingToVaryError(ValueError):
    """A failure whose scene gives nothing to generate data from."""


@dataclass(frozen=True)
class StateSpace:
    """A particle's coordinates: x, y, turn of every cluster (m, rad); x, y (parts of bounds) and turn of every varying member;
    x, y of bands (parts of bounds); openings (m); physics."""

    clusters: tuple[tuple[int, ...], ...]
    parent: dict[int, int]
    concerned: tuple[int, ...]
    """R_F speaks of these."""
    moved: int
    varying: tuple[int, ...]
    drawers: dict[int, tuple[float, float]]
    """Rows of the drawers that vary: their opening in O_F and the widest, metres."""
    fixed: frozenset[int]
    """Rows of furniture that faces the robot, and what it belongs to with it."""
    freedom: float
    """Metres by which a member may shift within its cluster."""
    surroundings: Surroundings
    table_rows: tuple[int, ...]
    hanging: tuple[tuple[int, ...], ...]
    """What hangs together in O_F, first what the skill acted on: as a rule the clusters themselves (around.PLACINGS)."""
    points: Tensor
    """(N, P, 3) clouds of O_F in metres."""
    solids: Solids
    own: tuple[Band, ...]
    """How far each of those that vary may shift within the cluster by itself."""
    thickness: tuple[float, ...]
    """Metres of the walls of each segment, 0 for what has none."""
    bands: tuple[Band, ...] = ()
    """What of the failed cluster also shifts together."""
    physics: PhysicsPrior = NOMINAL
    """What the world may have other than the simulation."""
    along: Tensor = EVENLY
    """(K,) powers of clusters that stand along the edges of tables, and mostly do so when they are turned; see turns.turns."""

    @property
    def movable(self) -> tuple[int, ...]:
        """Rows of everything that is placed."""
        return tuple(row for cluster in self.clusters for row in cluster)

    @property
    def group(self) -> tuple[int, ...]:
        """What hangs together with the object of the failed skill."""
        return self.hanging[0]

    def chart(self) -> Chart:
        """Bounds of every coordinate: metres, radians."""
        low: list[float] = []
        high: list[float] = []
        around, turns = self.surroundings, [_FACING if set(cluster) & self.fixed else math.pi for cluster in self.clusters]
        for widest in turns:
            low += [*around.low.tolist(), -widest]
            high += [*around.high.tolist(), widest]
        turn = min(_TURN_PER_METRE * self.freedom, math.pi)
        low += [-1.0, -1.0, -turn] * len(self.varying) + [-1.0, -1.0] * len(self.bands)
        high += [1.0, 1.0, turn] * len(self.varying) + [1.0, 1.0] * len(self.bands)
        low += [0.0] * len(self.drawers)
        high += [widest for _, widest in self.drawers.values()]
        low, high = low + self.physics.low, high + self.physics.high
        periodic = [value for widest in turns for value in (False, False, widest == math.pi)]
        return Chart(low, high, periodic + [False] * (len(low) - len(periodic)))

    def observed(self) -> Tensor:
        """(D,) the coordinates of O_F itself."""
        places = [torch.cat([self._pivot(cluster), torch.zeros(1)]) for cluster in self.clusters]
        openings = torch.tensor([opening for opening, _ in self.drawers.values()])
        within = torch.zeros(3 * len(self.varying) + 2 * len(self.bands))
        return torch.cat([*places, within, openings, self.physics.likeliest])

    def turn(self, particles: Tensor) -> Tensor:
        """(M,) radians by which the failed cluster is turned."""
        return self._turns(particles)[:, 0]

    def _turns(self, particles: Tensor) -> Tensor:
        """(M, K) radians by which the clusters are turned."""
        return turns(particles[:, 2 : 3 * len(self.clusters) : 3], self.along)

    def openings(self, particles: Tensor) -> Tensor:
        """(M, drawers) how far the drawers are pulled out, metres."""
        end = particles.shape[1] - len(self.physics)
        return particles[:, end - len(self.drawers) : end]

    def world(self, particles: Tensor) -> Tensor:
        """(M, K) logarithms of what is other than ordinary in the world."""
        return particles[:, particles.shape[1] - len(self.physics) :]

    def place(self, particles: Tensor) -> Placed:
        """(M, D) particles to where they put all segments."""
        own = self._own(particles)
        angle, shift = own.angle, own.shift
        rise = torch.zeros_like(angle)
        for number, (cluster, turn) in enumerate(zip(self.clusters, self._turns(particles).unbind(dim=1), strict=True)):
            x = particles[:, 3 * number : 3 * number + 2]
            pivot = self._pivot(cluster).expand(len(particles), 2)
            whole = Planar.about(pivot, turn, x)
            rows = list(cluster)
            wide = Planar(whole.angle.unsqueeze(1), whole.shift.unsqueeze(1))
            moved = wide.after(Planar(angle[:, rows], shift[:, rows]))
            angle, shift = _put(angle, rows, moved.angle), _put(shift, rows, moved.shift)
            rise = _put(rise, rows, self._rise(cluster, x, turn).unsqueeze(1).expand(-1, len(rows)))
        return Placed(Planar(angle, shift), rise)

    def place_turned_back(self, particles: Tensor) -> Placed:
        """The same as someone sees it who has turned with the failed cluster: everything turned back about its place."""
        placed, at = self.place(particles), particles[:, :2]
        back = Planar.about(at, -self.turn(particles), at)
        wide = Planar(back.angle.unsqueeze(1), back.shift.unsqueeze(1))
        return Placed(wide.after(placed.move), placed.rise)

    def log_prior(self, particles: Tensor) -> Tensor:
        """(M,) ln P(S) up to a constant: uniform over states that can be, times what is known of the world's physics."""
        return self.physics.log_prior(self.world(particles)) + self.possible(particles)

    def possible(self, particles: Tensor) -> Tensor:
        """(M,) nats that states lack: 0 where nothing overlaps and everything stands on something."""
        placed = self.place(particles)
        boxes = placed.footprints(self.solids)
        lacking = self._overlap(boxes, placed.rise) + self._off(boxes) + self._unsupported(boxes)
        return -_INFEASIBLE * lacking

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, D) draws from P(S): of several uniform ones, the first that can be, else the likeliest."""
        draws = self.chart().sample_uniform(count * _TRIES, generator)
        if len(self.physics):  # as it is known to be: it makes no state impossible
            draws[:, -len(self.physics) :] = self.physics.draw(count, generator).repeat(_TRIES, 1)
        lacking = self.possible(draws).view(_TRIES, count)
        first = (lacking > -FEASIBLE).to(torch.uint8).argmax(dim=0)
        chosen = torch.where((lacking > -FEASIBLE).any(dim=0), first, lacking.argmax(dim=0))
        return draws.view(_TRIES, count, -1)[chosen, torch.arange(count)]

    def _pivot(self, cluster: tuple[int, ...]) -> Tensor:
        """(2,) the point of O_F that a cluster's place speaks of: the middle of what carries the rest."""
        return self.solids.footprints.centre[self._root(cluster)]

    def _root(self, cluster: tuple[int, ...]) -> int:
        row = self.moved if self.moved in cluster else cluster[0]
        while self.parent.get(row) in cluster:
            row = self.parent[row]
        return row

    def _own(self, particles: Tensor) -> Planar:
        """(M, N) what every segment does within its cluster, as O_F shows it, carried along by what it stands in or on."""
        count, start = len(particles), 3 * len(self.clusters)
        together = shifts(self.bands, particles[:, start + 3 * len(self.varying) :])
        steps: dict[int, Planar] = {}
        for number, (row, own) in enumerate(zip(self.varying, self.own, strict=True)):
            x = particles[:, start + 3 * number : start + 3 * number + 3]
            centre = self.solids.footprints.centre[row].expand(count, 2)
            steps[row] = Planar.about(centre, x[:, 2], centre + own.shift(x[:, :2]) + together.get(row, torch.zeros(2)))
        for (row, (opening, _)), now in zip(self.drawers.items(), self.openings(particles).unbind(dim=1), strict=True):
            yaw = self.solids.footprints.yaw[row]
            pulled = (opening - now).unsqueeze(1) * torch.stack([yaw.cos(), yaw.sin()])
            steps[row] = Planar(torch.zeros(count), pulled)
        still = Planar(torch.zeros(count), torch.zeros(count, 2))
        moves = [self._carried(row, steps, still) for row in range(len(self.points))]
        return Planar(torch.stack([m.angle for m in moves], dim=1), torch.stack([m.shift for m in moves], dim=1))

    def _carried(self, row: int, steps: dict[int, Planar], still: Planar) -> Planar:
        step = steps.get(row, still)
        return self._carried(self.parent[row], steps, still).after(step) if row in self.parent else step

    def _rise(self, cluster: tuple[int, ...], place: Tensor, turn: Tensor) -> Tensor:
        """(M,) metres from the table below a cluster in O_F to the one below its place."""
        box = self.solids.footprints.rows(torch.tensor(self._root(cluster)))
        here = self.surroundings.height(box.centre, box.around())
        there = self.surroundings.height(place, Footprints(place, box.half, box.yaw + turn).around())
        return there - here

    def _overlap(self, boxes: Footprints, rise: Tensor) -> Tensor:
        """(M,) squared metres by which things reach into each other more than they did in O_F."""
        one, other, gap = self._pairs()
        if not len(one):
            return torch.zeros(len(rise))
        level = self.solids.level + rise.unsqueeze(-1)
        high = torch.minimum(level[:, one, 1], level[:, other, 1]) - torch.maximum(level[:, one, 0], level[:, other, 0])
        depth = penetration(boxes.rows(one), boxes.rows(other)) + gap
        still = penetration(self.solids.footprints.rows(one), self.solids.footprints.rows(other)) + gap
        return (functional.relu(depth - functional.relu(still)) ** 2 * (high > 0.002)).sum(dim=1)

    def _pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs that must not overlap, and the gap between them: not what is in or on the other."""
        found = []
        number = {row: i for i, cluster in enumerate(self.hanging) for row in cluster}
        for i, one in enumerate(self.movable):
            for other in self.movable[i + 1 :]:
                if not (leads_to(self.parent, other, one) or leads_to(self.parent, one, other)):
                    found.append((one, other, 0.0 if number[one] == number[other] else _GAP))
        columns = list(zip(*found, strict=True)) or [(), (), ()]
        return torch.tensor(columns[0], dtype=torch.long), torch.tensor(columns[1], dtype=torch.long), torch.tensor(columns[2])

    def _off(self, boxes: Footprints) -> Tensor:
        """(M,) squared metres by which what stands on tables sticks out of them, more than in O_F."""
        rows = torch.tensor([row for row in self.movable if row not in self.parent])
        now, still = boxes.rows(rows), self.solids.footprints.rows(rows)
        allowed = self.surroundings.outside(still.centre, still.around())
        return (functional.relu(self.surroundings.outside(now.centre, now.around()) - allowed) ** 2).sum(dim=1)

    def _unsupported(self, boxes: Footprints) -> Tensor:
        """(M,) squared metres by which the middle of something has left what it is in or on, more than in O_F."""
        rows = [row for row in self.varying if row in self.parent]
        if not rows:
            return torch.zeros(len(boxes.yaw))
        mine, below = torch.tensor(rows), torch.tensor([self.parent[row] for row in rows])

        def beyond(boxes: Footprints) -> Tensor:
            inner, outer = boxes.rows(mine), boxes.rows(below)
            local = turned(inner.centre - outer.centre, -outer.yaw)
            return functional.relu(local.abs() - (outer.half - 0.3 * inner.half).clamp(min=0.005)).sum(dim=-1)

        return (functional.relu(beyond(boxes) - beyond(self.solids.footprints)) ** 2).sum(dim=1)


def _put(values: Tensor, rows: list[int], new: Tensor) -> Tensor:
    """Columns of (M, N, ...) replaced, without writing into what gradients need."""
    return values.index_copy(1, torch.tensor(rows), new)
