from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.relations import BINARY, MIRRORED, UNARY, RelationState
from fail2progress.failures.event import FailureEvent, Mismatch
from fail2progress.failures.sentences import (
    PHRASES,
    doing,
    expectation,
    importance,
    learnt_in_short,
    observation,
    ranked,
    story,
    told,
)

NAMES = ("cup", "capsule", "table")


def state(*holding: tuple[str, str, str]) -> RelationState:
    binary = np.zeros((3, 3, len(BINARY)))
    for relation, one, other in holding:
        binary[NAMES.index(one), NAMES.index(other), BINARY.index(relation)] = 1.0
    unary = np.zeros((3, len(UNARY)))
    unary[:2, UNARY.index("movable")] = 1.0
    return RelationState(NAMES, binary, unary)


def broken(relation: str, one: str, other: str, expected: bool) -> Mismatch:
    return Mismatch(relation=relation, subject=one, other=other, expected=float(expected), observed=float(not expected))


@pytest.fixture
def event(make_event: Callable[..., FailureEvent]) -> FailureEvent:
    """A cup was carried; the model expected its capsule to stay on its table."""
    made = make_event(1)
    mismatches = (broken("below", "table", "capsule", True), broken("inside", "capsule", "cup", False))
    call = made.header.call.model_copy(update={"skill": "pick_place", "object": "cup", "target": None})
    header = made.header.model_copy(
        update={"mismatches": mismatches, "call": call, "goal": ("inside(capsule, cup)", "above(cup, table)")}
    )
    return made.model_copy(update={"header": header, "relations_before": state(("inside", "capsule", "cup"))})


def test_a_failure_is_told_in_words(event: FailureEvent) -> None:
    assert expectation(event) == ("When the robot carried cup, the model expected that capsule would no longer be inside cup.")
    assert observation(event) == "capsule is inside cup."
    assert importance(event) == (
        "The goal asks for capsule inside cup, which holds; by its model the robot plans skills for it all the same."
    )
    assert story(event) == (expectation(event), observation(event), importance(event))
    refused, taken = ("", "worse elsewhere"), ("v0002", "better on the failure")
    learnt, not_learnt = "The model v0002 learnt from it: better on the failure.", "o new model was accepted: worse elsewhere."
    assert story(event, (taken,))[3:] == story(event, (refused, taken))[3:] == (learnt,)
    assert story(event, (refused, refused))[3:] == (f"N{not_learnt}",)
    assert story(event, (taken, refused, refused))[3:] == (learnt, *[f"Later, n{not_learnt}"] * 2)
    assert learnt_in_short((taken, refused)) == ["v0002: better on the failure", "no new model: worse elsewhere"]


def test_what_the_goal_asks_for_and_does_not_hold_is_told_first(event: FailureEvent) -> None:
    lost = (broken("above", "cup", "table", True), *event.header.mismatches)
    both = event.model_copy(update={"header": event.header.model_copy(update={"mismatches": lost})})
    assert importance(both).startswith("The goal asks for cup above table, which does not hold. The goal asks for capsule ")
    header = both.header.model_copy(update={"goal": ("not above(cup, table)",)})
    assert importance(both.model_copy(update={"header": header})).startswith(
        "The goal asks for cup not above table, which holds;"
    )


def test_each_skill_has_its_own_verb_and_one_from_outside_its_name(event: FailureEvent) -> None:
    def did(skill: str, target: str | None = None) -> str:
        call = event.header.call.model_copy(update={"skill": skill, "target": target})
        return doing(event.model_copy(update={"header": event.header.model_copy(update={"call": call})}))

    assert did("pick_place", "table") == "carried cup to table" and did("push") == "pushed cup"
    assert did("open_drawer") == "opened cup" and did("press_down") == "carried out press down on cup"


def test_relations_are_told_from_the_movable_side(event: FailureEvent) -> None:
    assert [(m.relation, m.subject, m.other) for m in ranked(event)] == [
        ("inside", "capsule", "cup"),
        ("above", "capsule", "table"),
    ]


def test_where_the_goal_does_not_ask_for_it_the_plan_relies_on_it(event: FailureEvent) -> None:
    header = event.header.model_copy(update={"goal": ("above(cup, table)",)})
    assert importance(event.model_copy(update={"header": header})) == "The rest of the plan relies on where capsule is."


@given(st.sampled_from(BINARY), st.permutations(NAMES), st.booleans())
def test_telling_keeps_the_meaning(relation: str, names: list[str], expected: bool) -> None:
    before = state()
    mismatch = broken(relation, names[0], names[1], expected)
    turned = told(mismatch, before)
    assert (turned.expected, turned.observed) == (mismatch.expected, mismatch.observed)
    if (turned.subject, turned.other) != (mismatch.subject, mismatch.other):
        assert (turned.relation, turned.subject) == (MIRRORED[relation], names[1]) and names[0] == "table"
    assert told(turned, before) == turned


def test_every_relation_has_a_phrase() -> None:
    assert set(PHRASES) == {*BINARY, *UNARY}


def test_a_failure_in_which_no_relation_was_expected_otherwise_is_told_all_the_same(event: FailureEvent) -> None:
    header = event.header.model_copy(update={"mismatches": ()})
    (sentence,) = story(event.model_copy(update={"header": header}))
    assert "ended elsewhere than the model expected" in sentence
