"""Small data that tests of several folders share: simulated executions, and a failure in a loaded cup that was carried."""

from functools import lru_cache

import numpy as np

from fail2progress.core.relations import RelationState
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.training.transitions import Transitions
from fail2progress.simulation.base import Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.pretraining import job
from fail2progress.tasks.registry import task

SEED = 7
COUNT = 150


@lru_cache(maxsize=1)
def executions() -> tuple[Outcome, ...]:
    """Of the pre-training distribution."""
    simulator = MujocoSimulator()
    return tuple(simulator.execute(job(SEED, number)) for number in range(COUNT))


@lru_cache(maxsize=1)
def transitions() -> Transitions:
    """The same as a training set."""
    return from_outcomes(executions())


@lru_cache(maxsize=1)
def loaded_cup() -> Outcome:
    """cup_1, with capsule_1 in it, goes to table_b, and the capsule with it."""
    return MujocoSimulator().execute(loaded_cup_job())


def loaded_cup_job() -> Job:
    """What is carried out for `loaded_cup`."""
    scene = task("hierarchical-tabletop").trial(3, 5).scene
    poses = scene.poses.copy()
    cup, capsule, table = (scene.index(name) for name in ("cup_1", "capsule_1", "table_b"))
    bounds = scene.bounds()
    poses[capsule, :2] = poses[cup, :2]
    poses[capsule, 2] = bounds[cup, 0, 2] + 0.01 + scene.sizes[capsule, 2] / 2
    place = scene.poses[table, :2] - scene.poses[cup, :2]
    rise = bounds[table, 1, 2] + 0.012 - bounds[cup, 0, 2]
    call = SkillCall("pick_place", "cup_1", (float(place[0]), float(place[1]), float(rise), 0.0), "table_b")
    return Job(scene.with_poses(poses), call, seed=1)


@lru_cache(maxsize=1)
def failure() -> FailureEvent:
    """The event of a robot that believed that the capsule would stay behind; what it saw before and after, it saw right."""
    outcome = loaded_cup()
    before, after = outcome.before, outcome.after
    lost = Mismatch(relation="inside", subject="capsule_1", other="cup_1", expected=0.05, observed=0.95)
    header = Header(
        id="0b5d3a52-5c0e-4d0a-9d0e-7d2f6b1c2a3e", time="2025-01-01T00:00:00.000+00:00",
        task="hierarchical-tabletop", objects=3, seed=5, step=1, goal=("above(cup_1, table_b)",),
        call=Call.of(outcome.call), plan=(Call.of(outcome.call),), model="0" * 64, mismatches=(lost,),
        names=before.cloud.names, categories=before.cloud.categories, frame=before.cloud.frame, stamps=(0.0, 1.0),
    )  # fmt: skip
    return FailureEvent(
        header=header,
        before=before.cloud,
        after=after.cloud,
        relations_before=_believed(before.relations),
        expected=_believed(before.relations),
        observed=_believed(after.relations),
    )


def _believed(state: RelationState) -> RelationState:
    """Truth as probabilities."""
    return RelationState(state.names, 0.02 + 0.96 * np.asarray(state.binary, float), np.asarray(state.unary, float))
