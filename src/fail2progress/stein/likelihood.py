"""ln P(R_F | xi(s) O_F): the detector's word on whether a state has the relations of the failure (paper Eq. 5, A.13.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.core.names import unknown
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.models.base import LatentState, SkillEffectModel
from fail2progress.models.prediction import Belief
from fail2progress.stein.solids import Placed
from fail2progress.stein.states import FEASIBLE, StateSpace

DIRECTIONS = ("left", "right", "front", "behind")
SCOPES = ("all", "all-robot", "support")
_HARDLY = 0.35
"""Radians by which a segment may be turned before its shape code is computed again: members turn by .3 within their cluster, and
so far by O_F's codes ln P(R_F) is off by .04 nats at most where the cluster is placed together, and by .4 of things placed apart,
which by these codes alone would be off by 1.9 (docs/decisions/0026)."""
_UNSURE = 0.2
"""Probabilities so near a half leave open whether a relation holds."""
_SUPPORT = ("above", "below", "contact", "inside")


@dataclass(frozen=True)
class FailureRelations:
    """R_F is every relation among the objects concerned, and that each stands above some table where it did.

    scope "all": directions are those of the cluster, they turn with it; of a cluster that may be turned all around all is as
    someone sees it who has turned with it, so that R_F does not speak of how it is turned (docs/decisions/0123). "all-robot": as
    the robot sees it, so that a cluster can hardly turn. "support": above, below, contact and inside alone, as it sees them.
    """

    model: SkillEffectModel
    belief: Belief
    space: StateSpace
    relations: RelationState
    scope: str = "all"
    code: Tensor | None = None
    """(M or 1, N, C) shape codes by which particles are judged, where they are given, as while they climb; else each particle is
    judged by its own (`encode`), whichever generator it comes from."""
    doubted: Tensor | None = None
    """(N, N, 9) relations of O_F that R_F shall not speak of, where there are any."""

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise ValueError(unknown("scope", self.scope, SCOPES))

    def __call__(self, particles: Tensor) -> Tensor:
        """(M, D) particles to (M,) log density."""
        return self.log_likelihood(particles) + self.space.log_prior(particles)

    def log_likelihood(self, particles: Tensor) -> Tensor:
        """(M,) nats."""
        logits, above = self._logits(particles)
        wanted = self._wanted()
        fits = wanted * functional.logsigmoid(logits) + (1.0 - wanted) * functional.logsigmoid(-logits)
        among = (fits * self._counted()).sum(dim=(1, 2, 3))
        return among + functional.logsigmoid(above).sum(dim=1)

    @torch.no_grad()
    def held(self, particles: Tensor) -> Tensor:
        """(M, R) which relations of R_F are believed to hold in states."""
        logits, above = self._logits(particles)
        return torch.cat([(logits > 0)[:, self._true() & self._counted()], above > 0], dim=1)

    def shares(self, particles: Tensor) -> Tensor:
        """(M,) of R_F what is believed to hold in each state, 0 for a state that cannot be."""
        return _share(self.held(particles)) * (self.space.possible(particles) > -FEASIBLE)

    def kept(self, particles: Tensor) -> float:
        """Share of the relations of R_F that are believed to hold in states."""
        return float(_share(self.held(particles)).mean())

    def moved(self, particles: Tensor) -> LatentState:
        """xi(s) O_F for M particles, with the shape codes of O_F."""
        return self._embedded(self.space.place(particles), self.belief.state.code)

    def as_seen(self) -> FailureRelations:
        """The same judged by the shape codes of O_F, however things are turned: nearly the same, and faster."""
        return replace(self, code=self.belief.state.code)

    @torch.no_grad()
    def encode(self, particles: Tensor) -> Tensor:
        """(M, N, C) shape codes of the segments as they are turned where R_F is looked for: for the scope "all" as someone sees
        them who has turned with the cluster. A turn changes what a partial view looks like. O_F's of what is hardly turned, or of
        what R_F says nothing of."""
        seen = self._viewed(particles)
        rows = torch.tensor(self.space.concerned)
        angle = seen.move.angle[:, rows]
        which, of = (torch.atan2(angle.sin(), angle.cos()).abs() > _HARDLY).nonzero(as_tuple=True)
        codes = self.belief.state.code.repeat(len(particles), 1, 1)
        if len(which):
            clouds = seen.points(self.space.points)[which, rows[of]]
            centred = clouds - (clouds.amin(dim=1, keepdim=True) + clouds.amax(dim=1, keepdim=True)) / 2
            codes[which, rows[of]] = torch.cat([self.model.encode(part, self.model.prepare(part)) for part in centred.split(256)])
        return codes

    def _viewed(self, particles: Tensor) -> Placed:
        """Where segments are for whom R_F counts."""
        return self.space.place_turned_back(particles) if self.scope == "all" else self.space.place(particles)

    def _logits(self, particles: Tensor) -> tuple[Tensor, Tensor]:
        """(M, R, R, 9) among the objects concerned, and (M, roots) of being above some table."""
        rows, space = list(self.space.concerned), self.space
        code = self.encode(particles) if self.code is None else self.code
        posed = self.model.detect(self._embedded(space.place(particles), code)).binary
        among = posed[:, rows][:, :, rows]
        if self.scope == "all":
            facing = self.model.detect(self._embedded(self._viewed(particles), code)).binary[:, rows][:, :, rows]
            all_around = not set(space.group) & space.fixed
            turns = torch.tensor([all_around or name in DIRECTIONS for name in BINARY])
            among = torch.where(turns, facing, among)
        above = posed[:, rows][:, :, list(space.table_rows), BINARY.index("above")].amax(dim=2)
        return among, above[:, self._stands()]

    def _stands(self) -> Tensor:
        """(R,) which of the objects concerned stood above a table in O_F."""
        above = torch.as_tensor(self.relations.binary)[..., BINARY.index("above")]
        return (above[list(self.space.concerned)][:, list(self.space.table_rows)] > 0.5).any(dim=1)

    def _true(self) -> Tensor:
        """(R, R, 9) what held in O_F."""
        rows = list(self.space.concerned)
        return torch.as_tensor(self.relations.binary)[rows][:, rows] > 0.5

    def _wanted(self) -> Tensor:
        """(R, R, 9) what shall be believed of a state: what is of O_F, rounded where that is sure.

        Blocks a millimetre apart touch with .4, and rounding that would draw them apart until they surely do not.
        """
        rows = list(self.space.concerned)
        believed = torch.as_tensor(self.relations.binary, dtype=torch.float32)[rows][:, rows]
        return torch.where((believed - 0.5).abs() < _UNSURE, believed, believed.round())

    def _counted(self) -> Tensor:
        """(R, R, 9) which relations R_F speaks of."""
        count = len(self.space.concerned)
        different = ~torch.eye(count, dtype=torch.bool).unsqueeze(-1)
        counted = different & torch.tensor([self.scope != "support" or name in _SUPPORT for name in BINARY])
        rows = list(self.space.concerned)
        return counted if self.doubted is None else counted & ~self.doubted[rows][:, rows]

    def _embedded(self, placed: Placed, code: Tensor) -> LatentState:
        clouds = placed.points(self.space.points)
        box = torch.stack([clouds.amin(dim=2), clouds.amax(dim=2)], dim=2)
        state = self.belief.state.expand(len(box))
        return self.model.embed(code.expand(len(box), -1, -1), box, state.ids, state.mask)


def _share(held: Tensor) -> Tensor:
    """(M,) of the relations (M, R) that hold: all of them where R_F has none."""
    return held.float().mean(dim=1) if held.shape[1] else torch.ones(len(held))
