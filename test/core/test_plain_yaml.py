import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.plain_yaml import AliasError, PlainLoader, TwiceError, once


def test_values_are_those_of_the_safe_loader() -> None:
    text = "a: [1, 2.5, x]\nb: &kept {c: true}\n"
    assert yaml.load(text, PlainLoader) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "a: &x {c: 1}\nb:\n  <<: *x\n", "a: 1\nb: &x [*x]\n"])
def test_aliases_are_refused(text: str) -> None:
    with pytest.raises(AliasError, match=r"an alias \(\*\) is not taken") as caught:
        yaml.load(text, PlainLoader)
    assert caught.value.problem_mark is not None and caught.value.problem_mark.line == text[: text.index("*x")].count("\n")


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["{:e}", "{:g}", "{!r}", "{:.3f}"]))
def test_every_number_is_the_one_that_people_read(value: float, form: str) -> None:
    text = form.format(value)
    assert yaml.load(f"a: {text}\n", PlainLoader)["a"] == pytest.approx(float(text), rel=1e-15)


@given(st.integers(0, 10**9), st.integers(1, 12))
def test_whole_numbers_are_decimal_whatever_they_begin_with(value: int, width: int) -> None:
    assert yaml.load(f"{value:0{width}}: {value:0{width}}\n", PlainLoader) == {value: value}


@pytest.mark.parametrize("text", ["1:10", "1_000", "1,5", "1e", "0x", "."])
def test_what_is_no_number_to_people_is_a_text(text: str) -> None:
    assert yaml.load(f"a: {text}\n", PlainLoader)["a"] == text


@pytest.mark.parametrize(("text", "value"), [(".inf", float("inf")), ("-.Inf", -float("inf")), ("0x1F", 31), ("0o17", 15)])
def test_other_spellings_of_numbers(text: str, value: float) -> None:
    assert yaml.load(f"a: {text}\n", PlainLoader)["a"] == value
    assert np.isnan(yaml.load("a: .Nan\n", PlainLoader)["a"])


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "c: {a: 1, a: 1}\n", "- a: 1\n  'a': 2\n"])
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(TwiceError) as caught:
        yaml.load(text, PlainLoader)
    assert caught.value.problem == "a: this key stands here twice"
    with pytest.raises(TwiceError):
        json.loads('{"b": {"a": 1, "a": 2}}', object_pairs_hook=once)
    assert json.loads('{"b": {"a": 1}, "a": 2}', object_pairs_hook=once) == {"b": {"a": 1}, "a": 2}
