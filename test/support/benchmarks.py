"""Rules of the run of a benchmark that tests look at."""

from fail2progress.benchmarks.config import Rules

RUN_RULES = Rules(generators=("cluster", "shuffled"), k=2, budget=8, n_seeds=2, n_boot=40, fewest_failures=3, anchors=6)
