import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.stein import kernel
from fail2progress.stein.kernel import median_bandwidth, pair_distances, rbf


def points(count: int, dimensions: int, seed: int) -> Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def constant(h: float) -> Tensor:
    return torch.tensor(h, dtype=torch.float64)


def test_bandwidth_takes_distinct_pairs_only() -> None:
    # Pair distances 1, 3, 2: with the diagonal or both triangles' zeros counted, the median would not be 2.
    assert median_bandwidth(torch.tensor([[0.0], [1.0], [3.0]])).item() == pytest.approx(4 / math.log(4))


def test_bandwidth_of_an_even_number_of_pairs_is_between_the_middle_two() -> None:
    x = torch.tensor([[0.0], [1.0], [3.0], [7.0]])  # 1 2 3 4 6 7
    assert median_bandwidth(x).item() == pytest.approx(3.5**2 / math.log(5))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_bandwidth_of_coinciding_points_is_one(count: int) -> None:
    kernel = rbf(torch.full((count, 3), 0.7))
    assert median_bandwidth(torch.full((count, 3), 0.7)) == 1
    assert torch.equal(kernel.matrix, torch.ones(count, count))
    assert torch.equal(kernel.repulsion, torch.zeros(count, 3))


def test_bandwidth_with_zero_median_uses_the_points_that_differ() -> None:
    x = torch.tensor([[0.0]] * 6 + [[2.0]])  # 15 pairs at 0, 6 at 2
    assert median_bandwidth(x).item() == pytest.approx(4 / math.log(8))


def test_bandwidth_stays_positive_when_squares_underflow() -> None:
    kernel = rbf(torch.tensor([[0.0], [1e-30], [2e-30]]))
    assert kernel.repulsion.isfinite().all()


def test_kernel_of_two_particles_by_hand() -> None:
    kernel = rbf(torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64), lambda _: constant(50.0))
    k = math.exp(-25 / 50)
    torch.testing.assert_close(kernel.matrix, torch.tensor([[1, k], [k, 1]], dtype=torch.float64))
    # grad_{x_1} k(x_1, x_0) = -2 / h (x_1 - x_0) k pushes particle 0 away from particle 1.
    expected = torch.tensor([[-3.0, -4.0], [3.0, 4.0]], dtype=torch.float64) * (2 / 50 * k)
    torch.testing.assert_close(kernel.repulsion, expected)


@pytest.mark.parametrize("sloped", [False, True])
def test_repulsion_agrees_with_automatic_differentiation(sloped: bool) -> None:
    z = points(6, 3, 0).requires_grad_()
    x = torch.tanh(z) if sloped else z
    h = median_bandwidth(x.detach())
    expected = torch.zeros(6, 3, dtype=torch.float64)
    for i in range(6):
        k = torch.exp(-(x - x[i].detach()).square().sum(-1) / h).sum()
        (gradient,) = torch.autograd.grad(k, z, retain_graph=True)
        expected[i] = gradient.sum(0)
    slopes = (1 - x.square()).detach() if sloped else None
    torch.testing.assert_close(rbf(x.detach(), slopes=slopes).repulsion, expected)


def test_no_gradient_flows_through_kernel_or_bandwidth() -> None:
    kernel = rbf(points(4, 2, 1).requires_grad_())
    assert not kernel.matrix.requires_grad and not kernel.repulsion.requires_grad


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 1000), st.floats(0.1, 10))
def test_kernel_invariants(count: int, dimensions: int, seed: int, scale: float) -> None:
    x = points(count, dimensions, seed)
    kernel = rbf(x)
    torch.testing.assert_close(kernel.matrix, kernel.matrix.T)
    assert torch.linalg.eigvalsh(kernel.matrix).min() > -1e-12
    torch.testing.assert_close(kernel.repulsion.sum(0), torch.zeros(dimensions, dtype=torch.float64))
    # The median rule makes the kernel blind to the unit of length.
    torch.testing.assert_close(rbf(scale * x).matrix, kernel.matrix)
    torch.testing.assert_close(pair_distances(x).sort().values, pair_distances(x.flip(0)).sort().values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [2, 3, 6, 7, 50])
def test_the_bandwidth_of_many_points_is_counted(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, count: int) -> None:
    x = points(count, 4, count).to(dtype)
    odd = [x, torch.cat([x, x[:1].expand(3 * count, 4)]), torch.cat([x, x[:1] * math.nan])]
    plain = [median_bandwidth(one) for one in odd]
    monkeypatch.setattr(kernel, "_MANY", 0)
    monkeypatch.setattr(kernel, "_BLOCK", 997)
    torch.testing.assert_close([median_bandwidth(one) for one in odd], plain, equal_nan=True)
    assert median_bandwidth(x[:1].expand(count, 4)) == 1 and median_bandwidth(x[:1]) == 1


def test_the_bandwidth_of_more_points_than_a_quantile_takes() -> None:
    x = points(6000, 2, 0).float()
    fewer = median_bandwidth(x[:3000]).item() * math.log(3001) / math.log(6001)
    assert median_bandwidth(x).item() == pytest.approx(fewer, rel=0.05)
