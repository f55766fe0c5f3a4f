import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon

from fail2progress.evaluation.comparison import LEVEL, compare, holm, leaning, mcnemar, signed_rank

PROBABILITIES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8)


@given(st.integers(0, 11), st.integers(0, 11))
def test_mcnemar_against_all_ways_in_which_coins_can_fall(first: int, second: int) -> None:
    count = first + second
    chances = [math.comb(count, heads) / 2**count for heads in range(count + 1)]
    expected = sum(chance for chance in chances if chance <= chances[first] * (1 + 1e-9))
    assert mcnemar(first, second) == pytest.approx(min(expected, 1.0)) == mcnemar(second, first)


def rejected(values: list[float], level: float) -> list[bool]:
    """Holm's procedure as it is defined: from the smallest on, each against the level over those that are left."""
    found = [False] * len(values)
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if values[index] * (len(values) - rank) > level:
            break
        found[index] = True
    return found


@given(PROBABILITIES, st.floats(0.0, 0.99))
def test_holm_against_its_procedure(values: list[float], level: float) -> None:
    adjusted = holm(values)
    assert [value <= level for value in adjusted] == rejected(values, level)
    assert all(value <= new <= 1.0 for value, new in zip(values, adjusted, strict=True))


def test_holm_under_the_null_hypothesis_claims_wrongly_as_rarely_as_promised() -> None:
    """All outcomes of two tests of four coins each: the chance that any of both is claimed stays below the level."""
    wrong = 0.0
    for heads in product(range(9), repeat=2):
        chance = math.prod(math.comb(8, count) / 2**8 for count in heads)
        wrong += chance * (min(holm([mcnemar(count, 8 - count) for count in heads])) < LEVEL)
    assert 0.0 < wrong < LEVEL


def test_a_winner_is_named_only_where_the_test_says_so() -> None:
    good, bad = dict.fromkeys(range(20), True), {seed: seed >= 12 for seed in range(20)}
    nearly = {seed: seed != 3 for seed in range(20)}
    found = compare([("here", {"bad": bad, "good": good, "nearly": nearly})])
    told = {(one.first, one.second): one for one in found}
    assert set(told) == {("good", "bad"), ("good", "nearly"), ("nearly", "bad")}
    best, close = told["good", "bad"], told["good", "nearly"]
    assert (best.only_first, best.only_second, best.pairs) == (12, 0, 20)
    assert best.p == pytest.approx(2 / 2**12) and best.adjusted == pytest.approx(3 * best.p) and best.shown
    assert str(best).startswith("here: good beats bad (12 to 0 of 20 trials decide")
    assert close.p == 1.0 and not close.shown and "no difference shown between good and nearly" in str(close)


def test_only_trials_that_both_went_through_are_compared() -> None:
    (one,) = compare([("here", {"a": {1: True, 2: True, 3: False}, "b": {2: False, 3: False, 4: True}})])
    assert (one.pairs, one.only_first, one.only_second, one.shown) == (2, 1, 0, False)
    assert compare([("here", {"a": {1: True}})]) == []


@pytest.mark.parametrize("count", [1, 4, 5, 20])
def test_no_p_of_the_signed_rank_test_is_below_the_smallest_that_so_many_differences_can_have(count: int) -> None:
    """Noughts are dropped first, ties are counted as they are."""
    least = 2 / 2**count
    for differences in ([0.05] * count, [0.01 * (i + 1) for i in range(count)], [0.05] * count + [0.0] * 55 + [math.nan]):
        assert signed_rank(differences) == pytest.approx(least) == signed_rank([-one for one in differences])


def test_the_signed_rank_test_is_that_of_every_way_in_which_signs_can_fall() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        values = rng.integers(-3, 5, 9) / 20
        ranks = rankdata(np.abs(values[values != 0]))
        plus = ranks[values[values != 0] > 0].sum()
        sums = np.array([ranks @ np.array(signs) for signs in product((0, 1), repeat=len(ranks))])
        expected = min(1.0, 2 * min((sums <= plus).mean(), (sums >= plus).mean()))
        assert signed_rank(values) == pytest.approx(expected)
    distinct = np.arange(1, 31) * rng.choice([-1, 1], 30)
    assert signed_rank(distinct) == pytest.approx(wilcoxon(distinct, method="exact").pvalue)
    many = rng.normal(0.1, 1, 199)
    assert signed_rank(many) == pytest.approx(wilcoxon(many, method="approx").pvalue, rel=0.02)
    assert signed_rank([]) == signed_rank([0.0, math.nan]) == 1.0


def test_the_side_that_is_told_is_that_of_the_ranks_that_were_tested() -> None:
    skewed = [0.02] * 30 + [-0.2] * 6
    assert sum(skewed) < 0 and signed_rank(skewed) < LEVEL and leaning(skewed) == 1
    assert leaning([-one for one in skewed]) == -1
    assert leaning([]) == leaning([0.0, math.nan]) == leaning([0.1, -0.1]) == 0
