from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.core.relations import BINARY, RelationState
from fail2progress.failures.event import FailureEvent
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import Belief
from fail2progress.stein.states import FailureRelations, StateSpace, Surroundings, state_space

seeds = st.integers(0, 10_000)
brief = settings(max_examples=25)


def draws(space: StateSpace, count: int, seed: int) -> Tensor:
    return space.chart().sample_uniform(count, torch.Generator().manual_seed(seed))


def column(space: StateSpace, row: int) -> slice:
    at = 2 * space.movable.index(row)
    return slice(at, at + 2)


@pytest.fixture(scope="module")
def rows(belief: Belief) -> dict[str, int]:
    return {name: belief.index(name) for name in belief.names}


def free_places(space: StateSpace, rows: dict[str, int]) -> Tensor:
    """A particle in which cup_1 and cup_2 stand apart on table_b, and the capsule in the middle of cup_1."""
    table = space.box[rows["table_b"]].mean(dim=0)[:2]
    particle = space.observed()
    particle[column(space, rows["cup_1"])] = table + torch.tensor([0.0, 0.1])
    particle[column(space, rows["cup_2"])] = table - torch.tensor([0.0, 0.1])
    particle[column(space, rows["capsule_1"])] = 0.0
    return particle


def test_what_is_placed_and_what_it_is_relative_to(space: StateSpace, rows: dict[str, int]) -> None:
    assert set(space.movable) == {rows["cup_1"], rows["cup_2"], rows["capsule_1"]}
    assert space.parent == {rows["capsule_1"]: rows["cup_1"]}
    assert space.movable.index(rows["cup_1"]) < space.movable.index(rows["capsule_1"])
    assert space.concerned == (rows["cup_1"], rows["capsule_1"])
    assert space.table_rows == (rows["table_a"], rows["table_b"]) and space.chart().dimensions == 6


def test_the_observed_particle_leaves_everything_where_it_is(space: StateSpace, belief: Belief) -> None:
    offsets = space.offsets(space.observed().expand(3, -1))
    assert offsets.shape == (3, len(belief.names), 3)
    torch.testing.assert_close(offsets, torch.zeros_like(offsets), rtol=0, atol=1e-6)


@brief
@given(seed=seeds)
def test_a_particle_is_where_its_offsets_put_things(space: StateSpace, seed: int) -> None:
    particles = draws(space, 8, seed)
    middle = space.box.mean(dim=1)[:, :2] + space.offsets(particles)[..., :2]
    for row in space.movable:
        place = particles[:, column(space, row)]
        place = place + middle[:, space.parent[row]] if row in space.parent else place
        torch.testing.assert_close(middle[:, row], place, rtol=0, atol=1e-5)
    fixed = [row for row in range(len(space.box)) if row not in space.movable]
    assert not space.offsets(particles)[:, fixed].any()


@brief
@given(seed=seeds)
def test_moved_boxes_are_observed_where_they_were_put(space: StateSpace, seed: int) -> None:
    (particle,) = draws(space, 1, seed)
    moved = replace(space, box=space.box + space.offsets(particle.unsqueeze(0))[0].unsqueeze(1))
    torch.testing.assert_close(moved.observed(), particle, rtol=0, atol=1e-5)


@brief
@given(seed=seeds)
def test_contents_ride_with_their_container(space: StateSpace, rows: dict[str, int], seed: int) -> None:
    cup, capsule = rows["cup_1"], rows["capsule_1"]
    particles = draws(space, 8, seed)
    particles[:, column(space, capsule)] = space.observed()[column(space, capsule)]
    offsets = space.offsets(particles)
    torch.testing.assert_close(offsets[:, capsule], offsets[:, cup], rtol=0, atol=1e-5)
    assert not offsets[:, rows["cup_2"], :2].allclose(offsets[:, cup, :2])


@brief
@given(seed=seeds)
def test_contents_stay_over_their_container(space: StateSpace, rows: dict[str, int], seed: int) -> None:
    boxes = space.box + space.offsets(draws(space, 16, seed)).unsqueeze(2)
    middle = boxes[:, rows["capsule_1"]].mean(dim=1)[:, :2]
    assert bool((middle >= boxes[:, rows["cup_1"], 0, :2] - 1e-5).all())
    assert bool((middle <= boxes[:, rows["cup_1"], 1, :2] + 1e-5).all())


def test_things_stand_on_the_table_below_them(space: StateSpace, rows: dict[str, int]) -> None:
    moved = space.box + space.offsets(free_places(space, rows).unsqueeze(0))[0].unsqueeze(1)
    rise = space.box[rows["table_b"], 1, 2] - space.box[rows["table_a"], 1, 2]
    assert abs(float(rise)) > 0.01
    for name in ("cup_1", "cup_2", "capsule_1"):
        torch.testing.assert_close(moved[rows[name], :, 2], space.box[rows[name], :, 2] + rise, rtol=0, atol=2e-4)


def test_the_prior_is_uniform_over_what_can_be(space: StateSpace, rows: dict[str, int]) -> None:
    particle = free_places(space, rows)
    nearer = particle.clone()
    nearer[column(space, rows["cup_1"])] -= torch.tensor([0.03, 0.05])
    assert space.log_prior(torch.stack([particle, nearer])).tolist() == [0.0, 0.0]


def test_the_prior_is_against_overlap_and_against_nothing_below(space: StateSpace, rows: dict[str, int]) -> None:
    one, two = column(space, rows["cup_1"]), column(space, rows["cup_2"])
    particles = free_places(space, rows).repeat(4, 1)
    particles[0, one] = particles[0, two]
    particles[1, one] = particles[1, two] + torch.tensor([0.05, 0.0])
    particles[2, one] = space.surroundings.low - 0.1
    particles[3, one] = space.surroundings.low  # the corner of a table
    values = space.log_prior(particles)
    assert bool((values < -1.0).all()) and values[0] < values[1] and values[2] < values[3]


@brief
@given(seed=seeds)
def test_the_prior_is_never_positive_and_its_slope_is_finite(space: StateSpace, seed: int) -> None:
    particles = draws(space, 8, seed).requires_grad_()
    values = space.log_prior(particles)
    assert bool((values <= 0).all())
    values.sum().backward()
    assert particles.grad is not None and bool(particles.grad.isfinite().all())


def density(model: Points2Plans, belief: Belief, space: StateSpace, relations: RelationState, **options: str) -> FailureRelations:
    return FailureRelations(model, belief, space, relations, **options)


@brief
@given(seed=seeds)
def test_tables_are_exchangeable(
    model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent, rows: dict[str, int], seed: int
) -> None:
    relations, particles = event.relations_before, draws(space, 6, seed)
    swap = np.arange(len(belief.names))
    swap[[rows["table_a"], rows["table_b"]]] = swap[[rows["table_b"], rows["table_a"]]]
    swapped = replace(relations, binary=relations.binary[swap][:, swap])
    assert swapped.value("above", "cup_1", "table_b") > 0.5 > relations.value("above", "cup_1", "table_b")
    same = state_space(belief, swapped, "cup_1")
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

    def likelihood(state: RelationState, scope: str = "support") -> Tensor:
        with torch.no_grad():
            return density(model, belief, space, state, scope=scope).log_likelihood(particles)

    assert bool((likelihood(relations) < 0).all())
    assert not torch.equal(likelihood(flipped("inside", "capsule_1", "cup_1")), likelihood(relations))
    assert torch.equal(likelihood(flipped("inside", "cup_2", "cup_1")), likelihood(relations))
    left = flipped("left", "capsule_1", "cup_1")
    assert torch.equal(likelihood(left), likelihood(relations))
    assert not torch.equal(likelihood(left, "all"), likelihood(relations, "all"))


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


def test_margins_heights_and_what_sticks_out() -> None:
    tables = torch.tensor([[[0.0, 0.0, 0.4], [0.5, 0.5, 0.5]], [[1.0, 0.0, 0.6], [1.5, 0.5, 0.7]]])
    around, half = Surroundings(tables), torch.tensor([0.05, 0.05])
    assert around.low.tolist() == [0.0, 0.0] and around.high.tolist() == [1.5, 0.5]
    centre = torch.tensor([[0.25, 0.25], [1.25, 0.25], [0.75, 0.25], [0.05, 0.25]])
    assert around.height(centre, half).tolist() == pytest.approx([0.5, 0.7, 0.6, 0.5], abs=1e-3)
    assert around.off_table(centre, half).tolist() == pytest.approx([0.0, 0.0, 0.32**2, 0.02**2], abs=1e-5)


def test_without_a_table_or_anything_movable_there_is_nothing_to_vary(belief: Belief, event: FailureEvent) -> None:
    for unseen in ("table", "movable"):
        hidden = torch.tensor([[(kind == "table") == (unseen == "movable") for kind in belief.categories]])
        blind = replace(belief, state=replace(belief.state, mask=hidden))
        with pytest.raises(ValueError, match="needs a table and something movable"):
            state_space(blind, event.relations_before, "cup_1")
    with pytest.raises(ValueError, match="unknown object 'bowl'"):
        state_space(belief, event.relations_before, "bowl")
