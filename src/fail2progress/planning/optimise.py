"""Continuous parameters of a skeleton: shooting and the cross-entropy method over P(G) (paper section 3).

Candidates are whole sequences of points of the unit cube (K, H, d); all K are rolled out as one
batch, there is no loop over them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.core.names import unknown

Score = Callable[[Tensor], Tensor]
"""(K, H, d) points to (K,) scores in nats, higher is better."""


class Optimiser(ABC):
    """Chooses points that score well, starting from points (H, d) that a search found."""

    name: str

    @abstractmethod
    def best(self, score: Score, start: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
        """Best points (H, d) and their score; never worse than the start."""


@dataclass(frozen=True)
class Shooting(Optimiser):
    """Uniform samples, the best one wins (A.11.2, "planning details")."""

    candidates: int = 1000
    name: str = "shooting"

    def best(self, score: Score, start: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
        """See Optimiser."""
        points = torch.rand(self.candidates, *start.shape, generator=generator)
        points[0] = start
        return _best(points, score(points))


@dataclass(frozen=True)
class CrossEntropy(Optimiser):
    """Gaussian around the best so far, refitted to the elite in each round."""

    candidates: int = 64
    rounds: int = 3
    elite: int = 8
    spread: float = 0.2
    name: str = "cem"

    def __post_init__(self) -> None:
        if not 2 <= self.elite <= self.candidates:
            raise ValueError(f"the elite must be between 2 and the {self.candidates} candidates, got {self.elite}")

    def best(self, score: Score, start: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
        """See Optimiser."""
        mean, spread = start.clone(), torch.full_like(start, self.spread)
        winner, winning = start, -torch.inf
        for _ in range(self.rounds):
            noise = torch.randn(self.candidates, *start.shape, generator=generator)
            points = (mean + spread * noise).clamp(0.0, 1.0)
            points[0] = winner
            scores = score(points)
            order = scores.argsort(descending=True)[: self.elite]
            mean, spread = points[order].mean(dim=0), points[order].std(dim=0) + 0.01
            winner, winning = points[order[0]], float(scores[order[0]])
        return winner, float(winning)


OPTIMISERS: dict[str, Optimiser] = {optimiser.name: optimiser for optimiser in (Shooting(), CrossEntropy())}


def optimiser(name: str) -> Optimiser:
    """Look an optimiser up by name; ValueError names the ones that exist."""
    if name not in OPTIMISERS:
        raise ValueError(unknown("optimiser", name, OPTIMISERS))
    return OPTIMISERS[name]


def _best(points: Tensor, scores: Tensor) -> tuple[Tensor, float]:
    winner = int(scores.argmax())
    return points[winner], float(scores[winner])
