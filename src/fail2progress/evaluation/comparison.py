"""Which of two methods is better, on the same trials: exact paired tests, corrected for many comparisons after Holm."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy.stats import binomtest, rankdata, wilcoxon

from fail2progress.core.scene import Array

LEVEL = 0.05
_EXACT = 200
"""Differences up to which every way in which signs can fall is counted; of more of them the normal law tells the same."""
_DIGITS = 9
"""Of differences: what floating point adds makes none and breaks no tie."""


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


def signed_rank(differences: Sequence[float] | Array) -> float:
    """Two-sided p of Wilcoxon's signed-rank test that paired differences lie around 0; 1 where none is left.

    Differences of 0 and unknown ones (NaN) are dropped first; with n left, exact by the ranks that there are, ties included, so
    that no p is below 2 / 2^n.
    """
    known = _known(differences)
    if len(known) > _EXACT:
        return float(wilcoxon(known).pvalue)
    doubled = np.rint(2 * rankdata(np.abs(known))).astype(np.int64)  # middle ranks of ties are halves
    odds = np.ones(1)
    for rank in doubled.tolist():  # the sum of ranks whose sign is plus, when each is as a coin falls
        odds = 0.5 * (np.pad(odds, (0, rank)) + np.pad(odds, (rank, 0)))
    plus = int(doubled[known > 0].sum())
    return min(1.0, 2.0 * float(min(odds[: plus + 1].sum(), odds[plus:].sum())))


def leaning(differences: Sequence[float] | Array) -> int:
    """To which side the differences lean by the ranks that `signed_rank` tests: 1 above 0, -1 below, 0 to neither. Their mean may
    lean to the other side, as many small ones outrank a few large ones."""
    known = _known(differences)
    return int(np.sign(np.rint(2 * rankdata(np.abs(known))) @ np.sign(known)))


def _known(differences: Sequence[float] | Array) -> Array:
    known = np.round(np.asarray(differences, float), _DIGITS)
    return np.asarray(known[np.isfinite(known) & (known != 0.0)])


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
