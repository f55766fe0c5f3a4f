"""Skill parameters that tell the model most: A+ by generalised Bayesian inference over the entropy loss (paper Eq. 3a, 6 and 7).

The state particles stay fixed; each has one action particle. The density is exp(beta * sum_r H(Gamma(r | xi(s) O_F, phi_F, a)))
times P(A): the gradient of H, which is what Eq. 7 says but for its logarithm (docs/decisions/0014); `log` selects that reading.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.core.names import unknown
from fail2progress.models.base import Action, LatentState, SkillEffectModel, with_tokens
from fail2progress.models.training.side_by_side import side_by_side
from fail2progress.skills.base import SkillCall
from fail2progress.skills.placement import RELEASE
from fail2progress.skills.registry import SKILLS, skill
from fail2progress.skills.samplers import Around, SteinSampler, stein_sampler
from fail2progress.skills.vocabulary import current
from fail2progress.stein.bijectors import Chart
from fail2progress.stein.commands import Commands
from fail2progress.stein.planar import turned
from fail2progress.stein.solids import EDGE, Surroundings
from fail2progress.stein.states import StateSpace

PRIOR = "prior"
"""The acquisition without a preference."""
ACQUISITIONS = ("entropy", "log-entropy", "mutual-information", PRIOR)
_BESIDE = 0.03
"""Metres beside what was aimed at that are tried as well."""
_STICKS_OUT = 0.8
"""By so much of what the failed one did must a placement stick out, where that one stuck out."""
_INFEASIBLE = 10_000.0
"""Nats per square metre: 1 cm costs one nat."""
_PASSES = 4
_DROPOUT = 0.1


@dataclass(frozen=True)
class Aim:
    """What the failed call put its object in or on, where that is no table: its row, and how it is turned (M,), radians, in every
    state. Places count along its own axes: they turn with it, and its extents are those that they may span."""

    row: int
    yaw: Tensor


@dataclass(frozen=True)
class ActionSpace:
    """Parameters of the failed skill for each state.

    Of skills with a place, where that is, or where it lies to what the failed call aimed at. Of others: see commands.py.
    """

    call: SkillCall
    space: StateSpace
    states: LatentState
    commands: Commands
    """What skills without a place may ask for."""
    aim: Aim | None = None

    @property
    def object(self) -> int:
        """Row of the skill's object."""
        return self.space.moved

    @property
    def sampler(self) -> SteinSampler:
        """How the skill's action particles move."""
        return stein_sampler(skill(self.call.skill))

    def chart(self) -> Chart:
        """Bounds of every coordinate."""
        definition = skill(self.call.skill)
        if self.aim is not None:
            room = self.space.solids.footprints.half[self.aim.row] + _BESIDE
            return Chart((-room).tolist(), room.tolist())
        bounds = self.sampler.bounds(definition, self.space.surroundings)
        bounds, beyond = bounds if self.sampler.places else self.commands.bounds(bounds), self._tables().overhang
        return Chart([value - beyond for value in bounds.low], [value + beyond for value in bounds.high], list(bounds.periodic))

    def failed(self) -> Tensor:
        """(M, D) coordinates of the failed call itself in every state."""
        if not self.sampler.places:
            return self.commands.failed()
        boxes = self.space.solids.footprints
        place = boxes.centre[self.object] + torch.tensor(self.call.parameters[:2])
        if self.aim is not None:
            place = turned(place - boxes.centre[self.aim.row], -boxes.yaw[self.aim.row])
        return place.repeat(len(self.commands.turn), 1)

    def parameters(self, particles: Tensor) -> Tensor:
        """(M, D) coordinates to (M, n) padded parameters."""
        values = self._aimed(particles, self.aim) if self.aim is not None else self._unaimed(particles)
        return functional.pad(values, (0, SKILLS.action_size - values.shape[1]))

    def _aimed(self, particles: Tensor, aim: Aim) -> Tensor:
        """Parameters of placements relative to what the failed call aimed at, let go above it."""
        mine, other = self.states.box[:, self.object], self.states.box[:, aim.row]
        shift = turned(particles, aim.yaw) + other.mean(dim=1)[:, :2] - mine.mean(dim=1)[:, :2]
        rise = other[:, 1, 2] - mine[:, 0, 2] + RELEASE
        return torch.cat([shift, rise.unsqueeze(1), self._rest(3, len(particles))], dim=1)

    def _unaimed(self, particles: Tensor) -> Tensor:
        values = self.sampler.parameters(particles, self._around())
        if self.sampler.places:
            return torch.cat([values[:, :3], self._rest(3, len(particles))], dim=1)
        return self.commands.parameters(values)

    def _rest(self, start: int, count: int) -> Tensor:
        """(count, n - start) the failed call's further parameters, such as a turn of what is placed."""
        return torch.tensor(self.call.parameters[start:]).expand(count, -1)

    def action(self, particles: Tensor) -> Action:
        """The skill calls of all particles."""
        return self.call_with(self.parameters(particles))

    def call_with(self, parameters: Tensor) -> Action:
        """The failed skill of the same object with (M, n) padded parameters."""
        count = len(parameters)
        index = torch.full((count,), current().index(self.call.skill))
        return Action(index, torch.full((count,), self.object), parameters)

    def log_prior(self, particles: Tensor) -> Tensor:
        """(M,) ln P(A) up to a constant. A placement sticks out of the table about as far as the failed one, and no farther: what
        falls off an edge is told by placements at edges (docs/decisions/0061)."""
        if self.aim is not None:
            return torch.zeros(len(particles))
        around, tables = self._around(), self._tables()
        fits = self.sampler.log_prior(particles, around)
        if not self.sampler.places or tables.overhang <= EDGE:
            return fits
        half = (around.box[:, self.object, 1] - around.box[:, self.object, 0])[:, :2] / 2
        short = functional.relu(_STICKS_OUT * tables.overhang - tables.outside(particles, half))
        return fits - _INFEASIBLE * short**2

    def _around(self) -> Around:
        """What hangs together with the object is not in its way."""
        others = tuple(row for row in self.space.movable if row not in self.space.group)
        return Around(self.states.box, self.object, self._tables(), others)

    def _tables(self) -> Surroundings:
        around = self.space.surroundings
        if not self.sampler.places:
            return around
        still = self.space.solids.footprints.rows(torch.tensor(self.object))
        place = still.centre + torch.tensor(self.call.parameters[:2])
        return replace(around, overhang=float(around.outside(place, still.around())))


def aim(call: SkillCall, space: StateSpace, particles: Tensor) -> Aim | None:
    """See Aim, in the states of (M, D) particles; None of a call that aims at a table, or at nothing."""
    row = aimed_at(call, space)
    return None if row is None else Aim(row, space.place(particles).footprints(space.solids).yaw[:, row])


def aimed_at(call: SkillCall, space: StateSpace) -> int | None:
    """What a pick-and-place puts its object in or on: the highest thing under its place that does not move with it, no table."""
    if not stein_sampler(skill(call.skill)).places:
        return None
    place = space.solids.footprints.centre[space.moved] + torch.tensor(call.parameters[:2])
    boxes = space.solids.footprints
    inside = (turned(place - boxes.centre, -boxes.yaw).abs() < boxes.half).all(dim=-1)
    under = [row for row in space.movable if bool(inside[row]) and row not in carried(space)]
    return max(under, key=lambda row: float(space.solids.level[row, 1]), default=None)


def carried(space: StateSpace) -> set[int]:
    """The object of the skill and what is in or on it."""
    found = {space.moved}
    for _ in space.parent:
        found |= {row for row, parent in space.parent.items() if parent in found}
    return found


@dataclass(frozen=True)
class Information:
    """ln of the action density: an information measure of the relations of the objects concerned, plus ln P(A)."""

    model: SkillEffectModel
    actions: ActionSpace
    measure: str = "entropy"
    beta: float = 1.0
    seed: int = 0
    flat: bool = False
    """Whether the measure is about the same for all that may be asked for, and left out of the density (flatness.py)."""

    @property
    def prefers(self) -> bool:
        """Whether the density has more in it than P(A)."""
        return self.measure != PRIOR and not self.flat

    def __call__(self, particles: Tensor) -> Tensor:
        """(M, D) particles to (M,) log density."""
        more = self.term(particles) if self.prefers else 0.0 * particles.sum(dim=1)
        return more + self.actions.log_prior(particles)

    def term(self, particles: Tensor) -> Tensor:
        """(M,) nats that the measure adds to ln P(A), whether or not it is left out."""
        gain = self.gain(particles)
        return self.beta * (torch.log(gain.clamp(min=1e-9)) if self.measure == "log-entropy" else gain)

    def gain(self, particles: Tensor) -> Tensor:
        """(M,) nats: summed entropy of the predicted relations, or what of it is the model's own doubt."""
        if self.measure == PRIOR:
            return torch.zeros(len(particles))
        parameters = self.actions.parameters(particles)
        if self.measure != "mutual-information":
            return _entropy(self._probabilities(self.actions.states, parameters)).sum(dim=1)
        generator = torch.Generator().manual_seed(self.seed)
        dropped = [self._dropped(generator) for _ in range(_PASSES)]
        passes = torch.stack(side_by_side([partial(self._probabilities, states) for states in dropped], parameters))
        return (_entropy(passes.mean(dim=0)) - _entropy(passes).mean(dim=0)).sum(dim=1)

    def _probabilities(self, states: LatentState, parameters: Tensor) -> Tensor:
        """(M, relations) of the objects concerned, to each other and to the tables; parameters (M, n), padded."""
        space = self.actions.space
        rows, columns = list(space.concerned), [*space.concerned, *space.table_rows]
        logits = self.model.predict(states, self.actions.call_with(parameters)).relations.binary[:, rows][:, :, columns]
        different = torch.tensor([[row != column for column in columns] for row in rows])
        return torch.sigmoid(logits[:, different].flatten(1))

    def _dropped(self, generator: torch.Generator) -> LatentState:
        """The states with a tenth of the latent features left out, the same ones for all particles."""
        tokens = self.actions.states.tokens
        keep = (torch.rand(tokens.shape[-1], generator=generator) > _DROPOUT).to(tokens.dtype)
        return with_tokens(self.actions.states, tokens * keep / (1 - _DROPOUT))


def _entropy(p: Tensor) -> Tensor:
    """Of Bernoulli variables, nats; clamped, since the gradient of p ln p has no limit at 0."""
    p = p.clamp(1e-6, 1 - 1e-6)
    return -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p))


def information(model: SkillEffectModel, actions: ActionSpace, measure: str, seed: int = 0) -> Information:
    """Look a measure up by name; ValueError names the ones that exist."""
    if measure not in ACQUISITIONS:
        raise ValueError(unknown("acquisition", measure, ACQUISITIONS))
    return Information(model, actions, measure, seed=seed)
