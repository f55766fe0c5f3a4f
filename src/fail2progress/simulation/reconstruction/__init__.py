"""Rebuilding what was seen as a scene (paper A.12), and checking what was rebuilt."""

from fail2progress.simulation.reconstruction.rebuild import Rebuilt, rebuild

__all__ = ["Rebuilt", "rebuild"]
