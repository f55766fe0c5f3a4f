import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.vocabulary import VERSION_1, SkillSignature, Vocabulary, VocabularyError, check, from_dict

SPIN = SkillSignature("spin", (("angle", "rad"),))
MORE = replace(VERSION_1, skills=(SPIN, *reversed(VERSION_1.skills)))


def test_it_survives_json() -> None:
    assert from_dict(json.loads(json.dumps(MORE.to_dict()))) == MORE


def test_what_carries_none_is_of_version_1() -> None:
    assert check(None, VERSION_1) == VERSION_1


def test_more_skills_in_another_order_are_known_here_by_other_numbers() -> None:
    assert check(VERSION_1.to_dict(), MORE).numbers(MORE) == (4, 3, 2, 1)
    assert VERSION_1.difference(MORE) == ""


def test_a_skill_that_is_not_known_here_is_named() -> None:
    with pytest.raises(VocabularyError, match=r"of another vocabulary: skill spin, known here: pick_place, push"):
        check(MORE.to_dict(), VERSION_1)
    with pytest.raises(VocabularyError, match=r"pick_place, push, .*; install the package that brings it$"):
        check(MORE.to_dict(), VERSION_1)
    two = replace(MORE, skills=(*MORE.skills, replace(SPIN, name="knit")))
    with pytest.raises(VocabularyError, match=r"skills spin, knit, known here: .*; install the packages that bring them$"):
        check(two.to_dict(), VERSION_1)
    with pytest.raises(VocabularyError, match=r"the skill 'spin' is not in this model's vocabulary: pick_place"):
        VERSION_1.index("spin")
    with pytest.raises(VocabularyError, match="spin"):
        MORE.numbers(VERSION_1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"skills": (SkillSignature("push", (("distance", "m"), ("direction", "rad"))),)}, r"push\(distance \[m\], direction"),
        ({"skills": (SkillSignature("push", (("direction", "deg"), ("distance", "m"))),)}, r"direction \[deg\]"),
        ({"binary": VERSION_1.binary[::-1]}, "binary relations inside, boundary"),
        ({"binary": VERSION_1.binary[:-1]}, "binary relations"),
        ({"unary": ("movable", "open", "drawer")}, "unary relations movable, open, drawer, known here: movable, drawer, open"),
    ],
)
def test_what_differs_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        check(replace(VERSION_1, **change).to_dict(), VERSION_1)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["schema", "skills", "name"]), inner),
        max_leaves=8,
    ),
    st.sampled_from(["schema", "skills", "binary", "unary"]),
)
def test_any_json_is_read_or_refused(value: object, key: str) -> None:
    for content in (value, {**VERSION_1.to_dict(), key: value}, {**VERSION_1.to_dict(), "skills": [value]}):
        try:
            assert isinstance(from_dict(content), Vocabulary)
        except VocabularyError as error:
            assert "vocabulary" in str(error)
