import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.core.relations import BINARY, RelationState
from fail2progress.core.scene import Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import Belief
from fail2progress.stein.around import state_space
from fail2progress.stein.likelihood import FailureRelations
from fail2progress.stein.states import FEASIBLE, StateSpace

seeds = st.integers(0, 10_000)
brief = settings(max_examples=15)


def draws(space: StateSpace, count: int, seed: int) -> Tensor:
    return space.chart().sample_uniform(count, torch.Generator().manual_seed(seed))


def density(
    model: Points2Plans, belief: Belief, space: StateSpace, relations: RelationState, scope: str = "all"
) -> FailureRelations:
    return FailureRelations(model, belief, space, relations, scope)


@pytest.fixture(scope="module")
def rows(belief: Belief) -> dict[str, int]:
    return {name: belief.index(name) for name in belief.names}


@brief
@given(seed=seeds)
def test_tables_are_exchangeable(
    model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent, scene: Scene, rows: dict[str, int], seed: int
) -> None:
    relations, particles = event.relations_before, draws(space, 6, seed)
    swap = np.arange(len(belief.names))
    swap[[rows["table_a"], rows["table_b"]]] = swap[[rows["table_b"], rows["table_a"]]]
    swapped = replace(relations, binary=relations.binary[swap][:, swap])
    assert swapped.value("above", "cup_1", "table_b") > 0.5 > relations.value("above", "cup_1", "table_b")
    same = state_space(belief, replace(observed(event), relations=swapped), scene)
    assert (same.movable, same.parent, same.concerned) == (space.movable, space.parent, space.concerned)
    with torch.no_grad():
        one, other = (density(model, belief, space, r).log_likelihood(particles) for r in (relations, swapped))
    assert torch.equal(one, other)


def test_relations_among_what_is_concerned_decide(
    model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent, rows: dict[str, int]
) -> None:
    relations, particles = event.relations_before, draws(space, 4, 0)

    def flipped(relation: str, one: str, other: str) -> RelationState:
        binary = np.array(relations.binary)
        at = rows[one], rows[other], BINARY.index(relation)
        binary[at] = 1.0 - binary[at]
        return replace(relations, binary=binary)

    def likelihood(state: RelationState, scope: str) -> Tensor:
        with torch.no_grad():
            return density(model, belief, space, state, scope).log_likelihood(particles)

    for scope in ("all", "all-robot", "support"):
        assert bool((likelihood(relations, scope) < 0).all())
        assert not torch.equal(likelihood(flipped("inside", "capsule_1", "cup_1"), scope), likelihood(relations, scope))
        assert torch.equal(likelihood(flipped("inside", "cup_2", "cup_1"), scope), likelihood(relations, scope))
        left = likelihood(flipped("left", "capsule_1", "cup_1"), scope)
        assert torch.equal(left, likelihood(relations, scope)) == (scope == "support")


def test_how_a_cluster_is_turned_says_nothing_of_its_relations_unless_they_are_the_robots(
    model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent
) -> None:
    particles = space.observed().repeat(2, 1)
    particles[1, 2] = math.pi / 2
    with torch.no_grad():
        turning = density(model, belief, space, event.relations_before)
        facing = turning._embedded(space.place_turned_back(particles), belief.state.code)
        fixed = density(model, belief, space, event.relations_before, "all-robot")._logits(particles)[0]
        found = turning._logits(particles)[0]
    group = list(space.group)
    torch.testing.assert_close(facing.box[0, group], facing.box[1, group], rtol=0, atol=1e-5)
    direction = [BINARY.index(name) for name in ("left", "front")]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-3)
    assert not torch.allclose(fixed[0][..., direction], fixed[1][..., direction], atol=1e-2)


def test_codes_of_what_is_not_turned_are_those_of_the_observation(
    model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent
) -> None:
    particles = torch.stack([space.observed(), space.observed() + torch.eye(len(space.observed()))[2]])
    codes = density(model, belief, space, event.relations_before, "all-robot").encode(particles)
    assert torch.equal(codes[0], belief.state.code[0])
    turned, still = space.group[0], space.table_rows[0]
    assert not torch.allclose(codes[1, turned], codes[0, turned], atol=1e-3)
    assert torch.equal(codes[1, still], codes[0, still])
    facing = density(model, belief, space, event.relations_before).encode(particles)  # turned with the cluster nothing is turned
    assert torch.equal(facing, belief.state.code.expand(2, -1, -1))


@pytest.mark.parametrize("scope", ["all", "all-robot", "support"])
@pytest.mark.parametrize("placing", ["together", "apart"])
def test_particles_are_judged_by_the_shapes_of_their_own_turns_whoever_asks(
    model: Points2Plans, belief: Belief, scene: Scene, event: FailureEvent, scope: str, placing: str
) -> None:
    """By those of the clouds as they are seen where R_F is looked for, so that generators are compared by one measure."""
    space = state_space(belief, observed(event), scene, placing=placing)
    of = density(model, belief, space, event.relations_before, scope)
    particles = space.draw(12, torch.Generator().manual_seed(0))
    view = space.place_turned_back(particles) if scope == "all" else space.place(particles)
    clouds, rows = view.points(space.points), list(space.concerned)
    centred = clouds - (clouds.amin(2, keepdim=True) + clouds.amax(2, keepdim=True)) / 2
    with torch.no_grad():
        anew = model.encode(centred.flatten(0, 1), model.prepare(centred.flatten(0, 1))).view(12, len(space.points), -1)
        angle = view.move.angle[:, rows]
        turned = torch.atan2(angle.sin(), angle.cos()).abs() > 0.35
        codes = of.encode(particles)
        torch.testing.assert_close(codes[:, rows][turned], anew[:, rows][turned])
        assert torch.equal(codes[:, rows][~turned], belief.state.code.expand(12, -1, -1)[:, rows][~turned])
        assert bool(turned.any()) == (placing == "apart" or scope != "all")
        given = replace(of, code=codes)
        torch.testing.assert_close(of.log_likelihood(particles), given.log_likelihood(particles))
        assert torch.equal(of.held(particles), given.held(particles))


def test_a_failure_without_true_relations_is_kept_by_all_states_that_can_be(
    model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent
) -> None:
    relations = event.relations_before
    nothing = replace(relations, binary=np.full_like(relations.binary, 0.02, dtype=float))
    of = density(model, belief, space, nothing)
    particles = space.draw(6, torch.Generator().manual_seed(0))
    upon = particles.clone()
    upon[:, 3:5] = upon[:, :2]  # a cluster where another one stands
    assert of.held(particles).shape == (6, 0) and of.kept(particles) == 1.0
    for states in (particles, upon):
        assert torch.equal(of.shares(states), (space.possible(states) > -FEASIBLE).float())
    assert len(space.clusters) == 1 or bool((of.shares(upon) < 1).any())


@brief
@given(seed=seeds)
def test_each_particle_has_a_density_of_its_own(
    model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent, seed: int
) -> None:
    of = density(model, belief, space, event.relations_before)
    particles = draws(space, 5, seed).requires_grad_()
    values = of(particles)
    assert values.shape == (5,)
    with torch.no_grad():
        torch.testing.assert_close(of(particles[2:3])[0], values[2], rtol=1e-4, atol=1e-3)
    (gradient,) = torch.autograd.grad(values[2], particles)
    assert bool(gradient.isfinite().all()) and not gradient[[0, 1, 3, 4]].any() and gradient[2].any()


def test_unknown_scopes_are_named(model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent) -> None:
    with pytest.raises(ValueError, match="unknown scope 'some'; known: all, all-robot, support"):
        density(model, belief, space, event.relations_before, "some")
