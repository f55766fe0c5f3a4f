"""What a robot can do at all: grasp width, reach and speed (Stretch RE2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """In metres, kilograms and metres per second."""

    gripper_opening: float = 0.16
    low: tuple[float, float, float] = (-0.2, -1.6, 0.10)
    high: tuple[float, float, float] = (1.8, 1.6, 1.20)
    speed: float = 1.0
    """Peak speed of a carried object; faster than about 1.6 m/s things are thrown out of containers."""


STRETCH_RE2 = Limits()
HANDLE_STIFFNESS, HANDLE_DAMPING, HANDLE_FORCE = 600.0, 30.0, 25.0
"""N/m, N s/m and at most N with which a hand keeps a drawer's handle where it shall be."""
