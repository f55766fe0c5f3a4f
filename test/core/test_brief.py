"""What people see who print a value that holds arrays."""

import numpy as np
import pytest
import torch

import fail2progress as f2p
from fail2progress.agent.loop import DONE, Episode
from fail2progress.agent.monitor import StepResult
from fail2progress.core.objects import Shape
from fail2progress.evaluation.trials import TrialResult
from fail2progress.library.acting import Pursuit, TrialRun
from fail2progress.perception.segmentation.base import Segment
from fail2progress.planning.planned import PlannedSkill
from fail2progress.planning.planner import Plan
from support import samples

LONGEST = 3000
"""Characters: a screen."""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return f2p.plan(f2p.task("hierarchical-tabletop", objects=3, seed=4))


def test_a_plan_is_printed_in_a_line_with_its_skills_and_its_goal(plan: Plan) -> None:
    said = repr(plan)
    assert "\n" not in said and "array" not in said and len(said) < LONGEST
    assert (
        said.startswith(f"Plan(goal={plan.goal}, skills=[{plan.skills[0].call}") and f"probability={plan.probability:.4g}" in said
    )
    assert str(plan) == said


def test_a_trial_is_printed_in_a_line_with_its_end(plan: Plan) -> None:
    outcome, event = samples.loaded_cup(), samples.failure()
    taken = StepResult(plan.skills[0], outcome.after.relations, (), event)
    result = TrialResult(3, 3, True, DONE, 1, 1, 0.9, "", (0, 0, 0, 1), 0.0, 0.0, (1, 0, 0))
    episode = Episode(DONE, (plan,), (taken,) * 20)
    run = TrialRun(result, episode, (event,), (outcome,) * 20, outcome.after.scene)
    for whole in (run, Pursuit(episode, (event,))):
        said = repr(whole)
        assert "\n" not in said and "array" not in said and len(said) < LONGEST
        assert "outcome='done'" in said and "20 in all" in said


@pytest.mark.parametrize("form", [repr, str])
def test_arrays_are_printed_by_their_shapes(form: type[str]) -> None:
    outcome, event = samples.loaded_cup(), samples.failure()
    for value in (outcome, outcome.before, outcome.before.cloud, outcome.before.scene, outcome.after.relations, event):
        said = form(value)
        assert "\n" not in said and "array" not in said and len(said) < LONGEST
        assert said.startswith(f"{type(value).__name__}(")
    count = len(outcome.before.scene)
    assert f"poses=<float64 {count}x7>" in form(outcome.before.scene)
    assert f"binary=<bool {count}x{count}x9>" in form(outcome.after.relations)
    skill = PlannedSkill(outcome.call, outcome.after.relations, np.zeros((count, 3)))
    assert str(skill) == str(outcome.call) and f"displacement=<float64 {count}x3>" in repr(skill)


@pytest.mark.parametrize("deep", [np.float64(0.25), np.array(0.25, np.float32), torch.tensor(0.25), 0.25])
def test_numbers_are_printed_by_their_value(deep: float) -> None:
    segment = Segment("cup", "cup", Shape.OPEN_BOX, *(np.zeros(3),) * 4, visibility=1.0, cavity=deep)
    assert "cavity=0.25, hidden=None" in repr(segment)


def test_failures_within_others_are_printed_by_their_name() -> None:
    """They print the same with str: of a list of them not each one with all that it holds."""
    event = samples.failure()
    said = repr(Pursuit(Episode(DONE, (), ()), (event,) * 8))
    assert "failures=[FailureEvent(...), FailureEvent(...)" in said and len(said) < LONGEST
