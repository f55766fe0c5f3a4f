"""Quantiles of a few thousand values: np.quantile's to the last bit, whose own bookkeeping takes longer than to find them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array


def quantile(values: NDArray[np.floating], share: float) -> float:
    """Of finite values (n,), n at least 1, in their precision; share: in [0, 1]."""
    before, after, rest = _places(len(values), share)
    part = np.partition(values, (before, after))
    low, high = part[before], part[after]
    return float(high - (high - low) * (1 - rest) if rest >= 0.5 else low + (high - low) * rest)


def quantiles(values: NDArray[np.floating], shares: tuple[float, ...]) -> Array:
    """(k, ...) of finite values (n, ...) along their first axis, n at least 1; k shares: in [0, 1]."""
    places = [_places(len(values), share) for share in shares]
    kept = sorted({at for before, after, _ in places for at in (before, after)})
    lanes = np.partition(values.T, kept)  # along the last axis, where values lie beside each other
    between = [(lanes[..., before].T, lanes[..., after].T, rest) for before, after, rest in places]
    return np.stack([_mixed(*values) for values in between])


def quantile_of_upper(upper: NDArray[np.floating], count: int, share: float) -> Array:
    """(...) the same of one share, in double precision, of so many values of which the largest (m, ...) are known, in order: m
    reaches down to the one before the quantile."""
    before, after, rest = _places(count, share)
    return _mixed(upper[before - count], upper[after - count], rest)


def _places(count: int, share: float) -> tuple[int, int, float]:
    """Places in order of the values before and after a quantile of so many, and how far it is from the one to the other."""
    place = (count - 1) * share
    if place >= count - 1:
        return count - 1, count - 1, 0.0
    before = int(place)
    return before, before + 1, place - before


def _mixed(low: NDArray[np.floating], high: NDArray[np.floating], rest: float) -> Array:
    """In double precision, but for the step from the one to the other, which is of the values'."""
    step = np.asarray(high - low, float)
    return np.asarray(high - step * (1 - rest) if rest >= 0.5 else low + step * rest)
