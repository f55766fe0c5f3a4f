"""Whether things rest where they were put, asked in the same way of every simulator. Python 3.8 and numpy alone, for workers.

Poses are (N, 7): x, y, z (m) and quaternion w x y z. `rounded`, (N,): what looks the same however it is turned about its own z.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

PAUSE = 0.1
"""Seconds over which it is looked at whether anything still moves. Speeds do not tell: what bounces rattles where it lies."""


class Reach(NamedTuple):
    """How far things may come: metres along an axis, and radians."""

    shift: float
    turn: float


STIRS = Reach(0.003, 0.03)
"""What still moves comes farther within a PAUSE."""
SETTLES = Reach(0.03, 0.3)
"""What is put as it rests comes less far before the skill."""


def at_rest(asked: Any, earlier: Any, settled: Any, rounded: Any) -> bool:
    """Whether things are on something where they were asked to be, and were so a PAUSE before: poses at these three times."""
    on_something = bool((settled[:, 2] > 0.0).all())
    return on_something and stay(earlier, settled, rounded, STIRS) and stay(asked, settled, rounded, SETTLES)


def stay(begin: Any, end: Any, rounded: Any, reach: Reach) -> bool:
    """Whether everything has come less far than that from one time to another."""
    shift = np.abs(end[:, :3] - begin[:, :3]).max(initial=0.0)
    return bool(shift < reach.shift and _turns(begin[:, 3:], end[:, 3:], np.asarray(rounded, bool)).max(initial=0.0) < reach.turn)


def _turns(begin: Any, end: Any, rounded: Any) -> Any:
    """(N,) radians between orientations (N, 4), of what is rounded between its axes."""
    begin, end = (turns / np.linalg.norm(turns, axis=1, keepdims=True) for turns in (begin, end))
    whole = 2 * np.arccos(np.clip(np.abs((begin * end).sum(axis=1)), 0.0, 1.0))
    tilt = np.arccos(np.clip((_axis(begin) * _axis(end)).sum(axis=1), -1.0, 1.0))
    return np.where(rounded, tilt, whole)


def _axis(turns: Any) -> Any:
    """(N, 3) own z axes."""
    w, x, y, z = turns.T
    return np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=1)
