import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.evaluation.evaluate import METHODS, SEEDS, jobs, replans, summarise
from fail2progress.evaluation.predictions import f1
from fail2progress.evaluation.trials import TrialResult

NAN = float("nan")
RESULT = TrialResult(1, 3, True, "done", 5, 5, 0.9, "", (1, 0, 0, 4), 0.02, 0.01, (10, 0, 0))


def test_a_trial_without_a_plan_promised_nothing() -> None:
    """Also where an earlier version wrote that as 0."""
    told = replace(RESULT, plans=1, plan_probability=0.9)
    for nothing in (0.0, NAN):
        unseen = replace(RESULT, outcome="not seen: cup_1", plans=0, plan_probability=nothing)
        assert summarise([told, unseen]).plan_probability == pytest.approx(0.9)
        assert math.isnan(summarise([unseen]).plan_probability)


def test_wilson_interval_against_its_closed_form() -> None:
    summary = summarise([replace(RESULT, success=i < 86) for i in range(100)])
    z, n, p = 1.959963984540054, 100, 0.86
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = [(centre + sign * half) / (1 + z * z / n) for sign in (-1, 1)]
    assert summary.ci95 == pytest.approx(expected) and summary.rate == 0.86


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_interval_holds_the_rate_and_stays_in_bounds(counts: tuple[int, int]) -> None:
    trials, successes = counts
    summary = summarise([replace(RESULT, success=i < successes) for i in range(trials)])
    low, high = summary.ci95
    assert 0.0 <= low <= summary.rate + 1e-12 and summary.rate - 1e-12 <= high <= 1.0 and low < high


def test_what_explains_the_success_is_aggregated() -> None:
    results = [
        RESULT,
        replace(
            RESULT, success=False, failed_step="put", along_error=0.1, detected=(2, 1, 1, 0), pairs=(6, 2, 2), outcome="no plan"
        ),
        replace(RESULT, success=False, failed_step="", along_error=NAN, plan_probability=0.3, bystander_error=NAN),
        replace(RESULT, failed_step="carry", along_error=0.04),
    ]
    summary = summarise(results)
    assert summary.failed_steps == {"none": 1, "put": 1} and summary.outcomes == {"done": 3, "no plan": 1}
    assert summary.along_error == pytest.approx(0.04) and summary.bystander_error == pytest.approx(0.01)
    assert summary.plan_probability == pytest.approx(0.75)
    assert summary.relation_f1 == pytest.approx(2 * 36 / (2 * 36 + 4))
    assert summary.detection == {"hits": 5, "false_alarms": 1, "misses": 1, "quiet": 12}
    assert summary.detection_f1 == pytest.approx(10 / 12)


def test_nothing_to_measure_is_nan_and_no_trials_are_refused() -> None:
    summary = summarise([replace(RESULT, along_error=NAN, detected=(0, 0, 0, 5), pairs=(0, 0, 0))])
    assert all(math.isnan(value) for value in (summary.along_error, summary.detection_f1, summary.relation_f1))
    assert f1(0, 1, 0) == 0.0
    with pytest.raises(ValueError, match="no trials"):
        summarise([])


def test_methods() -> None:
    learned = {"parent": "0" * 64}
    assert [replans(method, learned) for method in METHODS] == [False, True, True]
    assert not replans("fail2progress", learned, replan=False)
    for method, note, replan in (("luck", learned, None), ("fail2progress", {}, None), ("replanning", {}, False)):
        with pytest.raises(ValueError, match=method):
            replans(method, note, replan)


def test_jobs_have_seeds_of_their_own() -> None:
    first, second = (jobs(Path("m"), "hierarchical-tabletop", 3, 50, seed, False) for seed in (1, 2))
    assert [job.seed for job in first[:2]] == [SEEDS, SEEDS + 1]
    assert not {job.seed for job in first} & {job.seed for job in second}
    for wrong in (("tidy", 3, 1), ("hierarchical-tabletop", 4, 1), ("hierarchical-tabletop", 3, 0)):
        with pytest.raises(ValueError, match=r"unknown task|objects|trials"):
            jobs(Path("m"), *wrong, 1, False)
