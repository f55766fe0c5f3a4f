import pytest
import yaml

from fail2progress.core.plain_yaml import AliasError, PlainLoader


def test_values_are_those_of_the_safe_loader() -> None:
    text = "a: [1, 2.5, x]\nb: &kept {c: true}\n"
    assert yaml.load(text, PlainLoader) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "a: &x {c: 1}\nb:\n  <<: *x\n", "a: 1\nb: &x [*x]\n"])
def test_aliases_are_refused(text: str) -> None:
    with pytest.raises(AliasError, match=r"an alias \(\*\) is not taken") as caught:
        yaml.load(text, PlainLoader)
    assert caught.value.problem_mark is not None and caught.value.problem_mark.line == text[: text.index("*x")].count("\n")
