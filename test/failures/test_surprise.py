"""What ends elsewhere than expected without harm to a plan: measured, judged, told apart from failures, and classified."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from fail2progress.agent.monitor import SkillExecution, judge
from fail2progress.core.camera import Camera
from fail2progress.core.goals import Atom, Goal
from fail2progress.core.memory import ObjectMemory
from fail2progress.core.relations import RelationState
from fail2progress.failures.calibration import rule_for
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.monitor import Astray, MonitorRule
from fail2progress.failures.report import FailureClass
from fail2progress.failures.sentences import story
from fail2progress.failures.surprise import astray, same_motion
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.perception.relations.registry import relation_detector
from fail2progress.planning.planned import PlannedSkill
from fail2progress.simulation.base import Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.families.registry import FAMILIES
from support import samples

SIMULATOR = MujocoSimulator()


@lru_cache(maxsize=2)
def outcome(family: str) -> Outcome:
    return next(FAMILIES.get(family).outcomes(SIMULATOR, 77))[1]


def surprise(found: Outcome, rule: MonitorRule | None = None) -> FailureEvent | None:
    """What the robot makes of it that only wants the pushed thing to stay on its table."""
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    rule = rule or rule_for(start.digest, "combined", surprises=True)
    detector = relation_detector("combined", start.model, start.digest)
    memory = ObjectMemory()
    before = detector.observe(memory.update(found.before.cloud))
    expected, shift, _ = predict_effect(start.model, encode_observation(start.model, before.cloud), found.call)
    after = detector.observe(memory.update(found.after.cloud, shift))
    under = next(name for kind, name in zip(before.cloud.categories, before.cloud.names, strict=True) if kind == "table")
    goal = Goal((Atom("above", found.call.object, under),))
    planned = PlannedSkill(found.call, expected, shift)
    attempt = SkillExecution("t", 1, 0, 0, goal, (found.call,), planned, start.digest, before.cloud, before.relations)
    taken = judge(attempt, after, rule)
    assert not taken.mismatches or taken.event is not None
    return taken.event if not taken.mismatches else None


@pytest.mark.parametrize("family", ["row-pushed", "tall-toppled"])
def test_a_push_that_goes_otherwise_surprises_and_the_model_is_to_blame(family: str) -> None:
    event = surprise(outcome(family))
    assert event is not None and event.header.mismatches == ()
    assert "ended elsewhere than the model expected" in story(event)[0]
    report = Classifier(SIMULATOR, Camera()).classify(event)
    assert report.category is FailureClass.SYMBOLIC_PREDICTION and report.differences == ()
    (signal,) = report.signals
    assert signal.name == "prediction_wrong" and not signal.parameter and signal.severity > 0.1
    assert "m from where it was to be" in signal.evidence


def test_a_motion_that_the_simulation_does_not_show_is_a_gap() -> None:
    event = surprise(outcome("row-pushed"))
    assert event is not None
    slid = np.zeros((len(event.after), 3))
    slid[event.after.index(event.header.call.object), 1] = 0.15
    elsewhere = event.model_copy(update={"after": event.after.shifted(slid)})
    report = Classifier(SIMULATOR, Camera()).classify(elsewhere)
    assert report.category is FailureClass.SIM2REAL_GAP
    assert [signal.name for signal in report.signals] == ["overshot"]


def test_without_thresholds_nothing_surprises() -> None:
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    assert rule_for(start.digest, "combined").motion == ()
    assert surprise(outcome("row-pushed"), rule_for(start.digest, "combined")) is None


def test_what_is_expected_rightly_is_not_astray() -> None:
    """Of a cup that was carried with a capsule in it: the cup's own motion, and the capsule's that was seen."""
    found = samples.loaded_cup()
    before, after = found.before.cloud, found.after.cloud
    rows = [found.before.scene.index(name) for name in before.names]
    right = found.displacements[rows]
    assert astray(before, after, right, "cup_1").farthest < 0.03
    left = right.copy()
    left[before.index("capsule_1")] = 0.0
    away = astray(before, after, left, "cup_1")
    assert away.others == pytest.approx(float(np.linalg.norm(right[before.index("capsule_1")])), abs=0.03)
    assert away.own == astray(before, after, right, "cup_1").own
    order = np.random.default_rng(0).permutation(len(after))
    shuffled = replace(
        after,
        names=tuple(after.names[row] for row in order),
        categories=tuple(after.categories[row] for row in order),
        points=after.points[order],
        visibility=after.visibility[order],
    )
    assert astray(before, shuffled, left, "cup_1") == astray(before, after, left, "cup_1")


def test_where_a_thing_ends_that_falls_is_chance() -> None:
    """What is on nothing, as expected or as seen, is not judged by where it ends."""
    found = samples.loaded_cup()
    before, after = found.before.cloud, found.after.cloud
    still, state = np.zeros((len(before), 3)), found.after.relations
    binary = np.array(state.binary, float)
    binary[[state.names.index(name) for name in ("cup_1", "capsule_1")]] = 0.0
    nowhere = RelationState(state.names, binary, np.asarray(state.unary, float))
    assert astray(before, after, still, "cup_1", (state, state)) == astray(before, after, still, "cup_1")
    assert astray(before, after, still, "cup_1").own > 0.2
    for states in ((nowhere, state), (state, nowhere)):
        assert astray(before, after, still, "cup_1", states) == Astray()


def test_what_is_not_seen_is_not_astray() -> None:
    found = samples.loaded_cup()
    gone = np.full_like(found.after.cloud.points, np.nan)
    assert astray(found.before.cloud, replace(found.after.cloud, points=gone), np.zeros((len(gone), 3)), "cup_1") == Astray()


def test_two_motions_are_the_same_within_what_rebuilt_scenes_allow() -> None:
    way, aside = np.array([0.2, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    assert same_motion(way, way + 0.05 * aside) and not same_motion(way, way + 0.07 * aside)
    assert same_motion(np.zeros(3), np.array([0.02, 0.0, 0.0])) and not same_motion(np.zeros(3), np.array([0.03, 0.0, 0.0]))


def test_a_rule_knows_the_skills_that_it_was_calibrated_for() -> None:
    rule = MonitorRule(motion=(("push", Astray(0.07, 0.03)),))
    assert rule.surprises("push", Astray(0.08, 0.0)) and rule.surprises("push", Astray(0.0, 0.04))
    assert not rule.surprises("push", Astray(0.07, 0.03)) and not rule.surprises("pick_place", Astray(5.0, 5.0))
