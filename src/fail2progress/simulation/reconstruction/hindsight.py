"""O_F as it is known afterwards: what appears after a skill was somewhere before it (docs/decisions/0056).

A drawer that is opened shows what lay behind its front, a cup that is lifted shows what stood under or behind it, a cup that
tips shows what was in it. Where each of these was before the skill is a guess, which is carried out in simulation: the one
that ends as seen is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.camera import Camera
from fail2progress.core.memory import contains
from fail2progress.core.objects import kind_of
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.simulation.reconstruction.motions import STILL, Motion, Points, motion_of, riding, spilled
from fail2progress.simulation.reconstruction.rebuild import rebuild, too_little_seen
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import unfit

Rows = NDArray[np.int_]

FAR = 0.05
"""Cost in metres from which a place is not believed: how far from where it was seen the thing ends, and see _SHOWN."""
_CLOSE = 0.004
"""Metres within which a guess is not worth correcting."""
_SHOWN = 0.05
"""Metres that it counts against a place if all of the thing would have been in view there, though it was not seen."""
_HALF = 0.5
"""Less of an outline than this share is completed by the other view."""
_MORE = 0.15
"""By so much more must the other view show."""
_SLACK = 0.004
"""Metres by which points seen before may lie outside the box of those seen afterwards, moved back."""


def revealed(before: SegmentedCloud, after: SegmentedCloud) -> list[int]:
    """Rows of what can be moved, was not seen before the skill (or at a single point), and is seen after it."""
    hidden = too_little_seen(before) & ~too_little_seen(after)
    return [int(row) for row in np.flatnonzero(hidden) if kind_of(after.categories[row]).movable]


def in_hindsight(
    before: SegmentedCloud,
    after: SegmentedCloud,
    call: SkillCall,
    simulator: Simulator,
    relations: RelationState | None = None,
    seed: int = 0,
) -> SegmentedCloud:
    """`before` with points for what the skill revealed, where some place explains where it was seen afterwards.

    The same cloud where nothing was revealed. `relations` (believed) are those before the skill.
    """
    rows = [row for row in revealed(before, after) if before.names[row] != call.object]
    if not rows or too_little_seen(before)[before.index(call.object)]:
        return before
    end, known = rebuild(after).scene, before
    for row in rows:
        known = _Search(known, after, call, simulator, relations, end, row, seed).result()
    placed = np.flatnonzero(too_little_seen(before) & ~too_little_seen(known))
    return _with_holders(known, after, call, placed) if len(placed) else known


def _with_holders(before: SegmentedCloud, after: SegmentedCloud, call: SkillCall, rows: Rows) -> SegmentedCloud:
    """`before` in which what holds things (rows) that lie outside all that was seen of it is seen as far as it was afterwards.

    A drawer that is opened shows more of its floor, and on that what it held. With the thing put back and the floor not, no model
    takes the thing for something in the drawer (docs/decisions/0120).
    """
    points, visibility, rng = before.points.copy(), before.visibility.copy(), np.random.default_rng(0)
    holding = np.array([kind_of(kind).container for kind in before.categories], dtype=bool)
    for holder in np.flatnonzero(before.seen & after.seen & holding):
        seen, later = before.points[holder], after.points[holder]
        found = motion_of(before, after, int(holder), call).back(later)
        short = any(
            contains(later, after.points[row]) and contains(found, points[row]) and not contains(seen, points[row])
            for row in rows
        )
        if short and _outside(seen, found) < _SLACK:
            points[holder], visibility[holder] = _mixed(seen, found, rng), after.visibility[holder]
    return replace(before, points=points, visibility=visibility)


def from_both(before: SegmentedCloud, after: SegmentedCloud, call: SkillCall) -> SegmentedCloud:
    """`before` with what it shows little of completed by points that were seen afterwards, moved back.

    Only where a motion brings the two views together, so that the points seen before lie in the box of those moved back: that of
    what it is in, before others.
    """
    points, visibility, rng = before.points.copy(), before.visibility.copy(), np.random.default_rng(0)
    for row in np.flatnonzero(before.seen & ~too_little_seen(after) & (before.visibility < _HALF)):
        if not kind_of(before.categories[row]).movable or after.visibility[row] < before.visibility[row] + _MORE:
            continue
        moved_back = (motion.back(after.points[row]) for motion in riding(before, after, int(row), call))
        found = next((other for other in moved_back if _outside(before.points[row], other) < _SLACK), None)
        if found is not None:
            points[row], visibility[row] = _mixed(before.points[row], found, rng), after.visibility[row]
    return replace(before, points=points, visibility=visibility)


def _outside(points: Points, others: Points) -> float:
    """Metres by which points reach out of the box around others at most."""
    low, high = others.min(axis=0), others.max(axis=0)
    return float(np.maximum(low - points, points - high).max())


def _mixed(one: Points, other: Points, rng: np.random.Generator) -> Points:
    """(P, 3) points, half of them of each cloud."""
    half = len(one) // 2
    return np.concatenate([one[rng.permutation(len(one))[:half]], other[rng.permutation(len(other))[: len(one) - half]]])


class _Search:
    """Looks for the place before the skill of one thing that was seen after it."""

    def __init__(
        self,
        before: SegmentedCloud,
        after: SegmentedCloud,
        call: SkillCall,
        simulator: Simulator,
        relations: RelationState | None,
        end: Scene,
        row: int,
        seed: int,
    ) -> None:
        self.before, self.after, self.call, self.row = before, after, call, row
        self.simulator, self.relations, self.seed = simulator, relations, seed
        self.name = before.names[row]
        self.wanted = end.position(self.name)

    def result(self) -> SegmentedCloud:
        """The cloud with the thing where it must have been; as it was where no place explains what was seen."""
        motions = [*riding(self.before, self.after, self.row, self.call), *spilled(self.before, self.after, self.row)]
        clouds = [self._with(motion.back(self.after.points[self.row])) for motion in _distinct(motions)]
        costs, misses = self._tried(clouds)
        best = int(np.argmin(costs))
        if not np.isfinite(costs[best]):
            return self.before
        cloud, cost = clouds[best], costs[best]
        if np.linalg.norm(misses[best]) > _CLOSE:
            level = np.append(misses[best][:2], 0.0).astype(np.float32)
            nearer = self._with(cloud.points[self.row] + level)
            (again,), _ = self._tried([nearer])
            cloud, cost = (nearer, again) if again < cost else (cloud, cost)
        return cloud if cost < FAR else self.before

    def _with(self, points: Points) -> SegmentedCloud:
        every, visibility = self.before.points.copy(), self.before.visibility.copy()
        every[self.row], visibility[self.row] = points, self.after.visibility[self.row]
        return replace(self.before, points=every, visibility=visibility)

    def _tried(self, clouds: Sequence[SegmentedCloud]) -> tuple[list[float], list[Array]]:
        """Of every guess, its cost in metres and by how much it ends (3,) short of where the thing was seen."""
        costs, misses = [np.inf] * len(clouds), [np.full(3, np.inf)] * len(clouds)
        scenes = {i: rebuild(from_both(cloud, self.after, self.call), self.relations).scene for i, cloud in enumerate(clouds)}
        fit = {i: scene for i, scene in scenes.items() if self.name in scene.names and self._can_be_done(scene)}
        jobs = [Job(scene, self.call, Camera(), self.seed) for scene in fit.values()]
        for i, outcome in zip(fit, self.simulator.execute_all(jobs), strict=True):
            if outcome.stable:
                misses[i] = self.wanted - outcome.after.scene.position(self.name)
                costs[i] = float(np.linalg.norm(misses[i])) + _SHOWN * self._shown(outcome)
        return costs, misses

    def _can_be_done(self, scene: Scene) -> bool:
        return self.call.object in scene.names and unfit(scene, self.call) is None

    def _shown(self, outcome: Outcome) -> float:
        """Share of the thing that would have been in view."""
        return float(outcome.before.cloud.visibility[outcome.before.cloud.index(self.name)])


def _distinct(motions: Sequence[Motion]) -> list[Motion]:
    """Those that differ by some millimetres."""
    kept: list[Motion] = []
    for motion in motions:
        same = (np.linalg.norm(motion.shift - other.shift) < _CLOSE and motion.turn == other.turn for other in kept)
        if motion is STILL or not any(same):
            kept.append(motion)
    return kept
