"""The largest numbers that options take: beyond them a mistyped digit would fill the memory or the process table."""

MOST = 1_000_000
"""Trials, items, executions, epochs and the like."""
MOST_PROCESSES = 512
MOST_SEED = 2**31 - 1
"""Seeds of trials follow from a seed times 100,000, and must fit into 64 bits."""
