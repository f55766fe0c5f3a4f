import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.stein.bijectors import Chart, plain_embedding

CHART = Chart([-0.5, 0.2, -math.pi], [0.5, 0.9, math.pi], [False, False, True])
finite = st.floats(-200, 200)
bounds = st.tuples(st.floats(-100, 100), st.floats(0.01, 100)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def double(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def jacobian(chart: Chart, z: Tensor) -> Tensor:
    matrix = torch.autograd.functional.jacobian(chart.to_values, z)
    assert isinstance(matrix, Tensor)
    return matrix


@settings(max_examples=100, deadline=None)
@given(bounds, finite, st.booleans(), st.sampled_from([torch.float32, torch.float64]))
def test_values_never_leave_their_range(pair: tuple[float, float], z: float, periodic: bool, dtype: torch.dtype) -> None:
    value = Chart([pair[0]], [pair[1]], [periodic]).to_values(torch.tensor([[z]], dtype=dtype)).item()
    assert pair[0] <= value <= pair[1]


@settings(max_examples=50, deadline=None)
@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-3.1, 3.1))
def test_coordinates_survive_the_round_trip(first: float, second: float, phase: float) -> None:
    z = double([[first, second, phase]])
    torch.testing.assert_close(CHART.to_coordinates(CHART.to_values(z)), z, atol=1e-9, rtol=0)


def test_the_way_between_turns_is_the_shorter_one() -> None:
    one, other = double([[0.1, 0.3, 3.0], [0.1, 0.3, -1.0]]), double([[-0.2, 0.8, -3.0], [0.4, 0.2, 1.5]])
    way = CHART.way(one, other)
    torch.testing.assert_close(way, double([[-0.3, 0.5, 2 * math.pi - 6.0], [0.3, -0.1, 2.5]]))
    torch.testing.assert_close(CHART.wrapped(one + way), other)
    torch.testing.assert_close(CHART.wrapped(one + way / 2)[0, 2].abs(), double([[math.pi]])[0, 0])
    values = double([[0.1, 0.3, math.pi - 0.1], [0.3, 0.5, 0.1 - math.pi]])
    torch.testing.assert_close(CHART.spread(values), double([[0.1, 0.1, 0.1]])[0])
    both = CHART.beside(Chart([0.0], [2.0]))
    assert both.dimensions == 4 and both.high[3] == 2.0 and list(both.periodic) == [False, False, True, False]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_values_survive_the_round_trip(seed: int) -> None:
    x = CHART.sample_uniform(16, generator(seed), torch.float64)
    torch.testing.assert_close(CHART.to_values(CHART.to_coordinates(x)), x, atol=1e-9, rtol=0)


def test_the_middle_of_the_range_is_zero() -> None:
    torch.testing.assert_close(CHART.to_values(torch.zeros(1, 3)), torch.tensor([[0.0, 0.55, 0.0]]))


def test_angles_wrap() -> None:
    x = CHART.to_values(double([[0, 0, 3 * math.pi + 0.25]]))
    assert x[0, 2].item() == pytest.approx(-math.pi + 0.25)
    z = CHART.to_coordinates(double([[0, 0.5, math.pi + 0.5]]))
    assert z[0, 2].item() == pytest.approx(-math.pi + 0.5)


def test_a_value_on_the_bound_gets_finite_coordinates() -> None:
    x = torch.tensor([[-0.5, 0.9, math.pi]])
    z = CHART.to_coordinates(x)
    assert z.isfinite().all()
    torch.testing.assert_close(CHART.to_values(z)[:, :2], x[:, :2])


def test_log_determinant_agrees_with_automatic_differentiation() -> None:
    z = torch.randn(4, 3, generator=generator(), dtype=torch.float64) * 2
    expected = torch.stack([torch.linalg.slogdet(jacobian(CHART, row)).logabsdet for row in z])
    torch.testing.assert_close(CHART.log_abs_det_jacobian(z), expected)


def test_uniform_prior_is_proper_over_coordinates() -> None:
    chart = Chart([-3.0], [7.0])
    z = torch.linspace(-40, 40, 20_001, dtype=torch.float64)[:, None]
    density = chart.log_abs_det_jacobian(z).exp() / 10
    assert torch.trapezoid(density, z[:, 0]).item() == pytest.approx(1, abs=1e-6)


def test_features_measure_in_units_of_the_range() -> None:
    chart = Chart([0.0, 0.0], [1.0, 1000.0])
    x = double([[0.25, 500], [0.5, 500], [0.25, 750]])
    f = chart.embed(chart.to_coordinates(x)).features
    assert torch.dist(f[0], f[1]).item() == pytest.approx(torch.dist(f[0], f[2]).item()) == pytest.approx(0.25)


def test_angles_are_close_across_the_cut() -> None:
    x = double([[0, 0.5, math.pi - 0.01], [0, 0.5, -math.pi + 0.01]])
    f = CHART.embed(CHART.to_coordinates(x)).features
    assert torch.dist(f[0], f[1]).item() == pytest.approx(0.02 / (2 * math.pi), rel=1e-4)


def test_slopes_agree_with_automatic_differentiation() -> None:
    z = torch.randn(1, 3, generator=generator(), dtype=torch.float64)
    embedding = CHART.embed(z)
    matrix = torch.autograd.functional.jacobian(lambda row: CHART.embed(row[None]).features[0], z[0])
    expected = torch.zeros(4, 3, dtype=torch.float64)
    expected[torch.arange(4), embedding.owners] = embedding.slopes[0]
    torch.testing.assert_close(matrix, expected)


def test_fold_adds_what_belongs_to_one_coordinate() -> None:
    folded = CHART.embed(torch.zeros(2, 3)).fold(torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]), 3)
    assert folded.tolist() == [[1, 2, 7], [5, 6, 15]]
    assert plain_embedding(torch.zeros(1, 2)).fold(torch.tensor([[1.0, 2]]), 2).tolist() == [[1, 2]]


def ends(chart: Chart) -> tuple[Tensor, Tensor]:
    return torch.tensor(chart.low, dtype=torch.float64), torch.tensor(chart.high, dtype=torch.float64)


def test_uniform_samples_fill_the_ranges_and_repeat_with_the_seed() -> None:
    x = CHART.sample_uniform(4000, generator(3), torch.float64)
    low, high = ends(CHART)
    assert (x >= low).all() and (x <= high).all()
    unit = (x - low) / (high - low)
    torch.testing.assert_close(unit.mean(0), torch.full((3,), 0.5, dtype=torch.float64), atol=0.02, rtol=0)
    torch.testing.assert_close(unit.var(0), torch.full((3,), 1 / 12, dtype=torch.float64), atol=0.005, rtol=0)
    assert torch.equal(x, CHART.sample_uniform(4000, generator(3), torch.float64))


@pytest.mark.parametrize(
    ("low", "high"), [([0, 1.5], [1, 1.5]), ([0, 2], [1, -1]), ([0, math.nan], [1, 1]), ([0, 0], [1, math.inf])]
)
def test_bounds_that_are_no_range_are_named(low: list[float], high: list[float]) -> None:
    with pytest.raises(ValueError, match=f"dimension 1: .*{low[1]:g}, {high[1]:g}"):
        Chart(low, high)


def test_bounds_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 low, 1 high, 2 periodic"):
        Chart([0, 0], [1])


def test_values_outside_are_named() -> None:
    with pytest.raises(ValueError, match=r"dimension 1: 1\.2 lies outside \[0\.2, 0\.9\]"):
        CHART.to_coordinates(torch.tensor([[0.0, 0.5, 9.0], [0.0, 1.2, 0.0]]))
    with pytest.raises(ValueError, match="dimension 0: nan"):
        CHART.to_coordinates(torch.tensor([[math.nan, 0.5, 0.0]]))
    with pytest.raises(ValueError, match="dimension 2: inf"):
        CHART.to_coordinates(torch.tensor([[0.0, 0.5, math.inf]]))
