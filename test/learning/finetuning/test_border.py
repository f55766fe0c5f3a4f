import torch

from fail2progress.learning.finetuning.border import pairs
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import encode_observation
from fail2progress.stein.around import state_space
from fail2progress.stein.states import StateSpace
from support import failures


def space_of(model: Points2Plans) -> StateSpace:
    event, scene = failures.event("toppled"), failures.outcome("toppled").before.scene
    return state_space(encode_observation(model, event.before), observed(event), scene)


def test_each_is_paired_with_the_nearest_and_bystanders_stay(model: Points2Plans) -> None:
    space = space_of(model)
    drawn = torch.cat([space.draw(30, torch.Generator().manual_seed(0)), torch.rand(30, 2)], dim=1)
    shows, goes = drawn[:20], drawn[20:]
    found = pairs(space, shows, goes)
    others = slice(3, 3 * len(space.clusters))
    assert torch.equal(found.goes, goes) and torch.equal(found.shows[:, others], goes[:, others])
    own = [column for column in range(drawn.shape[1]) if not others.start <= column < others.stop]
    assert all(any(torch.equal(one, other) for other in shows[:, own]) for one in found.shows[:, own])
    scale = drawn[:, own].std(dim=0, correction=0)
    least = torch.cdist(goes[:, own] / scale, shows[:, own] / scale).amin(dim=1)
    assert torch.allclose(found.apart(), least, atol=1e-4)


def test_halfway_is_what_can_be_and_halves_the_way(model: Points2Plans) -> None:
    space = space_of(model)
    drawn = torch.cat([space.draw(60, torch.Generator().manual_seed(0)), torch.rand(60, 2)], dim=1)
    found = pairs(space, drawn[:30], drawn[30:])
    before, (middle, rows) = found.apart(), found.halfway(space)
    assert 0 < len(rows) < 30  # there is nothing between two tables
    assert bool((space.possible(middle[rows, : space.observed().shape[0]]) > -0.05).all())
    found.goes[rows] = middle[rows]
    assert torch.allclose(found.apart()[rows], before[rows] / 2, rtol=1e-4)
    assert torch.equal(drawn[30:], pairs(space, drawn[:30], drawn[30:]).goes)  # what was given is left as it is
