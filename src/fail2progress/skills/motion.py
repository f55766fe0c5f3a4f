"""The motion that a skill commands for its object, of numpy arrays and torch tensors alike, with gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from fail2progress.core.scene import Array


@dataclass(frozen=True)
class Commanded:
    """shift (..., 3) in metres in the planning frame; angle (...) in radians: a turn or a direction, whatever the skill has;
    turn (...) in radians, by which the object is turned about its middle."""

    shift: Any
    angle: Any
    turn: Any


Motion = Callable[[Any, Any], Commanded]
"""Parameters (..., m or more) and their module (numpy or torch) to what they command. Columns beyond m are padding."""


def offset(parameters: Any, xp: Any) -> Commanded:
    """Of (dx, dy, dz, turn)."""
    return Commanded(parameters[..., :3], parameters[..., 3], parameters[..., 3])


def along(parameters: Any, xp: Any) -> Commanded:
    """Of (direction, distance): level."""
    direction, distance = parameters[..., 0], parameters[..., 1]
    still = xp.zeros_like(distance)
    return Commanded(xp.stack([distance * xp.cos(direction), distance * xp.sin(direction), still], -1), direction, still)


def offset_for(shift: Array) -> tuple[float, ...]:
    """The parameters of `offset` that command a (3,) shift, without a turn."""
    return (*map(float, shift), 0.0)


def along_for(shift: Array) -> tuple[float, ...] | None:
    """The parameters of `along` that command a (3,) shift; None unless it is level."""
    if abs(shift[2]) > 1e-6:
        return None
    return float(np.arctan2(shift[1], shift[0])), float(np.hypot(shift[0], shift[1]))


def minimum_jerk(length: float, speed: float, turn: float, period: float) -> Array:
    """(n,) shares of a way at set-points every `period` s: minimum jerk, whose peak speed (m/s) is 1.875 times its mean."""
    duration = max(1.875 * length / speed, abs(turn) / 1.5, 0.05)
    return _eased(max(int(duration / period), 2))


@lru_cache(maxsize=1024)
def _eased(count: int) -> Array:
    """(count,) shares of a way; not to be written to, as every way of this length has them."""
    t = np.linspace(0.0, 1.0, count)
    shares = np.asarray(t**3 * (10 - 15 * t + 6 * t**2))
    shares.setflags(write=False)
    return shares
