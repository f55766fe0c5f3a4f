"""Ways to make D+ by name: each draws states and then actions, from the same chart and with the same budget.

Another package adds one by an entry point of the group `fail2progress.generators`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from fail2progress.core.registry import Registry, RegistryError, instance_of
from fail2progress.stein.actions import PRIOR, Information
from fail2progress.stein.flatness import draw_actions
from fail2progress.stein.likelihood import FailureRelations
from fail2progress.stein.svgd import direction_named, optimise

_AT_ONCE = 256
"""States that rejection draws at once."""


class GeneratorError(RegistryError):
    """A generator that gives something else than states and actions."""


@dataclass(frozen=True)
class Budget:
    """How many particles, and the steps of those that take any; sampling takes draws instead."""

    particles: int = 50
    state_steps: int = 80
    action_steps: int = 24
    learning_rate: float = 0.05
    state_rate: float = 0.05
    """Learning rate of states; that of actions is `learning_rate`."""
    rounds: int = 4
    """Shape codes of turned segments are computed again at the start of each."""
    tempered: float = 1.0
    """With which part of the log density the first round climbs; it grows by one factor from round to round, to the whole."""
    most: int = 100_000
    """Draws after which rejection is content with those that keep most of R_F."""
    starts: int = 8
    """Draws of how the members of the failed cluster lie, of which every particle that moves begins with the likeliest."""
    tries: int = 15
    """Draws of P(S), and of P(A), that sampling takes for each particle; each is the first feasible of many uniform ones."""

    @property
    def shares(self) -> list[float]:
        """Of each round: which part of the log density."""
        last = self.rounds - 1
        return [self.tempered ** (1.0 - number / last) for number in range(last)] + [1.0]

    @property
    def steps(self) -> list[int]:
        """Of each round: steps of states, `state_steps` together."""
        ends = [self.state_steps * number // self.rounds for number in range(self.rounds + 1)]
        return [end - start for start, end in pairwise(ends)]


@runtime_checkable
class SampleGenerator(Protocol):
    """States S+ and actions A+ around a failure."""

    slopes: ClassVar[bool]
    """Whether states follow the model's gradient."""
    measured: ClassVar[bool]
    """Whether actions are chosen by what they would tell; otherwise they are drawn or given."""

    @property
    def explores(self) -> bool:
        """Whether a part of D+ may be drawn from P(S) as it is."""

    def states(self, density: FailureRelations, start: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
        """(M, D) particles from M draws of P(S)."""

    def actions(self, information: Information, budget: Budget, generator: torch.Generator, failed: Tensor) -> Tensor:
        """(M, D') action particles, one for each state; `failed` (M, D') are the failed call's."""


@dataclass(frozen=True)
class Prior:
    """Draws from P(S) and P(A), and nothing else."""

    slopes: ClassVar[bool] = False
    measured: ClassVar[bool] = False

    @property
    def explores(self) -> bool:
        """See SampleGenerator."""
        return True

    def states(self, density: FailureRelations, start: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
        """See SampleGenerator."""
        return start

    def actions(self, information: Information, budget: Budget, generator: torch.Generator, failed: Tensor) -> Tensor:
        """See SampleGenerator."""
        return draw_actions(information.actions, generator)


@dataclass(frozen=True)
class Inference(Prior):
    """Particles moved together, uphill and apart from one another, along Stein's direction: the paper's method."""

    slopes: ClassVar[bool] = True
    measured: ClassVar[bool] = True
    direction: str = "stein"

    def states(self, density: FailureRelations, start: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
        """See SampleGenerator."""
        chart, states = density.space.chart(), arranged(density, start, budget.starts, generator)
        for share, steps in zip(budget.shares, budget.steps, strict=True):
            seen = replace(density, code=density.encode(states))
            states = optimise(
                partial(_tempered, seen, share),
                states,
                direction_named(self.direction),
                steps=steps,
                learning_rate=budget.state_rate,
                chart=chart,
            ).particles
        return states

    def actions(self, information: Information, budget: Budget, generator: torch.Generator, failed: Tensor) -> Tensor:
        """See SampleGenerator."""
        start = draw_actions(information.actions, generator)
        if information.measure == PRIOR:  # drawn as it says already
            return start
        return optimise(
            information,
            start.requires_grad_(),
            direction_named(self.direction),
            steps=budget.action_steps,
            learning_rate=budget.learning_rate,
            chart=information.actions.chart(),
        ).particles


@dataclass(frozen=True)
class Gradient(Inference):
    """Particles moved each alone uphill, all in one batch: the paper's Gradient baseline makes them one after the other, which
    gives the same particles later (docs/decisions/0138)."""

    direction: str = "gradient"


@dataclass(frozen=True)
class Sampling(Prior):
    """The paper's Sampling baseline within a budget, without slopes: of many draws of P(S) those that are likeliest to have R_F,
    three times as many as there are particles, which are drawn from these; of as many draws of P(A) in each state one, as
    probable as the density of actions says it is among them. Rejection goes on without a budget (0126)."""

    measured: ClassVar[bool] = True

    @torch.no_grad()
    def states(self, density: FailureRelations, start: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
        """See SampleGenerator."""
        count = len(start)
        draws = torch.cat([start, density.space.draw(count * (budget.tries - 1), generator)])
        values = torch.cat([density(part) for part in draws.split(256)])
        best = draws[values.argsort(descending=True)[: 3 * count]]
        return best[torch.randperm(len(best), generator=generator)[:count]]

    @torch.no_grad()
    def actions(self, information: Information, budget: Budget, generator: torch.Generator, failed: Tensor) -> Tensor:
        """See SampleGenerator: of so many draws of P(A) one, by their density. What P(A) makes unlikely is seldom drawn, and
        weighs little, too: these actions follow the measure somewhat less than Stein's particles, however many are drawn."""
        if not information.prefers:
            return draw_actions(information.actions, generator)
        draws = torch.stack([draw_actions(information.actions, generator) for _ in range(budget.tries)])
        weights = torch.stack([information(one) for one in draws], dim=1).softmax(dim=1)
        chosen = torch.multinomial(weights, 1, generator=generator).squeeze(1)
        return draws[chosen, torch.arange(len(failed))]


@dataclass(frozen=True)
class Rejection(Sampling):
    """Draws of P(S) until every particle can be and is believed to have all of R_F: what the paper calls its Sampling baseline
    (A.15), which takes as long as that takes, up to the `most` draws of the budget."""

    @torch.no_grad()
    def states(self, density: FailureRelations, start: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
        """See SampleGenerator."""
        best, shares, drawn = start, density.shares(start), len(start)
        roughly = density.as_seen()
        while (shares < 1.0).any() and drawn < budget.most:
            draws = density.space.draw(_AT_ONCE, generator)
            drawn += len(draws)
            draws = draws[roughly.shares(draws) > shares.min()]  # shape codes of the rest are not worth their time
            if len(draws):
                every = torch.cat([shares, density.shares(draws)])
                order = every.argsort(descending=True, stable=True)[: len(start)]
                best, shares = torch.cat([best, draws])[order], every[order]
        return best


@dataclass(frozen=True)
class Fixed(Prior):
    """Actions stay the failed call's, turned with its cluster: domain randomisation. `near`: so do states, nearly."""

    near: bool = False
    shift: float = 0.003
    """Standard deviation of near-copies' coordinates, ten times as much where these go round: places in metres, members of the
    failed cluster in parts of what they may shift. What stood along an edge is hardly turned (stein/turns.py)."""

    @property
    def explores(self) -> bool:
        """See SampleGenerator."""
        return not self.near

    def states(self, density: FailureRelations, start: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
        """See SampleGenerator."""
        if not self.near:
            return start
        chart, seen = density.space.chart(), density.space.observed()
        scale = self.shift * torch.where(torch.tensor(chart.periodic), 10.0, 1.0)
        noise = scale * torch.randn(start.shape, generator=generator)
        return (seen + noise).clamp(torch.tensor(chart.low), torch.tensor(chart.high))

    def actions(self, information: Information, budget: Budget, generator: torch.Generator, failed: Tensor) -> Tensor:
        """See SampleGenerator."""
        return failed.clone()


@dataclass(frozen=True)
class NearCopies(Fixed):
    """States stay nearly the one that was seen, and actions the failed call's: near-copies of the failure."""

    near: bool = True


def _tempered(density: FailureRelations, share: float, states: Tensor) -> Tensor:
    """(M,) a part of the log density: flatter, so that particles reach what lies behind a hollow (annealed SVGD, D'Angelo and
    Fortuin 2021)."""
    return share * density(states)


@torch.no_grad()
def arranged(density: FailureRelations, start: Tensor, tries: int, generator: torch.Generator) -> Tensor:
    """(M, D) the likeliest of `tries` arrangements within the failed cluster, clusters where the draws `start` (M, D) put them.

    Places are not chosen from: what the detector thinks of them would narrow where the failure is learnt.
    """
    count, width = start.shape
    places = 3 * len(density.space.clusters)
    within = density.space.draw(count * (tries - 1), generator).view(tries - 1, count, width)[..., places:]
    others = torch.cat([start[:, :places].expand(tries - 1, -1, -1), within], dim=-1)
    end = width - len(density.space.physics)  # relations say nothing of the world's physics: the draws stay as they are
    others[..., end:] = start[:, end:]
    states = torch.cat([start.unsqueeze(0), others])
    values = torch.cat([density(part) for part in states.flatten(0, 1).split(256)]).view(tries, count)
    return states[values.argmax(dim=0), torch.arange(count)]


WITHOUT_SLOPES = "sampling"
"""What is used where a model has no gradient to follow."""
GENERATORS: Registry[SampleGenerator] = Registry(
    "generator of samples", "fail2progress.generators", form=instance_of(SampleGenerator)
)


@dataclass(frozen=True)
class Checked:
    """A generator by its name, with a look at what it gives: another package's may give anything."""

    name: str
    part: SampleGenerator

    def states(self, density: FailureRelations, start: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
        """See SampleGenerator. GeneratorError where they are none."""
        return self._looked_at("states", self.part.states(density, start, budget, generator), start)

    def actions(self, information: Information, budget: Budget, generator: torch.Generator, failed: Tensor) -> Tensor:
        """See SampleGenerator. GeneratorError where they are none."""
        return self._looked_at("actions", self.part.actions(information, budget, generator, failed), failed)

    def _looked_at(self, method: str, given: object, like: Tensor) -> Tensor:
        """Finite numbers in the shape of others (M, D), as numbers of their kind."""
        if isinstance(given, Tensor) and given.shape == like.shape and bool(given.isfinite().all()):
            return given.detach().to(like.dtype)
        shape = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        gave = "numbers that are not finite" if shape == tuple(like.shape) else shape
        raise GeneratorError(
            f"{GENERATORS.kind} {self.name!r} of {GENERATORS.source(self.name)}: {method}() must give a tensor "
            f"{tuple(like.shape)} of finite numbers, a row for each particle, it gave {gave}"
        )


GENERATORS.register("stein", Inference())
GENERATORS.register("gradient", Gradient())
GENERATORS.register(WITHOUT_SLOPES, Sampling())
GENERATORS.register("prior", Prior())
GENERATORS.register("near-copies", NearCopies())
GENERATORS.register("domain-randomisation", Fixed())
GENERATORS.register("rejection", Rejection())
