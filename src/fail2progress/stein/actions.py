"""Skill parameters that tell the model most: A+ by generalised Bayesian inference over the entropy loss (paper Eq. 3a, 6 and 7).

The state particles stay fixed; each has one action particle. The density is exp(beta * sum_r H(Gamma(r | xi(s) O_F, phi_F, a)))
times P(A): the gradient of H, which is what Eq. 7 says but for its logarithm (docs/decisions/0014); `log` selects that reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.models.base import Action, LatentState, SkillEffectModel, with_tokens
from fail2progress.skills.registry import SKILLS, skill
from fail2progress.skills.samplers import Around, SteinSampler, stein_sampler
from fail2progress.skills.vocabulary import current
from fail2progress.stein.bijectors import Chart
from fail2progress.stein.states import StateSpace

ACQUISITIONS = ("entropy", "log-entropy", "mutual-information", "prior")
_PASSES = 6
_DROPOUT = 0.1


@dataclass(frozen=True)
class ActionSpace:
    """Parameters of the failed skill for each state, in the coordinates that the skill has for them."""

    name: str
    object: int
    space: StateSpace
    states: LatentState

    @property
    def sampler(self) -> SteinSampler:
        """How the skill's action particles move."""
        return stein_sampler(skill(self.name))

    def chart(self) -> Chart:
        """Bounds of every coordinate, as the skill declares them."""
        bounds = self.sampler.bounds(skill(self.name), self.space.surroundings)
        return Chart(bounds.low, bounds.high, bounds.periodic)

    def parameters(self, particles: Tensor) -> Tensor:
        """(M, D) coordinates to (M, n) padded parameters."""
        values = self.sampler.parameters(particles, self._around())
        return functional.pad(values, (0, SKILLS.action_size - values.shape[1]))

    def action(self, particles: Tensor) -> Action:
        """The skill calls of all particles."""
        count = len(particles)
        index = torch.full((count,), current().index(self.name))
        return Action(index, torch.full((count,), self.object), self.parameters(particles))

    def log_prior(self, particles: Tensor) -> Tensor:
        """(M,) ln P(A) up to a constant."""
        return self.sampler.log_prior(particles, self._around())

    def _around(self) -> Around:
        """What the object would carry along is not in its way."""
        space = self.space
        others = [row for row in space.movable if row != self.object and space.parent.get(row) != self.object]
        return Around(self.states.box, self.object, space.surroundings, tuple(others))


@dataclass(frozen=True)
class Information:
    """ln of the action density: an information measure of the relations of the objects concerned, plus ln P(A)."""

    model: SkillEffectModel
    actions: ActionSpace
    measure: str = "entropy"
    beta: float = 1.0
    seed: int = 0

    def __call__(self, particles: Tensor) -> Tensor:
        """(M, D) particles to (M,) log density."""
        gain = self.gain(particles)
        gain = torch.log(gain.clamp(min=1e-9)) if self.measure == "log-entropy" else gain
        return self.beta * gain + self.actions.log_prior(particles)

    def gain(self, particles: Tensor) -> Tensor:
        """(M,) nats: summed entropy of the predicted relations, or what of it is the model's own doubt."""
        if self.measure == "prior":
            return torch.zeros(len(particles))
        action = self.actions.action(particles)
        if self.measure != "mutual-information":
            return _entropy(self._probabilities(self.actions.states, action)).sum(dim=1)
        generator = torch.Generator().manual_seed(self.seed)
        passes = torch.stack([self._probabilities(self._dropped(generator), action) for _ in range(_PASSES)])
        return (_entropy(passes.mean(dim=0)) - _entropy(passes).mean(dim=0)).sum(dim=1)

    def _probabilities(self, states: LatentState, action: Action) -> Tensor:
        """(M, relations) of the objects concerned, to each other and to the tables."""
        space = self.actions.space
        rows, columns = list(space.concerned), [*space.concerned, *space.table_rows]
        logits = self.model.predict(states, action).relations.binary[:, rows][:, :, columns]
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
        raise ValueError(f"unknown acquisition {measure!r}; known: {', '.join(ACQUISITIONS)}")
    return Information(model, actions, measure, seed=seed)
