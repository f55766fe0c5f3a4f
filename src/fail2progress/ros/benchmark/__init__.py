"""Latency of the running stack, measured by a client of it."""
