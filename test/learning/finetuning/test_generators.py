from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning import generators
from fail2progress.learning.finetuning.generators import GENERATORS, Budget
from fail2progress.learning.finetuning.targeted import TargetOptions, target
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.stein import flatness
from fail2progress.stein.svgd import Result, optimise


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


@given(steps=st.integers(0, 500), rounds=st.integers(1, 12))
def test_all_steps_are_taken_about_as_many_in_each_round(steps: int, rounds: int) -> None:
    taken = Budget(state_steps=steps, rounds=rounds).steps
    assert len(taken) == rounds and sum(taken) == steps and max(taken) - min(taken) <= 1


@pytest.mark.parametrize(("name", "steep"), [("stein", True), ("gradient", True), ("sampling", False), ("rejection", False)])
def test_sampling_and_rejection_climb_nothing(
    event: FailureEvent, model: Points2Plans, simulator: MujocoSimulator, monkeypatch: pytest.MonkeyPatch, name: str, steep: bool
) -> None:
    """Neither for states nor for actions: the paper's Sampling has no gradients, and its time is compared with theirs."""
    climbs: list[int] = []

    def watched(*given: Any, **named: Any) -> Result:
        climbs.append(named["steps"])
        return optimise(*given, **named)

    monkeypatch.setattr(generators, "optimise", watched)
    monkeypatch.setattr(flatness, "FLAT", 0.0)  # an untrained model doubts all alike
    options = TargetOptions(method=name, acquisition="entropy", samples=2, state_steps=25, action_steps=3)
    found = target(event, model, simulator, options, 0)
    assert climbs == ([12, 13, 3] if steep else []) and GENERATORS.get(name).slopes == steep
    assert found.felt is not None and found.felt.measure == "entropy" and found.felt.acts
    assert list(found.seconds) == ["set-up", "states", "actions", "simulation"]


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_that_is_none_is_named(share: float) -> None:
    with pytest.raises(ValueError, match=f"tempered must be a part from above 0 to 1, got {share:g}"):
        TargetOptions(tempered=share)
