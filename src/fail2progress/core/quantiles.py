"""Quantiles of one row of numbers, which numpy takes longer to prepare than to find."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quantiles(values: NDArray[np.floating], *shares: float) -> list[float]:
    """Of (n,) finite values, n >= 1: what is between two of them is interpolated, as numpy.quantile does."""
    last = len(values) - 1
    places = [share * last for share in shares]
    firsts = [int(place) for place in places]
    ordered = np.partition(values, sorted({*firsts, *(min(first + 1, last) for first in firsts)}))
    found = []
    for place, first in zip(places, firsts, strict=True):
        low, high = float(ordered[first]), float(ordered[min(first + 1, last)])
        found.append(low + (high - low) * (place - first))
    return found


def quantile(values: NDArray[np.floating], share: float) -> float:
    """One of them."""
    return quantiles(values, share)[0]
