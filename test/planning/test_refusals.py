"""Steps that a robot has refused: alike ones first, then the whole step, whatever else was refused between."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.planning.refusals import MOST, NOTHING_REFUSED, TRIES, Refusals
from fail2progress.skills.base import SkillCall
from fail2progress.skills.samplers import Step

NAMES = ("table_a", "table_b", "cup")
STEP = Step("pick_place", 2, 1)


def call(dx: float, name: str = "cup", target: str | None = "table_b") -> SkillCall:
    return SkillCall("pick_place", name, (dx, 0.0, 0.0, 0.0), target)


def test_nothing_refused_forbids_nothing() -> None:
    assert not NOTHING_REFUSED and not NOTHING_REFUSED.enough and not NOTHING_REFUSED.forbid(STEP, NAMES)
    assert not NOTHING_REFUSED.near(STEP, torch.zeros(3, 4), NAMES).any()


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=MOST))
def test_what_was_refused_is_near_and_each_refusal_keeps_more_away(places: list[float]) -> None:
    refused, before = NOTHING_REFUSED, torch.zeros(41, dtype=torch.bool)
    asked = torch.zeros(41, 4)
    asked[:, 0] = torch.linspace(-0.5, 0.5, 41)
    for dx in places:
        refused = refused.adding(call(dx), "out of reach")
        near = refused.near(STEP, asked, NAMES)
        assert bool(refused.near(STEP, torch.tensor([[dx, 0.0, 0.0, 0.0]]), NAMES).all()) and not (before & ~near).any()
        before = near
    assert refused.forbid(STEP, NAMES) == (len(places) >= TRIES) and refused.enough == (len(places) >= MOST)


def test_other_things_skills_and_targets_are_free() -> None:
    refused = Refusals()
    for _ in range(TRIES):
        refused = refused.adding(call(0.1), "too wide")
    assert refused.forbid(STEP, NAMES)
    others = (Step("pick_place", 2, 0), Step("pick_place", 0, 1), Step("push", 2, 1), Step("pick_place", 2, None))
    assert not any(refused.forbid(other, NAMES) for other in others)
    assert not refused.near(others[0], torch.tensor([[0.1, 0.0, 0.0, 0.0]]), NAMES).any()


def test_a_direction_is_near_all_the_way_round() -> None:
    step = Step("push", 2, None)
    refused = NOTHING_REFUSED.adding(SkillCall("push", "cup", (math.pi - 0.001, 0.1)), "in the way")
    asked = torch.tensor([[-math.pi + 0.001, 0.1], [0.0, 0.1], [math.pi - 0.001, 0.3]])
    assert refused.near(step, asked, NAMES).tolist() == [True, False, False]


def test_a_step_that_is_given_up_is_forbidden_by_itself() -> None:
    refused = NOTHING_REFUSED.giving_up(STEP, NAMES)
    assert refused.forbid(STEP, NAMES) and not refused.forbid(Step("pick_place", 2, 0), NAMES)
