"""Skill parameters that tell the model most: A+ by generalised Bayesian inference over the entropy loss (paper Eq. 3a, 6 and 7).

The state particles stay fixed; each has one action particle. The density is exp(beta * sum_r H(Gamma(r | xi(s) O_F, phi_F, a)))
times P(A): the gradient of H, which is what Eq. 7 says but for its logarithm (DESIGN 5); `log` selects that reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.models.base import Action, LatentState, SkillEffectModel, with_tokens
from fail2progress.models.prediction import SKILL_NAMES
from fail2progress.skills.base import ACTION_SIZE, PICK_PLACE, skill
from fail2progress.stein.bijectors import Chart
from fail2progress.stein.states import StateSpace

ACQUISITIONS = ("entropy", "log-entropy", "mutual-information", "prior")
_RELEASE = 0.012
_PASSES = 6
_DROPOUT = 0.1


@dataclass(frozen=True)
class ActionSpace:
    """Parameters of the failed skill for each state: for pick-and-place a place (x, y) on the tables, else the raw parameters."""

    name: str
    object: int
    space: StateSpace
    states: LatentState

    def chart(self) -> Chart:
        """Bounds of every coordinate: metres, or as the skill declares them; directions are periodic."""
        if self.name == PICK_PLACE.name:
            around = self.space.surroundings
            return Chart(around.low.tolist(), around.high.tolist())
        parameters = skill(self.name).parameters
        periodic = [parameter.unit == "rad" for parameter in parameters]
        return Chart([p.low for p in parameters], [p.high for p in parameters], periodic)

    def parameters(self, particles: Tensor) -> Tensor:
        """(M, D) coordinates to (M, 4) padded parameters."""
        if self.name != PICK_PLACE.name:
            return functional.pad(particles, (0, ACTION_SIZE - particles.shape[1]))
        mine = self.states.box[:, self.object]
        half, middle = (mine[:, 1] - mine[:, 0])[:, :2] / 2, mine.mean(dim=1)[:, :2]
        around = self.space.surroundings
        rise = around.height(particles, half) - around.height(middle, half) + _RELEASE
        return torch.cat([particles - middle, rise.unsqueeze(1), torch.zeros(len(particles), 1)], dim=1)

    def action(self, particles: Tensor) -> Action:
        """The skill calls of all particles."""
        count = len(particles)
        index = torch.full((count,), SKILL_NAMES.index(self.name))
        return Action(index, torch.full((count,), self.object), self.parameters(particles))

    def log_prior(self, particles: Tensor) -> Tensor:
        """(M,) ln P(A) up to a constant: uniform over placements on a table where nothing else stands."""
        if self.name != PICK_PLACE.name:
            return torch.zeros(len(particles))
        mine = self.states.box[:, self.object]
        half = (mine[:, 1] - mine[:, 0])[:, :2] / 2
        off = self.space.surroundings.off_table(particles, half)
        total = torch.zeros(len(particles))
        for row in self.space.movable:
            if row != self.object and self.space.parent.get(row) != self.object:
                other = self.states.box[:, row, :, :2]
                over = torch.minimum(particles + half, other[:, 1]) - torch.maximum(particles - half, other[:, 0])
                total = total + functional.relu(over + 0.015).amin(dim=1) ** 2
        return -2000.0 * (off + total)


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
