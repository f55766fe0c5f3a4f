"""Thresholds with a promise: it holds on draws, the quantile is the right one, and files are checked."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.evaluation.studies.bases import bases
from fail2progress.failures.calibration import (
    SUFFIX,
    Calibration,
    CalibrationError,
    conformal_threshold,
    enough,
    read,
    rule_for,
    score,
)
from fail2progress.failures.monitor import Astray, MonitorRule, mismatches, relied_on
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.combination import combination_for
from fail2progress.perception.relations.registry import DEFAULT as DETECTOR

NAMES = ("table", "cup")
GOAL = Goal((Atom("above", "cup", "table"),))


def state(value: float, relation: str = "above") -> RelationState:
    binary = np.zeros((2, 2, len(BINARY)))
    binary[1, 0, BINARY.index(relation)] = value
    return RelationState(NAMES, binary, np.zeros((2, 3)))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.49), st.sampled_from(["above", "left"]))
def test_an_alarm_is_a_score_above_the_threshold(expected: float, observed: float, threshold: float, relation: str) -> None:
    """For directions too, which need more room than others."""
    rule = MonitorRule(high=0.5 + threshold, low=0.5 - threshold)
    goal = Goal((Atom(relation, "cup", "table"),))
    before, after = state(expected, relation), state(observed, relation)
    found = score(before, after, list(relied_on(before, goal, rule)))
    if min(abs(found - threshold), abs(abs(found) - 0.2)) > 1e-9:
        assert bool(mismatches(before, after, goal, rule)) == (found > threshold)


def test_false_alarms_are_as_many_as_promised() -> None:
    """Over many calibrations; not more in the mean, and not far fewer."""
    rng = np.random.default_rng(0)
    alpha, rates = 0.1, []
    for _ in range(400):
        threshold = conformal_threshold(rng.uniform(0, 0.5, 60).tolist(), alpha)
        rates.append(float((rng.uniform(0, 0.5, 500) > threshold).mean()))
    assert 0.085 < float(np.mean(rates)) <= 0.1


def test_its_place_is_that_of_the_decimal_number_alpha() -> None:
    for hundredths in range(1, 100):
        for count in (99, 199, 123):
            place = -(-(count + 1) * (100 - hundredths) // 100)
            if place <= count:
                assert conformal_threshold([float(i) for i in range(1, count + 1)], hundredths / 100) == place
            else:
                assert not enough(count, hundredths / 100)


def test_the_threshold_is_the_conformal_quantile() -> None:
    scores = [0.01 * value for value in range(1, 20)]
    assert conformal_threshold(scores, 0.1) == pytest.approx(0.18)
    assert conformal_threshold([-0.3] * 50, 0.1) == 0.0
    with pytest.raises(CalibrationError, match="19 good executions cannot promise 0\\.01: at least 99"):
        conformal_threshold(scores, 0.01)


def test_what_is_no_calibration_is_refused(tmp_path: Path) -> None:
    made = Calibration(model="d" * 64, alpha=0.02, threshold=0.1, executions=100, good=90)
    place = tmp_path / f"x{SUFFIX}"
    place.write_text(made.model_dump_json())
    assert read(place) == made and (made.rule.high, made.rule.low) == (0.6, 0.4)
    for spoil in ({"threshold": 0.7}, {"schema_version": 2}, {"more": 1}):
        place.write_text(json.dumps({**made.model_dump(), **spoil}))
        with pytest.raises(CalibrationError, match=r"x.monitor.json: no calibration"):
            read(place)


def test_one_number_of_an_earlier_version_is_both_limits_of_motion(tmp_path: Path) -> None:
    made = Calibration(model="d" * 64, alpha=0.02, threshold=0.1, executions=100, good=90, motion={"push": Astray(0.08, 0.08)})
    place = tmp_path / f"x{SUFFIX}"
    place.write_text(json.dumps({**made.model_dump(), "motion": {"push": 0.08}}))
    assert read(place) == made == Calibration.model_validate_json(made.model_dump_json())
    place.write_text(json.dumps({**made.model_dump(), "motion": {"push": {"own": -1.0, "others": 0.1}}}))
    with pytest.raises(CalibrationError, match=r"x.monitor.json: no calibration.*"):
        read(place)


def test_shipped_models_are_calibrated() -> None:
    """With false alarms on unseen executions as promised, within what so few of them can show."""
    for name in ("relational", "plain"):
        made = read(weights.path(name + SUFFIX))
        digest = load_checkpoint(weights.path(f"{name}.safetensors")).digest
        assert made.model == digest and rule_for(digest, surprises=True) == made.rule
        unseen = made.measured["unseen"]
        count = unseen["false_alarms"] + unseen["quiet"]
        assert unseen["false_alarm_rate"] <= made.alpha + 2.5 * (made.alpha * (1 - made.alpha) / count) ** 0.5
    assert rule_for("f" * 64, surprises=True) == read(weights.path("relational" + SUFFIX)).rule


def test_another_detector_has_a_rule_of_its_own_where_one_was_calibrated() -> None:
    made = read(weights.path("relational.combined" + SUFFIX))
    assert made.relations == "combined" and rule_for(made.model, "combined", surprises=True) == made.rule
    learned = read(weights.path("relational" + SUFFIX))
    assert made.model == learned.model and rule_for(made.model, surprises=True) == learned.rule != made.rule
    assert rule_for("f" * 64, "combined", surprises=True) == made.rule
    assert rule_for(made.model, "geometric", surprises=True) == learned.rule  # nothing was calibrated with it


@pytest.mark.parametrize("name", sorted(bases(weights.folder())))
def test_every_base_model_has_a_monitor_and_a_combination_of_its_own_for_the_usual_detector(name: str) -> None:
    found = bases(weights.folder())[name]
    digest = load_checkpoint(found.path).digest
    calibrated = read(found.path.with_name(f"{found.path.stem}.{DETECTOR}{SUFFIX}"))
    assert calibrated.model == combination_for(digest).model == digest and calibrated.relations == DETECTOR
    assert rule_for(digest, DETECTOR, surprises=True) == calibrated.rule
    unseen = calibrated.measured["unseen"]
    count = unseen["false_alarms"] + unseen["quiet"]
    assert count > 100 and unseen["false_alarm_rate"] <= calibrated.alpha + 2.5 * (calibrated.alpha / count) ** 0.5


@pytest.mark.parametrize("kind", ["stow-gnn", "binary-pred"])
def test_what_is_learnt_from_a_base_model_is_watched_by_its_rule(kind: str) -> None:
    base = bases(weights.folder())[kind]
    digest = load_checkpoint(base.path).digest
    learnt = "f" * 64
    assert rule_for(learnt, DETECTOR, kind) == rule_for(digest, DETECTOR)
    assert combination_for(learnt, kind) == combination_for(digest)
    assert combination_for(learnt, "a model from elsewhere") == combination_for(learnt)
    assert weights.base_of("points2plans") == weights.DEFAULT == weights.base_of("a model from elsewhere")
