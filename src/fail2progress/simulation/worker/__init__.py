"""A simulator that runs in other processes, spoken to over the worker protocol."""
