"""A worker on Isaac Gym Preview 4: Python 3.8, numpy, the standard library and the worker protocol alone."""
