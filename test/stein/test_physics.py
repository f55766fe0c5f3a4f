import numpy as np
import pytest
import torch

from fail2progress.core.scene import Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.prediction import Belief
from fail2progress.stein.around import state_space
from fail2progress.stein.bijectors import Chart
from fail2progress.stein.physics import NOMINAL, PhysicsPrior
from fail2progress.stein.states import StateSpace


@pytest.fixture(scope="module")
def prior() -> PhysicsPrior:
    """Friction about 0.3 of the ordinary, and weight of which nothing is known."""
    values = np.geomspace(0.1, 1.4, 60)
    density = np.exp(-0.5 * (np.log(values / 0.3) / 0.1) ** 2)
    flat = np.full(40, 1 / 40)
    return PhysicsPrior(("friction", "weight"), (values, np.geomspace(0.3, 6.0, 40)), (density / density.sum(), flat))


@pytest.fixture(scope="module")
def spaces(belief: Belief, event: FailureEvent, scene: Scene, prior: PhysicsPrior) -> tuple[StateSpace, StateSpace]:
    return tuple(state_space(belief, observed(event), scene, physics=one) for one in (NOMINAL, prior))


def test_particles_are_drawn_as_physics_is_known(spaces: tuple[StateSpace, StateSpace], prior: PhysicsPrior) -> None:
    ordinary, space = spaces
    assert space.chart().dimensions == ordinary.chart().dimensions + len(prior)
    particles = space.draw(400, torch.Generator().manual_seed(3))
    friction, weight = space.world(particles).exp().numpy().T
    assert 0.26 < np.median(friction) < 0.34 and 0.06 < np.log(friction).std() < 0.15
    assert weight.min() < 0.6 and weight.max() > 3.0
    assert prior.shares(space.world(particles[:1]))[0].keys() == {"friction", "weight"}


def test_draws_lie_between_the_values_and_never_where_nothing_leads_away() -> None:
    values = np.geomspace(0.1, 1.4, 12)
    steep = np.where(np.arange(12) < 2, 0.45, 0.01)  # piled up at the low end
    prior = PhysicsPrior(("friction", "weight"), (values, values), (steep, np.full(12, 1 / 12)))
    chart = Chart(prior.low, prior.high)
    drawn = prior.draw(4000, torch.Generator().manual_seed(0))
    slopes = chart.log_abs_det_jacobian(chart.to_coordinates(drawn)) - np.log(np.subtract(prior.high, prior.low)).sum()
    assert len(drawn[:, 0].unique()) > 3900 and float(slopes.min()) > -15.0  # at an end of a range: -16
    grid = torch.linspace(prior.low[0], prior.high[0], 4001, dtype=torch.float64)
    for k in range(2):  # as log_prior says, which is linear between the values
        along = torch.full((4001, 2), prior.low[0], dtype=torch.float64).index_copy(1, torch.tensor([k]), grid.unsqueeze(1))
        density = prior.log_prior(along).exp()
        below = torch.searchsorted(grid, drawn[:, k].double().sort().values).clamp(max=4000)
        expected = (density.cumsum(0) / density.sum())[below]
        assert float((expected - torch.linspace(0, 1, 4000)).abs().max()) < 0.03  # Kolmogorov-Smirnov: .02 at one in twenty


def test_what_particles_place_does_not_depend_on_physics(spaces: tuple[StateSpace, StateSpace], prior: PhysicsPrior) -> None:
    ordinary, space = spaces
    particles = space.draw(5, torch.Generator().manual_seed(3))
    alone = particles[:, : -len(prior)]
    torch.testing.assert_close(space.place(particles).move.shift, ordinary.place(alone).move.shift)
    assert space.openings(particles).shape == ordinary.openings(alone).shape
    torch.testing.assert_close(space.possible(particles), ordinary.possible(alone))
    torch.testing.assert_close(space.world(space.observed()[None])[0, 0].exp(), torch.tensor(0.3), atol=0.02, rtol=0.0)


def test_the_prior_leads_particles_to_what_is_likely(prior: PhysicsPrior) -> None:
    logarithms = torch.tensor([[0.22, 1.0], [0.3, 1.0], [0.42, 1.0]]).log().requires_grad_()
    values = prior.log_prior(logarithms)
    assert values[1] > values[0] and values[1] > values[2]
    values.sum().backward()
    assert logarithms.grad is not None
    assert logarithms.grad[0, 0] > 0 > logarithms.grad[2, 0] and abs(float(logarithms.grad[0, 1])) < 1e-6


def test_densities_without_a_range_are_refused() -> None:
    with pytest.raises(ValueError, match="friction: a density needs rising values"):
        PhysicsPrior(("friction",), (np.array([1.0, 0.5]),), (np.array([0.5, 0.5]),))
