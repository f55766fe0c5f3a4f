import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.generators import GENERATORS, Budget
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import Belief
from fail2progress.skills.base import SkillCall
from fail2progress.stein.actions import PRIOR, ActionSpace, Information, information
from fail2progress.stein.commands import commands
from fail2progress.stein.flatness import FLAT, draw_actions, felt, said
from fail2progress.stein.likelihood import FailureRelations
from fail2progress.stein.states import StateSpace

COUNT = 40
BUDGET = Budget(particles=COUNT, action_steps=12)


@dataclass(frozen=True)
class Sloped(Information):
    """A measure that grows with the first coordinate, metres, by `slope` nats each; counts how often its slope is asked for."""

    slope: float = 0.0
    base: Callable[[Tensor], Tensor] = torch.zeros_like
    asked: tuple[list[int], ...] = ([],)

    def gain(self, particles: Tensor) -> Tensor:
        self.asked[0].append(int(particles.requires_grad))
        return self.slope * particles[:, 0] + self.base(particles[:, 0]) + 0.0 * particles.sum(dim=1)


@pytest.fixture(scope="module")
def actions(model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent) -> ActionSpace:
    particles = space.draw(COUNT, torch.Generator().manual_seed(1))
    with torch.no_grad():
        states = FailureRelations(model, belief, space, event.relations_before).moved(particles)
    call = SkillCall("pick_place", "cup_1", (0.1, -0.7, 0.0, 0.3))
    return ActionSpace(call, space, states, commands(call, space, particles))


def sloped(model: Points2Plans, actions: ActionSpace, slope: float, **more: object) -> Sloped:
    return replace(Sloped(model, actions, "entropy", slope=slope, asked=([],)), **more)


def spread(actions: ActionSpace) -> float:
    """Metres, of the first coordinate over draws of P(A)."""
    return float(draw_actions(actions, torch.Generator().manual_seed(5))[:, 0].std())


def test_a_measure_is_flat_where_it_tells_the_actions_of_a_state_apart_by_less_than_the_limit(
    model: Points2Plans, actions: ActionSpace
) -> None:
    for part, flat in ((0.5, True), (2.0, False)):
        slope = part * FLAT / spread(actions)
        found, added = felt(sloped(model, actions, slope), 0)
        assert found.flat == flat and found.prefers != flat
        seen = said(found, added, draw_actions(actions, torch.Generator().manual_seed(0)))
        assert seen is not None and seen.acts != flat and seen.measure == "entropy"
        assert seen.drawn_within == pytest.approx(part * FLAT, rel=0.25)
        assert seen.reached == pytest.approx(seen.drawn, abs=3 * part * FLAT) and seen.reached_over_all > 0
        assert felt(sloped(model, actions, slope / 10, beta=10.0), 0)[0].flat == flat  # beta counts


def test_states_that_differ_make_no_measure_of_actions(model: Points2Plans, actions: ActionSpace) -> None:
    """However much more is told in one state than in another: actions cannot choose their state."""
    found, added = felt(sloped(model, actions, 0.0, base=lambda x: torch.arange(len(x), dtype=x.dtype)), 0)
    seen = said(found, added, draw_actions(actions, torch.Generator().manual_seed(0)))
    assert found.flat and seen is not None and seen.drawn_within == 0.0 and seen.drawn_over_all > 10


@pytest.mark.parametrize("method", ["stein", "gradient", "sampling"])
def test_no_slope_is_computed_of_what_is_flat_and_none_is_spared_where_it_acts(
    model: Points2Plans, actions: ActionSpace, method: str
) -> None:
    made = {}
    for slope in (0.01, 3.0):
        gain, _ = felt(sloped(model, actions, slope), 0)
        assert isinstance(gain, Sloped)
        gain.asked[0].clear()
        rng = torch.Generator().manual_seed(0)
        made[slope] = GENERATORS.get(method).actions(gain, BUDGET, rng, actions.failed()).detach()
        steep = {"stein": 12, "gradient": 12, "sampling": 0}[method]
        assert sum(gain.asked[0]) == (steep if slope > 1 else 0) and (len(gain.asked[0]) > 0) == (slope > 1)
    start = draw_actions(actions, torch.Generator().manual_seed(0))
    assert made[3.0][:, 0].mean() > made[0.01][:, 0].mean() > float(start[:, 0].mean()) - 0.05
    assert float((actions.log_prior(made[3.0]) > -0.5).float().mean()) > 0.9


def test_what_is_flat_leaves_the_density_to_the_prior(model: Points2Plans, actions: ActionSpace) -> None:
    plain = information(model, actions, "mutual-information")
    particles = draw_actions(actions, torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(replace(plain, flat=True)(particles), actions.log_prior(particles))
        torch.testing.assert_close(plain(particles), plain.term(particles) + actions.log_prior(particles))
    none, added = felt(information(model, actions, PRIOR), 0)
    assert not none.prefers and added.numel() == 0 and said(none, added, particles) is None


def test_sampling_draws_actions_as_probable_as_their_density_says(model: Points2Plans, actions: ActionSpace) -> None:
    """exp(slope x) over a uniform P(A): the mean of x under it, from many draws; nothing is moved."""
    slope, budget = 12.0, Budget(particles=COUNT, tries=60)
    gain, _ = felt(sloped(model, actions, slope), 0)
    pool = torch.cat([draw_actions(actions, torch.Generator().manual_seed(seed))[:, 0] for seed in range(100)])
    expected = float((pool * (slope * pool).softmax(dim=0)).sum())
    rng = torch.Generator().manual_seed(1)
    found = torch.cat([GENERATORS.get("sampling").actions(gain, budget, rng, actions.failed())[:, 0] for _ in range(10)])
    assert float(found.mean()) == pytest.approx(expected, abs=4 * float(found.std()) / math.sqrt(len(found)) + 0.01)
    assert abs(expected - float(pool.mean())) > 0.05
