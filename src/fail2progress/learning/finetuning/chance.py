"""What of an execution is chance: what no model that sees the scene to some millimetres could foretell (docs/decisions/0065).

Where a thing ends that falls, and which of two directions it then lies in, hangs on millimetres, and on how it bounces, which no
camera sees (docs/decisions/0104). To be judged by that is to be judged by luck.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.relations import BINARY, BY_DEGREES, Mask, binary_relations
from fail2progress.core.scene import Array
from fail2progress.failures.surprise import CLOSE
from fail2progress.simulation.base import BOUNCIEST, Disturbances, Job, OrdinaryPhysicsError, Outcome, Simulator

MOVED = 0.005
"""Metres from which something counts as moved."""
KNOWN = 0.010
"""Metres to which a robot knows where a thing is."""
_BOUNCE = 0.2
"""Restitution that a thing may well have for all that a camera sees of it; in the simulation it has next to none."""
_CONTACT = BINARY.index("contact")
_BY_DEGREES = np.array([name in BY_DEGREES for name in BINARY])
_SIDES = tuple(np.array([np.cos(angle), np.sin(angle)]) for angle in np.arange(8) * np.pi / 4)


def moved(outcome: Outcome) -> Mask:
    """(N,) what an execution moved."""
    return np.asarray(np.linalg.norm(outcome.displacements, axis=1) > MOVED)


def steady(outcome: Outcome, reach: float = CLOSE) -> Mask:
    """(N, N, 9) relations after the skill that stay as they are if all that moved ends `reach` metres to one side, together;
    directions and nearness to an edge also if any of it ends KNOWN to one side. What touches is left as it is."""
    bounds, rows = outcome.after.scene.bounds(), moved(outcome)
    touching = np.asarray(outcome.after.relations.binary, float)[..., _CONTACT] > 0.5
    same = _same(bounds, touching, rows, reach)
    for row in np.flatnonzero(rows):
        same &= _same(bounds, touching, np.arange(len(rows)) == row, KNOWN) | ~_BY_DEGREES
    return same


def _same(bounds: Array, touching: Mask, rows: Mask, way: float) -> Mask:
    """(N, N, 9) relations that stay as they are if some boxes of (N, 2, 3) are shifted by `way` to any side."""
    here = binary_relations(bounds, touching)
    same = np.ones_like(here)
    for side in _SIDES:
        aside = bounds.copy()
        aside[rows, :, :2] += way * side
        same &= binary_relations(aside, touching) == here
    return np.asarray(same, dtype=bool)


def certain(outcome: Outcome, again: Iterable[Outcome]) -> Mask:
    """(N, N, 9) relations that are steady, and the same where the execution was repeated with shifted starts."""
    same = steady(outcome)
    for other in again:
        same &= (np.asarray(other.after.relations.binary, float) > 0.5) == (
            np.asarray(outcome.after.relations.binary, float) > 0.5
        )
    return same


def spread(outcome: Outcome, again: Iterable[Outcome]) -> Array:
    """(N, 3) metres by which motions differ at most where an execution is repeated with shifted starts, or where things bounce,
    each axis by itself."""
    apart = [np.abs(other.displacements - outcome.displacements) for other in again]
    return np.asarray(np.max([np.zeros_like(outcome.displacements), *apart], axis=0))


def shifted(
    outcomes: Sequence[Outcome], worlds: Sequence[Disturbances], simulator: Simulator, seed: int
) -> list[tuple[Outcome, Outcome]]:
    """Each execution repeated twice in its world, with all that can move shifted by KNOWN to opposite sides."""
    rng, jobs = np.random.default_rng(seed), list[Job]()
    for outcome, world in zip(outcomes, worlds, strict=True):
        scene, angle = outcome.before.scene, rng.uniform(0.0, 2 * np.pi)
        movable = np.array([spec.movable for spec in scene.objects])
        for side in (KNOWN, -KNOWN):
            poses = scene.poses.copy()
            poses[movable, :2] += side * np.array([np.cos(angle), np.sin(angle)])
            jobs.append(Job(scene.with_poses(poses), outcome.call, Camera(), seed=seed, disturbances=world))
    done = list(simulator.execute_all(jobs))
    return list(zip(done[::2], done[1::2], strict=True))


def bouncing(world: Disturbances) -> Disturbances:
    """A world as likely as this one, in which things bounce: what has fallen lies elsewhere there, what is pushed or carried does
    not (docs/decisions/0104)."""
    return replace(world, bounce=min(world.bounce + _BOUNCE, BOUNCIEST))


def bounced(jobs: Sequence[Job], simulator: Simulator) -> list[Outcome | None]:
    """The same jobs where things bounce; None for what is not at rest, and for all where a simulator knows no such worlds."""
    others = [replace(job, disturbances=bouncing(job.disturbances)) for job in jobs]
    try:
        return [outcome if outcome.stable else None for outcome in simulator.execute_all(others)]
    except OrdinaryPhysicsError:
        return [None] * len(jobs)
