"""Which trials are used for what, by their seeds."""

from __future__ import annotations

LEARNING_SEEDS = 10_000
"""Trials that failures are met in start here, some more for each seed."""
EVALUATION_SEEDS = 500_000
"""Trials that the same seed then measures a model on start here; those of `evaluate`, from the seed times 100,000 on."""
FRESH_SEEDS = 40_000_000
"""Studies measure what a lesson costs on executions of the pre-training distribution of this seed and their own."""


def first_seed(seed: int) -> int:
    """Seed of the first trial of a story."""
    return LEARNING_SEEDS + 100 * seed
