"""The Stretch RE2, simulated and real."""
