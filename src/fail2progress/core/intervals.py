"""How sure a share is."""

from __future__ import annotations

from typing import Any

from scipy.stats import binomtest


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share; trials at least 1."""
    found: Any = binomtest(successes, trials).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
