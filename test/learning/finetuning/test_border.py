import math

import torch

from fail2progress.learning.finetuning.border import pairs
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import encode_observation
from fail2progress.stein.around import state_space
from fail2progress.stein.bijectors import Chart
from fail2progress.stein.states import StateSpace
from support import failures

ACTIONS = Chart([0.0, 0.0], [1.0, 1.0])


def space_of(model: Points2Plans) -> StateSpace:
    event, scene = failures.event("toppled"), failures.outcome("toppled").before.scene
    return state_space(encode_observation(model, event.before), observed(event), scene)


def test_each_is_paired_with_the_nearest_and_bystanders_stay(model: Points2Plans) -> None:
    space = space_of(model)
    drawn = torch.cat([space.draw(30, torch.Generator().manual_seed(0)), torch.rand(30, 2)], dim=1)
    shows, goes = drawn[:20], drawn[20:]
    found = pairs(space, ACTIONS, shows, goes)
    others = slice(3, 3 * len(space.clusters))
    assert torch.equal(found.goes, goes) and torch.equal(found.shows[:, others], goes[:, others])
    own = [column for column in range(drawn.shape[1]) if not others.start <= column < others.stop]
    assert all(any(torch.equal(one, other) for other in shows[:, own]) for one in found.shows[:, own])
    chart = space.chart().beside(ACTIONS)
    scale = chart.spread(drawn)
    least = (chart.way(goes[:, None], shows[None]) / scale)[..., own].norm(dim=-1).amin(dim=1)
    assert torch.allclose(found.apart(), least, atol=1e-4)


def test_halfway_is_what_can_be_and_halves_the_way(model: Points2Plans) -> None:
    space = space_of(model)
    drawn = torch.cat([space.draw(60, torch.Generator().manual_seed(0)), torch.rand(60, 2)], dim=1)
    found = pairs(space, ACTIONS, drawn[:30], drawn[30:])
    before, (middle, rows) = found.apart(), found.halfway(space)
    assert 0 < len(rows) < 30  # there is nothing between two tables
    assert bool((space.possible(middle[rows, : space.observed().shape[0]]) > -0.05).all())
    found.goes[rows] = middle[rows]
    assert torch.allclose(found.apart()[rows], before[rows] / 2, rtol=1e-4)
    assert torch.equal(drawn[30:], pairs(space, ACTIONS, drawn[:30], drawn[30:]).goes)  # what was given is left as it is


def test_what_is_turned_by_a_little_less_and_a_little_more_than_half_a_turn_is_near(model: Points2Plans) -> None:
    space = space_of(model)
    assert space.chart().periodic[2]
    shows = torch.cat([space.observed(), torch.full((2,), 0.5)]).repeat(2, 1)
    goes = shows[:1].clone()
    shows[0, 2], shows[1, 2], goes[0, 2] = math.pi - 0.1, 0.0, 0.1 - math.pi
    found = pairs(space, ACTIONS, shows, goes)
    assert torch.equal(found.shows[0], shows[0])  # not the one that is not turned
    middle, _ = found.halfway(space)
    assert abs(abs(float(middle[0, 2])) - math.pi) < 1e-5
    found.goes[0] = middle[0]
    assert torch.allclose(found.apart() * found.scale[2], torch.tensor(0.1), atol=1e-5)
