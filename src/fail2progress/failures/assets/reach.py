"""reachability_fail: a pick or a place that the robot's hand cannot come to; answered by the nearest place that it can."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from fail2progress.core.scene import Array, Scene, yaw_of
from fail2progress.failures.assets.case import Case
from fail2progress.failures.assets.schema import Reading
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import STRETCH_RE2, Limits
from fail2progress.skills.registry import skill

FARTHEST = 0.05
"""Metres that a place may be moved."""
_GRID = 0.005


class Reach(Protocol):
    """What a robot says of a place for its hand."""

    def shortfall(self, scene: Scene, point: Array) -> tuple[float, str]:
        """Metres that are missing for the hand to come to a point (3,) of the planning frame, and what ends first; 0 in reach."""


@dataclass(frozen=True)
class WithinLimits:
    """The reach that the skills assume: a box of heights and floor area."""

    limits: Limits = STRETCH_RE2

    def shortfall(self, scene: Scene, point: Array) -> tuple[float, str]:
        """See Reach."""
        low, high = np.array(self.limits.low), np.array(self.limits.high)
        missing = np.maximum(low - point, point - high)
        worst = int(np.argmax(missing))
        text = f"{'xyz'[worst]} = {point[worst]:.3f} m lies outside [{low[worst]:g}, {high[worst]:g}] m"
        return max(float(missing[worst]), 0.0), text


@dataclass(frozen=True)
class Reachability:
    """See the module."""

    reach: Reach = field(default_factory=WithinLimits)
    name: str = "reachability_fail"

    def readings(self, case: Case) -> tuple[Reading, ...]:
        """One for the object of the call."""
        if case.call is None or case.call.object not in case.scene.names:
            return ()
        (missing, text), where = self._worst(case.scene, case.call)
        said = f"{case.call.object}: {where} is out of reach, {text}" if missing > 0 else f"{case.call.object}: in reach"
        return (Reading(signal=self.name, asset=case.call.object, value=1e3 * missing, fails=missing > 0, evidence=said),)

    def _worst(self, scene: Scene, call: SkillCall) -> tuple[tuple[float, str], str]:
        points = hand_points(scene, call)
        return max(
            ((self.reach.shortfall(scene, point), where) for where, point in points.items()), key=lambda found: found[0][0]
        )

    def edit(self, case: Case, reading: Reading) -> Case | None:
        """The nearest place in reach within 50 mm, over the same support; None without one, or where the grasp is at fault."""
        call = case.call
        if call is None or not skill(call.skill).carries:
            return None
        for offset in _nearest_first():
            values = np.array(call.parameters)
            values[:3] += offset
            other = SkillCall(call.skill, call.object, tuple(values.tolist()), call.target)
            if _same_support(case.scene, call, other) and self._worst(case.scene, other)[0][0] <= 0:
                return replace(case, call=other)
        return None


def hand_points(scene: Scene, call: SkillCall) -> dict[str, Array]:
    """Where the hand has to be (3,) m for a call, by what it does there."""
    i = scene.index(call.object)
    spec, at = scene.objects[i], scene.poses[i]
    if spec.is_drawer:
        yaw = yaw_of(at)
        outward = -np.array([np.cos(yaw), np.sin(yaw), 0.0])
        handle = at[:3] + spec.size[0] / 2 * outward
        return {"its handle": handle, "the end of its way": handle + call.shift}
    if skill(call.skill).carries:
        return {"its grasp": at[:3], "its place": at[:3] + call.shift}
    return {"its side": at[:3], "the end of its way": at[:3] + call.shift}


def _nearest_first() -> Iterator[Array]:
    """Offsets (3,) m of at most 50 mm, nearest first; in height only downwards."""
    steps = np.arange(-FARTHEST, FARTHEST + 1e-9, _GRID)
    offsets = np.array([*itertools.product(steps, steps, steps[steps <= 1e-9])])
    lengths = np.linalg.norm(offsets, axis=1)
    order = np.argsort(lengths, kind="stable")
    yield from offsets[order][lengths[order] <= FARTHEST + 1e-9]


def _same_support(scene: Scene, one: SkillCall, other: SkillCall) -> bool:
    """Whether two placements end over the same thing, and the second one not in it."""
    first, second = _support(scene, one), _support(scene, other)
    if first != second:
        return False
    i = scene.index(other.object)
    bottom = scene.poses[i, 2] + other.parameters[2] - scene.sizes[i, 2] / 2
    return bool(bottom >= (scene.bounds()[second, 1, 2] if second is not None else 0.0))


def _support(scene: Scene, call: SkillCall) -> int | None:
    """The highest thing under the place of a call, None for the floor."""
    i, bounds = scene.index(call.object), scene.bounds()
    place = scene.poses[i, :3] + np.array(call.parameters[:3])
    under = ((bounds[:, 0, :2] < place[:2]) & (bounds[:, 1, :2] > place[:2])).all(axis=1) & (bounds[:, 1, 2] < place[2])
    under[i] = False
    rows = np.flatnonzero(under)
    return int(rows[np.argmax(bounds[rows, 1, 2])]) if len(rows) else None
