"""Benchmarks made from failures: items with controlled difficulty, capability levels, induction, and the tests of its claims."""
