"""Trials over tasks, performance ratios, and the studies that make the tables of the paper."""
