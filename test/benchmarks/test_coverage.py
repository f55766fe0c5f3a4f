"""How often the intervals of a benchmark hold the truth, by simulation: what docs/guide/benchmarks.md says of it."""

import numpy as np
import pytest

from fail2progress.benchmarks.bootstrap import Draws, two_level
from fail2progress.core.scene import Array

TRUTH = 0.4
BOOT = 200
RUNS = 200


def slices(pool: int | None, seeds: int, items: int, rng: np.random.Generator) -> list[tuple[list[str], Array]]:
    """Each seed's items and whether a model is right on them, drawn from one pool, or every seed's own."""
    right = (rng.random(pool or seeds * items) < TRUTH).astype(float)
    rows = np.array([rng.permutation(pool)[:items] for _ in range(seeds)]) if pool else np.arange(right.size).reshape(seeds, -1)
    return [([str(row) for row in mine], right[mine]) for mine in rows]


def covered(pool: int | None, seeds: int, items: int, number: int) -> tuple[bool, bool]:
    """Whether the interval of an accuracy holds the truth: by two levels, and by drawing seeds alone."""
    rng = np.random.default_rng([number, seeds, items])
    drawn = slices(pool, seeds, items, rng)
    draws = Draws((item for names, _ in drawn for item in names), BOOT, rng)
    counts = [draws.counts(names) for names, _ in drawn]
    values = np.array([right.mean() for _, right in drawn])
    replicates = np.array([count @ right / count.sum(axis=1) for count, (_, right) in zip(counts, drawn, strict=True)])
    both = two_level(values, replicates, BOOT, rng)
    alone = two_level(values, np.repeat(values[:, None], BOOT, axis=1), BOOT, rng)
    return both.lo <= TRUTH <= both.hi, alone.lo <= TRUTH <= alone.hi


@pytest.mark.parametrize(
    ("pool", "seeds", "items", "least", "most", "seeds_alone_at_most"),
    [(1000, 10, 200, 0.93, 0.99, 0.75), (120, 4, 20, 0.95, 1.0, 0.80), (None, 10, 20, 0.98, 1.0, 0.94)],
)
def test_seeds_of_one_pool_are_covered_by_two_levels_and_not_by_seeds_alone(
    pool: int | None, seeds: int, items: int, least: float, most: float, seeds_alone_at_most: float
) -> None:
    """Where seeds share no item, an item's chance counts at both levels, and intervals are too wide."""
    both, alone = np.mean([covered(pool, seeds, items, number) for number in range(RUNS)], axis=0)
    assert least <= both <= most
    assert alone <= seeds_alone_at_most < both
