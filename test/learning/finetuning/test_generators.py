from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.learning.finetuning.generators import Budget
from fail2progress.learning.finetuning.targeted import TargetOptions


@given(rounds=st.integers(1, 12), tempered=st.floats(0.001, 1.0))
def test_the_density_grows_by_one_factor_to_the_whole(rounds: int, tempered: float) -> None:
    shares = Budget(rounds=rounds, tempered=tempered).shares
    assert len(shares) == rounds and shares[-1] == 1.0
    assert shares[0] == pytest.approx(tempered if rounds > 1 else 1.0)
    factors = [later / sooner for sooner, later in pairwise(shares)]
    assert factors == pytest.approx([factors[0]] * len(factors) if factors else [])


def test_without_tempering_every_round_climbs_the_whole() -> None:
    assert set(TargetOptions().budget().shares) == {1.0}


@pytest.mark.parametrize(("steps", "rounds"), [(4, 1), (25, 2), (80, 4), (199, 4), (300, 6)])
def test_rounds_follow_from_steps(steps: int, rounds: int) -> None:
    assert TargetOptions(state_steps=steps).budget().rounds == rounds


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_that_is_none_is_named(share: float) -> None:
    with pytest.raises(ValueError, match=f"tempered must be a part from above 0 to 1, got {share:g}"):
        TargetOptions(tempered=share)
