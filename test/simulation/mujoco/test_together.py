"""Jobs that go through their stages together have the outcomes of each one alone."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.simulation.base import Job, Outcome
from fail2progress.simulation.mujoco.backend import TOGETHER, MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.pretraining import job

WORK = [job(3, number) for number in range(TOGETHER + 3)]


def same(one: Outcome, other: Outcome) -> None:
    for mine, theirs in ((one.before, other.before), (one.after, other.after)):
        np.testing.assert_array_equal(mine.scene.poses, theirs.scene.poses)
        np.testing.assert_array_equal(mine.cloud.points, theirs.cloud.points)
        np.testing.assert_array_equal(mine.cloud.visibility, theirs.cloud.visibility)
        np.testing.assert_array_equal(mine.relations.binary, theirs.relations.binary)


def test_outcomes_are_those_of_each_job_alone_also_of_scenes_of_one_structure() -> None:
    work = [*WORK, *WORK[:3]]
    together = list(MujocoSimulator().execute_all(iter(work)))
    alone = MujocoSimulator()
    assert len(together) == len(work)
    for one, outcome in zip(work, together, strict=True):
        assert outcome.call == one.call
        same(outcome, alone.execute(one))


def test_what_is_impossible_is_refused_in_its_turn() -> None:
    nobody = replace(WORK[2], call=SkillCall("pick_place", "nobody", (0.1, 0.0, 0.0, 0.0)))
    outcomes = MujocoSimulator().execute_all([*WORK[:2], nobody, *WORK[3:]])
    assert [next(outcomes).call, next(outcomes).call] == [WORK[0].call, WORK[1].call]
    with pytest.raises(ValueError, match="nobody"):
        next(outcomes)


def test_a_source_that_fails_is_heard_of_after_the_jobs_that_it_gave() -> None:
    def source() -> Iterator[Job]:
        yield from WORK[:2]
        raise RuntimeError("no more jobs can be drawn")

    outcomes = MujocoSimulator().execute_all(source())
    assert [next(outcomes).call, next(outcomes).call] == [WORK[0].call, WORK[1].call]
    with pytest.raises(RuntimeError, match="no more jobs"):
        next(outcomes)


def test_jobs_are_taken_a_few_ahead_and_not_all() -> None:
    taken: list[int] = []
    source = (taken.append(number) or one for number, one in enumerate(WORK * 3))
    next(MujocoSimulator().execute_all(source))
    assert len(taken) == TOGETHER
