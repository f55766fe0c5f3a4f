import pytest

from fail2progress.tasks.atoms import expand


@pytest.mark.parametrize(
    ("pattern", "counts", "atoms"),
    [
        ("open(drawer)", {}, ["open(drawer)"]),
        ("not open(drawer)", {}, ["not open(drawer)"]),
        ("above(cup_*, table)", {"cup": 2}, ["above(cup_1, table)", "above(cup_2, table)"]),
        ("inside(pill_*, cup_*)", {"pill": 3, "cup": 2}, [f"inside(pill_{i}, cup_{j})" for i, j in ((1, 1), (2, 2), (3, 1))]),
        ("left(cup_*, cup_*+1)", {"cup": 3}, ["left(cup_1, cup_2)", "left(cup_2, cup_3)"]),
        ("left(cup_*, cup_*+1)", {"cup": 1}, []),
        ("above(cup_*, table)", {"cup": 0}, []),
        ("inside(red_pill_*, cup)", {"red_pill": 1}, ["inside(red_pill_1, cup)"]),
    ],
)
def test_patterns_stand_for_every_member_of_a_group(pattern: str, counts: dict[str, int], atoms: list[str]) -> None:
    assert list(map(str, expand(pattern, counts))) == atoms


@pytest.mark.parametrize(("pattern", "said"), [("above(cup_*, t)", "no group"), ("on(a, b)", "unknown relation"), ("x", "not a")])
def test_patterns_that_mean_nothing_are_refused(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        expand(pattern, {"mug": 2})
