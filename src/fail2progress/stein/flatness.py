"""Whether an information measure tells the actions of a state apart: where it does not, its slope is not worth its time.

The density of actions is exp(beta * measure) P(A). Where beta * measure has a standard deviation s over the draws of P(A) in one
state, densities there differ by about the part s, and draws of P(A) are worth 1 / (1 + s^2) of as many draws of the density
itself (the effective sample size of importance sampling): 99 % at .1 nats, a fifth of one execution in 20. Adam would follow so
slight a slope all the same, since it divides slopes by their own size. Measured in docs/decisions/0014.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fail2progress.stein.actions import PRIOR, ActionSpace, Information

FLAT = 0.1
"""Nats."""
_DRAWS = 4
"""Draws of P(A) in each state that are compared."""
_TRIES = 16


@dataclass(frozen=True)
class Felt:
    """Of what a measure adds to ln P(A), nats: means and standard deviations, within states and over all of them."""

    measure: str
    drawn: float
    """Mean over draws of P(A)."""
    drawn_within: float
    """Standard deviation over draws of one state, root of the mean square over states: what actions can make of it."""
    drawn_over_all: float
    reached: float
    """Mean over the action particles."""
    reached_over_all: float
    acts: bool
    """Whether particles were moved or chosen by it."""


def felt(information: Information, seed: int) -> tuple[Information, Tensor]:
    """The information, `flat` where it is, and what it adds (draws, M) at draws of P(A), nats; no draws where it is PRIOR."""
    if information.measure == PRIOR:
        return information, torch.zeros(0, 0)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        added = torch.stack([information.term(draw_actions(information.actions, generator)) for _ in range(_DRAWS)])
    return replace(information, flat=_within(added) < FLAT), added


def said(information: Information, added: Tensor, particles: Tensor) -> Felt | None:
    """What there is to report of a measure; added (draws, M): see `felt`. None where nothing is preferred."""
    if information.measure == PRIOR:
        return None
    with torch.no_grad():
        reached = information.term(particles)
    overall, acts = float(added.std(correction=0)), information.prefers
    ends = float(reached.mean()), float(reached.std(correction=0))
    return Felt(information.measure, float(added.mean()), _within(added), overall, *ends, acts)


def _within(added: Tensor) -> float:
    """Of (draws, M)."""
    return float(added.var(dim=0).mean().sqrt())


def draw_actions(space: ActionSpace, generator: torch.Generator) -> Tensor:
    """(M, D') draws from P(A): of several uniform ones, the likeliest."""
    count = len(space.commands.turn)
    draws = space.chart().sample_uniform(count * _TRIES, generator).view(_TRIES, count, -1)
    with torch.no_grad():
        lacking = torch.stack([space.log_prior(one) for one in draws])
    first = (lacking > -0.05).to(torch.uint8).argmax(dim=0)
    chosen = torch.where((lacking > -0.05).any(dim=0), first, lacking.argmax(dim=0))
    return draws[chosen, torch.arange(count)]
