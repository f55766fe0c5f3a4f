"""Which trials are used for what, by their seeds."""

from __future__ import annotations

LEARNING_SEEDS = 10_000
"""Trials that failures are met in; evaluation uses seeds from EVALUATION_SEEDS on, so no trial is in both."""
EVALUATION_SEEDS = 500_000


def first_seed(seed: int) -> int:
    """Seed of the first trial of a story."""
    return LEARNING_SEEDS + 100 * seed
