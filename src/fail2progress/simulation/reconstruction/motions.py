"""Where things that are seen after a skill may have been before it: how what carries or covers them moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.memory import contains, shift_between
from fail2progress.core.objects import kind_of
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import skill

_MOVED = 0.005
"""Metres from which a segment has moved."""
_SPOTS = ((0.0, 0.0), (-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5))
"""Places on a container's floor that are tried, as shares of the way from its middle to its walls."""

Points = NDArray[np.float32]


@dataclass(frozen=True)
class Motion:
    """A level turn (rad) about a pivot (3,), which then goes to another place (3,), in metres."""

    pivot: Array
    place: Array
    turn: float = 0.0

    def back(self, points: Points) -> Points:
        """(P, 3) points as they lay before it."""
        c, s = np.cos(self.turn), np.sin(self.turn)
        level = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        return np.asarray((points - self.place) @ level + self.pivot, np.float32)

    @property
    def shift(self) -> Array:
        """(3,) metres by which the pivot moves."""
        return self.place - self.pivot


STILL = Motion(np.zeros(3), np.zeros(3))


def motion_of(before: SegmentedCloud, after: SegmentedCloud, row: int, call: SkillCall) -> Motion:
    """How a segment moved that was seen before and after a skill, each side of its box for itself; turned as commanded."""
    commanded = skill(call.skill).motion(np.array(call.parameters), np)
    mine = before.names[row] == call.object
    expected = np.asarray(commanded.shift, float) if mine else np.zeros(3)
    shift = shift_between(before.points[row], after.points[row], expected)
    pivot = before.bounds()[row].mean(axis=0)
    turn = float(commanded.turn) if mine else 0.0
    return Motion(pivot, pivot + shift, turn)


def riding(before: SegmentedCloud, after: SegmentedCloud, row: int, call: SkillCall) -> Iterator[Motion]:
    """Motions that a segment seen afterwards may have taken part in: that of what it is in now, first; none; any other."""
    both = np.flatnonzero(before.seen & after.seen)
    moved = {int(j): motion_of(before, after, int(j), call) for j in both if j != row}
    moved = {j: motion for j, motion in moved.items() if np.linalg.norm(motion.shift) > _MOVED or motion.turn}
    inside = [j for j in moved if kind_of(after.categories[j]).container and contains(after.points[j], after.points[row])]
    yield from (moved[j] for j in inside)
    yield STILL
    yield from (motion for j, motion in moved.items() if j not in inside)


def spilled(before: SegmentedCloud, after: SegmentedCloud, row: int) -> Iterator[Motion]:
    """Motions from places on the floors of containers that the segment is not in now: it fell or was tipped out of them."""
    now, boxes = after.bounds()[row], before.bounds()
    at = np.append(now.mean(axis=0)[:2], now[0, 2])
    for j in np.flatnonzero(before.seen):
        kind = kind_of(before.categories[j])
        if j == row or not (kind.container and kind.movable) or (after.seen[j] and contains(after.points[j], after.points[row])):
            continue
        half = (boxes[j, 1] - boxes[j, 0] - now[1] + now[0])[:2] / 2 - kind.wall
        if (half <= 0).any():
            continue
        middle, floor = boxes[j].mean(axis=0)[:2], boxes[j, 0, 2] + kind.wall
        yield from (Motion(np.append(middle + half * spot, floor), at) for spot in _SPOTS)
