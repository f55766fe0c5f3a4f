import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.stein.bijectors import Chart, plain_embedding
from fail2progress.stein.svgd import Direction, Gradient, LogDensity, Stein, direction_named, optimise


def normal(count: int, dimensions: int, seed: int = 0) -> Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian(mean: Tensor, covariance: Tensor) -> LogDensity:
    precision = torch.linalg.inv(covariance)
    return lambda x: -0.5 * torch.einsum("md,de,me->m", x - mean, precision, x - mean)


def unit_gaussian(x: Tensor) -> Tensor:
    return -0.5 * x.square().sum(-1)


def flat(x: Tensor) -> Tensor:
    return 0 * x.sum(-1)


def phi_by_loops(x: Tensor, scores: Tensor) -> Tensor:
    """Eq. 5 written out, as an oracle."""
    count = len(x)
    distances = sorted(math.dist(x[i].tolist(), x[j].tolist()) for i in range(count) for j in range(i))
    middle = len(distances) // 2
    median = distances[middle] if len(distances) % 2 else (distances[middle - 1] + distances[middle]) / 2
    h = median**2 / math.log(count + 1)
    phi = torch.zeros_like(x)
    for i in range(count):
        for j in range(count):
            k = math.exp(-(math.dist(x[i].tolist(), x[j].tolist()) ** 2) / h)
            phi[i] += (k * scores[j] - 2 / h * (x[j] - x[i]) * k) / count
    return phi


def test_stein_direction_of_two_particles_by_hand() -> None:
    x = torch.tensor([[0.0], [2.0]], dtype=torch.float64)
    phi = Stein()(torch.tensor([[1.0], [-3.0]], dtype=torch.float64), plain_embedding(x))
    # median 2, h = 4 / ln 3, k = exp(-ln 3) = 1/3, 2 / h * 2 * k = ln 3 / 3
    repulsion = math.log(3) / 3
    expected = [[(1 - 3 / 3 - repulsion) / 2], [(1 / 3 - 3 + repulsion) / 2]]
    torch.testing.assert_close(phi, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize(("count", "dimensions"), [(2, 1), (5, 3), (20, 6)])
def test_stein_direction_agrees_with_loops(count: int, dimensions: int) -> None:
    x, scores = normal(count, dimensions, 1), normal(count, dimensions, 2)
    torch.testing.assert_close(Stein()(scores, plain_embedding(x)), phi_by_loops(x, scores))


def test_stein_direction_of_one_particle_is_its_score() -> None:
    scores = normal(1, 3)
    assert torch.equal(Stein()(scores, plain_embedding(normal(1, 3, 5))), scores)


@pytest.mark.parametrize("name", ["stein", "gradient"])
@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 1000), st.floats(-100, 100))
def test_direction_is_equivariant(name: str, count: int, dimensions: int, seed: int, shift: float) -> None:
    direction = direction_named(name)
    x, scores = normal(count, dimensions, seed), normal(count, dimensions, seed + 1)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    phi = direction(scores, plain_embedding(x))
    torch.testing.assert_close(direction(scores[order], plain_embedding(x[order])), phi[order])
    torch.testing.assert_close(direction(scores, plain_embedding(x + shift)), phi, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", ["stein", "gradient"])
def test_optimisation_is_equivariant_to_permutation_and_shift(name: str) -> None:
    x, order, shift = (
        normal(8, 2),
        torch.tensor([3, 1, 7, 0, 2, 6, 5, 4]),
        torch.tensor([3.0, -2.0], dtype=torch.float64),
    )

    def run(start: Tensor, mean: Tensor) -> Tensor:
        target = gaussian(mean, torch.eye(2, dtype=torch.float64))
        return optimise(target, start, direction_named(name), steps=50, learning_rate=0.05).particles

    origin = torch.zeros(2, dtype=torch.float64)
    reference = run(x, origin)
    torch.testing.assert_close(run(x[order], origin), reference[order], atol=1e-7, rtol=0)
    torch.testing.assert_close(run(x + shift, shift), reference + shift, atol=1e-7, rtol=0)


def test_gaussian_in_one_dimension() -> None:
    target = gaussian(torch.tensor([1.5]).double(), torch.tensor([[0.49]]).double())
    x = optimise(target, normal(50, 1) - 3, Stein(), steps=600, learning_rate=0.05).particles
    assert x.mean().item() == pytest.approx(1.5, abs=1e-3)
    assert x.var().item() == pytest.approx(0.49, rel=0.05)


def test_gaussian_in_two_dimensions() -> None:
    mean = torch.tensor([0.5, -1.0], dtype=torch.float64)
    covariance = torch.tensor([[1.0, 0.6], [0.6, 0.8]], dtype=torch.float64)
    x = optimise(gaussian(mean, covariance), 0.5 * normal(100, 2), Stein(), steps=800, learning_rate=0.05).particles
    torch.testing.assert_close(x.mean(0), mean, atol=5e-3, rtol=0)
    torch.testing.assert_close(x.T.cov(), covariance, atol=0.08, rtol=0)


def test_two_modes_are_both_kept() -> None:
    def target(x: Tensor) -> Tensor:
        return torch.logaddexp(-4 * (x - 2).square().sum(-1), -4 * (x + 2).square().sum(-1))

    x = optimise(target, 0.1 * normal(30, 1), Stein(), steps=400, learning_rate=0.05).particles
    assert 10 <= (x > 0).sum() <= 20
    assert ((x.abs() - 2).abs() < 1.2).all()


@pytest.mark.parametrize("direction", [Stein(), Gradient()])
def test_one_particle_climbs_to_the_mode(direction: Direction) -> None:
    mean = torch.tensor([2.0, -1.0], dtype=torch.float64)
    target = gaussian(mean, torch.diag(torch.tensor([1.0, 4.0], dtype=torch.float64)))
    result = optimise(target, torch.zeros(1, 2, dtype=torch.float64), direction, steps=600, learning_rate=0.05)
    torch.testing.assert_close(result.particles[0], mean, atol=1e-4, rtol=0)


def test_repulsion_spreads_particles_that_gradient_collapses() -> None:
    start = 1 + 0.1 * normal(20, 2)
    spread = optimise(unit_gaussian, start, Stein(), steps=400, learning_rate=0.05).particles
    collapsed = optimise(unit_gaussian, start, Gradient(), steps=400, learning_rate=0.05).particles
    assert (spread.std(0) > 0.7).all()
    assert collapsed.abs().max() < 1e-3


def test_particles_almost_on_one_spot_spread_if_adam_forgets_their_first_repulsion() -> None:
    start = 1 + 1e-6 * normal(20, 2)
    result = optimise(unit_gaussian, start, Stein(), steps=400, learning_rate=0.05, betas=(0.9, 0.9))
    assert (result.particles.std(0) > 0.8).all() and (result.particles.mean(0).abs() < 0.05).all()


def test_uniform_prior_stays_uniform_and_inside() -> None:
    chart = Chart([-1.0, 0.0], [3.0, 0.1])
    start = chart.sample_uniform(60, torch.Generator().manual_seed(0))
    x = optimise(flat, start, Stein(), steps=400, learning_rate=0.05, chart=chart).particles
    unit = (x.double() - torch.tensor([-1.0, 0.0]).double()) / torch.tensor([4.0, 0.1]).double()
    assert (unit >= 0).all() and (unit <= 1).all()
    torch.testing.assert_close(unit.mean(0), torch.full((2,), 0.5).double(), atol=0.02, rtol=0)
    torch.testing.assert_close(unit.var(0), torch.full((2,), 1 / 12).double(), atol=0.015, rtol=0)


def test_uniform_prior_recovers_from_a_corner() -> None:
    chart = Chart([0.0], [1.0])
    start = torch.linspace(0.001, 0.01, 40, dtype=torch.float64)[:, None]
    x = optimise(flat, start, Stein(), steps=800, learning_rate=0.05, chart=chart).particles[:, 0].sort().values
    quantiles = (torch.arange(40) + 0.5).double() / 40
    assert (x - quantiles).abs().max() < 0.08


def test_angles_spread_around_the_circle() -> None:
    chart = Chart([-math.pi], [math.pi], [True])
    start = math.pi - 0.3 * torch.rand(16, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = optimise(flat, start, Stein(), steps=500, learning_rate=0.05, chart=chart).particles[:, 0]
    assert torch.stack([x.cos().mean(), x.sin().mean()]).norm() < 0.1
    gaps = x.sort().values.diff()
    assert gaps.max() < math.pi / 3


def test_gradient_finds_the_mode_of_the_values_whatever_the_chart() -> None:
    chart = Chart([-1.0], [9.0])
    target = gaussian(torch.tensor([1.0]).double(), torch.tensor([[4.0]]).double())
    x = optimise(target, normal(5, 1) + 4, Gradient(), steps=600, learning_rate=0.05, chart=chart).particles
    torch.testing.assert_close(x, torch.ones(5, 1).double(), atol=1e-3, rtol=0)


def test_bounded_target_pressed_against_its_bound_stays_inside() -> None:
    chart = Chart([0.0], [0.3])
    start = chart.sample_uniform(12, torch.Generator().manual_seed(0))
    for direction in (Stein(), Gradient()):
        result = optimise(lambda x: 100 * x[:, 0], start, direction, steps=300, learning_rate=0.1, chart=chart)
        assert (result.particles.double() <= 0.3).all() and result.particles.mean() > 0.28


def test_result_reports_the_way() -> None:
    seen: list[int] = []
    result = optimise(
        unit_gaussian, normal(4, 2), Stein(), steps=30, learning_rate=0.1, callback=lambda step, x, p: seen.append(step)
    )
    assert seen == list(range(30)) and result.steps == 30
    assert result.log_densities.shape == (31, 4) and not result.log_densities.requires_grad
    torch.testing.assert_close(result.log_densities[-1], unit_gaussian(result.particles))


def test_start_is_left_untouched_and_same_input_gives_same_output() -> None:
    start = normal(4, 2)
    kept = start.clone()
    first, second = (optimise(unit_gaussian, start, Stein(), steps=5, learning_rate=0.1) for _ in range(2))
    assert torch.equal(start, kept) and torch.equal(first.particles, second.particles)


def test_stop_ends_with_what_has_been_reached() -> None:
    answers = iter([False, False, True])
    result = optimise(unit_gaussian, normal(3, 1), Stein(), steps=100, learning_rate=0.1, should_stop=lambda: next(answers))
    assert result.steps == 2 and result.log_densities.shape == (3, 3)


def test_no_steps_give_back_the_start() -> None:
    start = normal(3, 2)
    assert torch.equal(optimise(unit_gaussian, start, Stein(), steps=0, learning_rate=0.1).particles, start)


def test_parameters_of_the_density_collect_no_gradient() -> None:
    network = torch.nn.Linear(2, 1, dtype=torch.float64)
    optimise(lambda x: -network(x)[:, 0].square(), normal(3, 2), Stein(), steps=2, learning_rate=0.1)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_particles_with_gradients_that_are_not_finite_are_named() -> None:
    start = torch.tensor([[1.0], [0.0], [2.0], [0.0]])
    with pytest.raises(FloatingPointError, match="step 0, particle 1, 3: the gradient"):
        optimise(lambda x: x[:, 0].sqrt(), start, Stein(), steps=3, learning_rate=0.1)
    with pytest.raises(FloatingPointError, match="step 0, particle 2: the log density is not a number"):
        optimise(lambda x: (1.5 - x[:, 0]).sqrt(), start, Stein(), steps=3, learning_rate=0.1)


def test_density_without_gradient_is_refused() -> None:
    with pytest.raises(ValueError, match="does not depend on the particles"):
        optimise(lambda x: torch.zeros(len(x)), torch.zeros(3, 1), Gradient(), steps=1, learning_rate=0.1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"particles0": torch.zeros(3)}, "particles must be"),
        ({"particles0": torch.zeros(0, 2)}, "particles must be"),
        ({"particles0": torch.zeros(3, 2, dtype=torch.int64)}, "particles must be"),
        ({"steps": -1}, "needs steps"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"chart": Chart([0.0], [1.0])}, "2 dimensions, the chart 1"),
        ({"log_density": lambda x: x}, r"shape \(3, 2\)"),
    ],
)
def test_malformed_input_is_refused(changed: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "log_density": unit_gaussian,
        "particles0": torch.zeros(3, 2),
        "direction": Stein(),
        "steps": 1,
        "learning_rate": 0.1,
    }
    with pytest.raises(ValueError, match=message):
        optimise(**(arguments | changed))


def test_unknown_direction_lists_the_known() -> None:
    with pytest.raises(ValueError, match="'newton', choose from stein, gradient"):
        direction_named("newton")


def phi_by_pyro(kernel: Any, start: Tensor) -> Tensor:
    """One step of pyro's SVGD towards the standard normal, by plain gradient descent."""
    pyro, infer = pytest.importorskip("pyro"), pytest.importorskip("pyro.infer")

    def model() -> None:
        zeros = torch.zeros(start.shape[1], dtype=start.dtype)
        pyro.sample("x", pyro.distributions.Normal(zeros, torch.ones_like(zeros)).to_event(1))

    pyro.clear_param_store()
    svgd = infer.SVGD(model, kernel, pyro.optim.SGD({"lr": 1.0}), len(start), 0, mode="multivariate")
    svgd.guide()
    particles = pyro.param("svgd_particles")
    particles.data.copy_(start.reshape(particles.shape))
    svgd.step()
    moved: Tensor = particles.detach().reshape(start.shape)
    return moved - start


@pytest.mark.parametrize(("count", "dimensions"), [(7, 1), (8, 1), (20, 6)])
def test_direction_agrees_with_pyro_given_its_bandwidth(count: int, dimensions: int) -> None:
    kernel = pytest.importorskip("pyro.infer").RBFSteinKernel()
    x = normal(count, dimensions, 4)

    def bandwidth(points: Tensor) -> Tensor:
        per_dimension: Tensor = kernel._bandwidth((points[None] - points[:, None]).square())
        return per_dimension

    ours = Stein(bandwidth)(-x, plain_embedding(x))
    torch.testing.assert_close(ours, phi_by_pyro(kernel, x), atol=1e-12, rtol=1e-12)


def test_direction_agrees_with_pyro_in_one_dimension() -> None:
    # With an odd number of pairs (21) pyro's lower median is the median, and in 1-D its bandwidth is ours.
    kernel = pytest.importorskip("pyro.infer").RBFSteinKernel()
    x = normal(7, 1, 9)
    ours = Stein()(-x, plain_embedding(x))
    torch.testing.assert_close(ours, phi_by_pyro(kernel, x), atol=1e-12, rtol=1e-12)
