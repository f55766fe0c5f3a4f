"""Robots behind one interface: simulated and real."""
