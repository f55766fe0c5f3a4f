"""Intervals and tests: two-level paired bootstrap (seeds, then items within them)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array

DIGITS = 12
"""Decimals beyond which processors may differ."""


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % percentile interval; `p`: one-sided bootstrap p-value of being at most 0."""

    value: float
    lo: float
    hi: float
    n_boot: int
    p: float

    def to_dict(self) -> dict[str, float]:
        """For reports."""
        return dict(vars(self))

    def bounds(self) -> dict[str, float]:
        """For reports, without p: what cannot fall below 0, as a standard deviation, is above it wherever anything differs."""
        return {key: value for key, value in self.to_dict().items() if key != "p"}


def two_level(
    values: Array, replicates: Array, n_boot: int, rng: np.random.Generator, level: float = 0.95, least: float = -np.inf
) -> Interval:
    """The mean over seeds of a statistic, (S,), from (S, R) replicates of each seed's own, its items drawn with replacement.

    Every replicate draws seeds, and one column of their replicates: items that seeds share are drawn alike in all of them.
    Paired: a seed's statistic is a difference of arms.
    Replicates are shifted so that a seed's have its value as their mean: items drawn with replacement add noise, which makes a
    spread such as S larger. The interval ends at `least`, below which the statistic cannot be: 0 for a spread, which the shift
    would carry below it.
    """
    seeds, own = replicates.shape
    centred = replicates - replicates.mean(axis=1, keepdims=True) + values[:, None]
    drawn = centred[rng.integers(seeds, size=(n_boot, seeds)), rng.integers(own, size=(n_boot, 1))].mean(axis=1)
    drawn = np.round(drawn, DIGITS)  # what is 0 shall be 0 on every processor
    lo, hi = np.maximum(np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]), least)
    p = (1 + int((drawn <= 0).sum())) / (1 + n_boot)
    return Interval(float(values.mean()), float(lo), float(hi), n_boot, float(p))


class Draws:
    """R draws with replacement from items that slices and seeds may share: an item comes as often wherever it stands.

    Seeds draw from one pool. Were their items drawn apart, one item would count as several independent ones.
    """

    def __init__(self, items: Iterable[str], replicates: int, rng: np.random.Generator) -> None:
        self._rows = {item: row for row, item in enumerate(dict.fromkeys(items))}
        self._counts = rng.poisson(1.0, size=(replicates, len(self._rows)))

    def counts(self, items: Sequence[str]) -> NDArray[np.int64]:
        """(R, n) how often each of n items comes; once each where none of them would."""
        found = np.asarray(self._counts[:, [self._rows[item] for item in items]], np.int64)
        found[found.sum(axis=1) == 0] = 1
        return found
