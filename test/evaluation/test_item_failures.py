from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.evaluation.item_failures import NoFailureError, failure_of, item_failure
from fail2progress.failures.sentences import story
from fail2progress.models.base import SkillEffectModel
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.items import Item
from support import samples

Make = Callable[..., SkillEffectModel]
DIGEST = "d" * 64


def test_what_came_otherwise_than_expected_becomes_an_event(oracle: Make, simulator: MujocoSimulator) -> None:
    event = item_failure(Item("loaded", samples.loaded_cup_job()), simulator, oracle(carries=False), DIGEST)
    broken = {(m.relation, m.subject, m.other) for m in event.header.mismatches}
    assert ("inside", "capsule_1", "cup_1") in broken and ("above", "capsule_1", "table_b") in broken
    assert all({subject, other} & {"cup_1", "capsule_1"} for _, subject, other in broken)
    assert all((m.expected > 0.5) != (m.observed > 0.5) for m in event.header.mismatches)
    assert (event.header.task, event.header.objects, event.header.model) == ("item", 3, DIGEST)
    assert event.header.robot == "floating_hand"
    assert event.header.call.call() == samples.loaded_cup_job().call
    assert event.observed.value("inside", "capsule_1", "cup_1") > 0.5 > event.expected.value("inside", "capsule_1", "cup_1")
    again = item_failure(Item("loaded", samples.loaded_cup_job()), simulator, oracle(carries=False), DIGEST)
    assert again.id == event.id


def test_what_came_as_expected_is_no_failure(oracle: Make, simulator: MujocoSimulator) -> None:
    with pytest.raises(NoFailureError, match="loaded: the model predicts"):
        item_failure(Item("loaded", samples.loaded_cup_job()), simulator, oracle(), DIGEST)


def test_unstable_scenes_and_hidden_objects_give_none(oracle: Make, simulator: MujocoSimulator) -> None:
    outcome = samples.loaded_cup()
    job = samples.loaded_cup_job()
    floating = replace(job, scene=job.scene.moved("cup_2", np.array([0.0, 0.0, 0.3])))
    with pytest.raises(NoFailureError, match="not at rest"):
        item_failure(Item("floating", floating), simulator, oracle(), DIGEST)
    points = outcome.before.cloud.points.copy()
    points[outcome.before.cloud.index("cup_1")] = np.nan
    hidden = replace(outcome, before=replace(outcome.before, cloud=replace(outcome.before.cloud, points=points)))
    with pytest.raises(NoFailureError, match="does not see cup_1"):
        failure_of(hidden, "hidden", 0, oracle(), DIGEST)


def test_a_thing_that_only_ends_elsewhere_is_a_failure_without_broken_relations(oracle: Make) -> None:
    outcome = samples.loaded_cup()
    cloud = outcome.after.cloud
    aside = np.zeros((len(cloud), 3))
    aside[[cloud.index("cup_1"), cloud.index("capsule_1")], 1] = 0.03
    moved = replace(outcome, after=replace(outcome.after, cloud=cloud.shifted(aside)))
    event = failure_of(moved, "aside", 0, oracle(), DIGEST)
    assert event.header.mismatches == ()
    (sentence,) = story(event)
    assert sentence.endswith("cup_1 or what moved with it ended elsewhere than the model expected.")
