import math

import pytest
import torch
from torch import Tensor

from fail2progress.learning.finetuning.conditional import descendants, elsewhere
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import encode_observation
from fail2progress.stein.around import state_space
from fail2progress.stein.bijectors import Chart
from fail2progress.stein.states import StateSpace
from support import failures

ACTIONS = Chart([0.0, 0.0], [1.0, 1.0])


def space_of(model: Points2Plans, kind: str) -> StateSpace:
    event, scene = failures.event(kind), failures.outcome(kind).before.scene
    return state_space(encode_observation(model, event.before), observed(event), scene)


def to_sides(space: StateSpace, places: Tensor) -> Tensor:
    """(M, 2) metres from places (M, 2) to the nearest sides of their table, the shorter one first."""
    tables = space.surroundings.tables
    rows = space.surroundings.margins(places, torch.zeros_like(places)).argmax(dim=-1)
    low, high = places - tables[rows, 0, :2], tables[rows, 1, :2] - places
    return torch.minimum(low, high).sort(dim=-1).values


def test_elsewhere_the_failed_things_are_as_far_from_two_sides_of_a_table(model: Points2Plans) -> None:
    space = space_of(model, "held down")
    start = space.observed().repeat(200, 1)
    found = elsewhere(space, start, torch.Generator().manual_seed(0))
    assert torch.allclose(to_sides(space, found[:, :2]), to_sides(space, start[:, :2]), atol=1e-5)
    quarters = found[:, 2] / (math.pi / 2)
    assert torch.allclose(quarters, quarters.round(), atol=1e-5) and len(quarters.round().unique()) >= 4
    assert len(found[:, :2].round(decimals=4).unique(dim=0)) >= 8  # two tables of four corners each
    assert torch.equal(found[:, 3 * len(space.clusters) :], start[:, 3 * len(space.clusters) :])
    apart = (found[:, :2] - found[:, 3:5]).norm(dim=1) - (start[:, :2] - start[:, 3:5]).norm(dim=1)
    assert float((apart.abs() < 1e-5).float().mean()) > 0.2  # in some the bystander goes along
    assert (found[:, 3:6] == start[:, 3:6]).all(dim=1).any()


def test_furniture_that_faces_the_robot_is_not_turned(model: Points2Plans) -> None:
    space = space_of(model, "drawer")
    start = space.observed().repeat(50, 1)
    found = elsewhere(space, start, torch.Generator().manual_seed(0))
    assert torch.equal(found[:, 2], start[:, 2]) and not torch.equal(found[:, :2], start[:, :2])


@pytest.mark.parametrize("kind", ["row", "stack", "held down"])
def test_descendants_can_be_and_keep_a_part_of_their_parents(model: Points2Plans, kind: str) -> None:
    space, generator = space_of(model, kind), torch.Generator().manual_seed(1)
    own, others = space.observed().unsqueeze(0), space.draw(20, generator)
    states, actions = descendants(space, ACTIONS, (own, torch.zeros(1, 2)), (others, torch.ones(20, 2)), 30, generator)
    assert 0 < len(states) == len(actions) <= 30 and states.shape[1] == own.shape[1]
    assert bool((space.possible(states) > -0.05).all())
    changed = torch.cat([states != own, actions != 0.0], dim=1)
    assert bool(changed.any(dim=1).all()) and bool((~changed).any(dim=1).all())
    again = torch.Generator().manual_seed(1)
    same = descendants(space, ACTIONS, (own, torch.zeros(1, 2)), (space.draw(20, again), torch.ones(20, 2)), 30, again)
    assert torch.equal(same[0], states) and torch.equal(same[1], actions)


def test_what_lies_between_two_turns_is_on_the_shorter_way_round(model: Points2Plans) -> None:
    space, generator = space_of(model, "toppled"), torch.Generator().manual_seed(2)
    own, other = space.observed().repeat(1, 1), space.observed().repeat(1, 1)
    own[0, 2], other[0, 2] = math.pi - 0.2, 0.2 - math.pi
    other[0, :2] += 0.001
    states, _ = descendants(space, ACTIONS, (own, torch.zeros(1, 2)), (other, torch.zeros(1, 2)), 200, generator)
    turns = states[(states[:, :2] == own[0, :2]).all(dim=1), 2]  # of those that were not taken elsewhere
    assert len(turns) > 20 and bool((turns.abs() > math.pi - 0.2 - 1e-5).all())
    assert len(turns.unique()) > 5 and bool((turns.abs() <= math.pi + 1e-5).all())
