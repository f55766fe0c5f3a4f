"""Which of two methods is better, on the same trials: McNemar's exact test, corrected for many comparisons after Holm."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from scipy.stats import binomtest

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """Two methods on the trials that both went through. `first` is the one that succeeded in more of them."""

    where: str
    first: str
    second: str
    pairs: int
    only_first: int
    """Trials in which the first succeeded alone."""
    only_second: int
    p: float
    """Two-sided, of this comparison alone."""
    adjusted: float
    """After Holm, over all comparisons that were made together."""

    @property
    def shown(self) -> bool:
        """Whether the test says that the first is better."""
        return self.only_first > self.only_second and self.adjusted < LEVEL

    def to_dict(self) -> dict[str, object]:
        """For reports."""
        return {**asdict(self), "shown": self.shown}

    def __str__(self) -> str:
        verdict = (
            f"{self.first} beats {self.second}" if self.shown else f"no difference shown between {self.first} and {self.second}"
        )
        counts = f"{self.only_first} to {self.only_second} of {self.pairs} trials decide"
        return f"{self.where}: {verdict} ({counts}, p = {self.adjusted:.2g})"


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p of McNemar's test: trials that only one of two succeeds in fall to either alike, as a coin does."""
    decided = only_first + only_second
    return float(binomtest(only_first, decided, 0.5).pvalue) if decided else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """P values adjusted so that the chance of any wrong claim among them stays below the level (Holm 1979)."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = highest
    return adjusted


Successes = Mapping[int, bool]
"""Success by the trial's seed."""


def compare(groups: Iterable[tuple[str, Mapping[str, Successes]]]) -> list[Comparison]:
    """Every two methods of every group, all corrected together. A group has a name, and the successes of each of its methods."""
    found = [
        _compared(where, one, other, methods[one], methods[other])
        for where, methods in groups
        for one, other in itertools.combinations(methods, 2)
    ]
    adjusted = holm([comparison.p for comparison in found])
    return [replace(comparison, adjusted=value) for comparison, value in zip(found, adjusted, strict=True)]


def _compared(where: str, one: str, other: str, ones: Successes, others: Successes) -> Comparison:
    both = ones.keys() & others.keys()
    first = sum(ones[seed] and not others[seed] for seed in both)
    second = sum(others[seed] and not ones[seed] for seed in both)
    if second > first:
        one, other, first, second = other, one, second, first
    p = mcnemar(first, second)
    return Comparison(where, one, other, len(both), first, second, p, p)
