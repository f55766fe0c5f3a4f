import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.planning.optimise import OPTIMISERS, CrossEntropy, Optimiser, Shooting, optimiser

each = pytest.mark.parametrize("method", [Shooting(candidates=50), CrossEntropy(candidates=20, rounds=2, elite=4)])


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@each
@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(1, 5))
def test_the_result_is_never_worse_than_the_start(method: Optimiser, seed: int, skills: int) -> None:
    """A rugged score with its peak at the start: whatever is sampled besides is worse."""
    start = torch.rand(skills, 2, generator=generator(seed))

    def score(places: Tensor) -> Tensor:
        return -(1000 * (places - start)).abs().sum(dim=(1, 2)).sqrt()

    best, value = method.best(score, start, generator(seed + 1))
    assert value == 0.0 and torch.equal(best, start)


@each
@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_the_score_is_that_of_the_places_and_they_stay_in_range(method: Optimiser, seed: int) -> None:
    weights = torch.randn(3, 2, generator=generator(seed))

    def score(places: Tensor) -> Tensor:
        assert places.shape[1:] == (3, 2) and (places >= 0).all() and (places <= 1).all()
        return (places * weights).sum(dim=(1, 2))

    best, value = method.best(score, torch.full((3, 2), 0.5), generator(seed))
    assert value == pytest.approx(float(score(best.unsqueeze(0))[0]), rel=1e-5)
    assert value >= float(score(torch.full((1, 3, 2), 0.5))[0])


@settings(max_examples=10)
@given(st.lists(st.floats(0.05, 0.95), min_size=6, max_size=6), st.integers(0, 2**31))
def test_the_cross_entropy_method_finds_the_peak_of_a_quadratic(peak: list[float], seed: int) -> None:
    goal = torch.tensor(peak).view(3, 2)
    method = CrossEntropy(candidates=128, rounds=12, elite=12)
    best, value = method.best(lambda p: -((p - goal) ** 2).sum(dim=(1, 2)), torch.full((3, 2), 0.5), generator(seed))
    assert (best - goal).abs().max() < 0.03 and value > -0.003


def test_shooting_finds_a_peak_in_few_dimensions() -> None:
    goal = torch.tensor([[0.2, 0.7]])
    best, _ = Shooting(2000).best(lambda p: -((p - goal) ** 2).sum(dim=(1, 2)), torch.full((1, 2), 0.5), generator(0))
    assert (best - goal).abs().max() < 0.05


@each
def test_the_same_generator_gives_the_same_places(method: Optimiser) -> None:
    one, other = (method.best(lambda p: p.sum(dim=(1, 2)), torch.full((2, 2), 0.5), generator(5))[0] for _ in range(2))
    assert torch.equal(one, other)


def test_optimisers_are_looked_up_by_name() -> None:
    assert all(optimiser(name).name == name for name in OPTIMISERS)
    with pytest.raises(ValueError, match=r"'annealing'.*shooting, cem"):
        optimiser("annealing")
