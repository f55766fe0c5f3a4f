import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.skills.base import SkillCall, padded
from fail2progress.skills.definition import SkillDefinition
from fail2progress.skills.registry import SKILLS, skill
from support.long_skill import LONG

skills = st.sampled_from(list(SKILLS.values()))


@st.composite
def calls(draw: st.DrawFn) -> SkillCall:
    chosen = draw(skills)
    return SkillCall(chosen.name, "cup", tuple(draw(st.floats(p.low, p.high)) for p in chosen.parameters))


@given(calls())
def test_parameters_are_padded_to_one_length(call: SkillCall) -> None:
    assert call.padded.shape == (SKILLS.action_size,)
    assert tuple(call.padded[: len(call.parameters)]) == call.parameters
    assert (call.padded[len(call.parameters) :] == 0).all()


def test_what_was_padded_for_other_skills_is_padded_for_those_of_here() -> None:
    short = np.array([[0.5, 0.25]], np.float32)
    assert np.array_equal(padded(short), [[0.5, 0.25, 0, 0]]) and padded(short).dtype == np.float32
    with SKILLS.including(LONG):
        long = padded(padded(short))
        assert np.array_equal(long, [[0.5, 0.25, 0, 0, 0, 0]])
        assert SkillCall("push", "cup", (0.5, 0.25)).padded.shape == (6,)
    assert np.array_equal(padded(long), padded(short))


@given(skills)
def test_the_bounds_themselves_are_allowed(chosen: SkillDefinition) -> None:
    for end in (chosen.low, chosen.high):
        assert SkillCall(chosen.name, "cup", tuple(end)).parameters == tuple(end)


@given(calls(), st.data(), st.sampled_from([math.nan, math.inf, -math.inf, 1e9, -1e9]))
def test_a_wrong_parameter_is_named_with_its_bounds(call: SkillCall, data: st.DataObject, wrong: float) -> None:
    at = data.draw(st.integers(0, len(call.parameters) - 1))
    values = list(call.parameters)
    values[at] = wrong
    name = SKILLS[call.skill].parameters[at].name
    with pytest.raises(ValueError, match=rf"{call.skill}: {name} = .* is outside"):
        SkillCall(call.skill, "cup", tuple(values))


@given(skills, st.integers(0, 8))
def test_a_wrong_count_is_named(chosen: SkillDefinition, count: int) -> None:
    if count != len(chosen.parameters):
        with pytest.raises(ValueError, match=rf"{chosen.name} takes {len(chosen.parameters)} parameters, got {count}"):
            SkillCall(chosen.name, "cup", (0.0,) * count)


def test_an_unknown_skill_is_named() -> None:
    with pytest.raises(ValueError, match=r"'throw'.*pick_place"):
        skill("throw")
    with pytest.raises(ValueError, match=r"'throw'"):
        SkillCall("throw", "cup", ())


def test_a_call_reads_as_one_line() -> None:
    call = SkillCall("push", "cup", (0.5, 0.1), target="table")
    assert str(call) == "push(cup -> table: direction=+0.500, distance=+0.100)"
    assert np.array_equal(call.padded, [0.5, 0.1, 0, 0])
