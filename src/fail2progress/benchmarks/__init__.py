"""Performance ratios measured in one run, and benchmarks induced from a model's failures."""
