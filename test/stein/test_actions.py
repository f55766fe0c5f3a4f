import copy
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.failures.event import FailureEvent
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import Belief
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import SKILLS
from fail2progress.stein.actions import ACQUISITIONS, ActionSpace, Information, _entropy, aim, aimed_at, information
from fail2progress.stein.commands import commands
from fail2progress.stein.likelihood import FailureRelations
from fail2progress.stein.planar import turned
from fail2progress.stein.states import StateSpace

COUNT = 4
seeds = st.integers(0, 10_000)
brief = settings(max_examples=20)


def make(density: FailureRelations, skill: str = "pick_place") -> ActionSpace:
    """Each of four states with the failed skill on cup_1."""
    space = density.space
    particles = space.draw(COUNT, torch.Generator().manual_seed(1))
    with torch.no_grad():
        states = density.moved(particles)
    call = SkillCall(skill, "cup_1", (0.1, -0.7, 0.0, 0.3) if skill == "pick_place" else (3.0, 0.1))
    return ActionSpace(call, space, states, commands(call, space, particles))


@pytest.fixture(scope="module")
def density(model: Points2Plans, belief: Belief, space: StateSpace, event: FailureEvent) -> FailureRelations:
    return FailureRelations(model, belief, space, event.relations_before)


@pytest.fixture(scope="module")
def actions(density: FailureRelations) -> ActionSpace:
    return make(density)


def draws(actions: ActionSpace, seed: int) -> Tensor:
    return actions.chart().sample_uniform(COUNT, torch.Generator().manual_seed(seed))


def saturated(model: Points2Plans, bias: float) -> Points2Plans:
    """Sure of every relation (bias > 0) or of none."""
    sure = copy.deepcopy(model)
    with torch.no_grad():
        sure.binary.rest[-1].bias.fill_(bias)
    return sure


@brief
@given(seed=seeds)
def test_a_placement_lands_where_its_particle_is(actions: ActionSpace, seed: int) -> None:
    particles = draws(actions, seed)
    parameters = actions.parameters(particles)
    mine = actions.states.box[:, actions.object]
    placed = mine + parameters[:, None, :3]
    torch.testing.assert_close(placed.mean(dim=1)[:, :2], particles, rtol=0, atol=1e-5)
    half = (mine[:, 1] - mine[:, 0])[:, :2] / 2
    around = actions.space.surroundings
    above = placed[:, 0, 2] - around.height(particles, half)
    stood = mine[:, 0, 2] - around.height(mine.mean(dim=1)[:, :2], half)
    torch.testing.assert_close(above, stood + 0.012, rtol=0, atol=1e-5)  # let go a little above what it stands on
    assert parameters[:, 3].tolist() == pytest.approx([0.3] * COUNT)  # turned as the failed call did


@pytest.mark.parametrize("name", [name for name in SKILLS if name != "pick_place"])
@brief
@given(seed=seeds)
def test_directions_turn_with_the_cluster_and_distances_are_free(density: FailureRelations, name: str, seed: int) -> None:
    actions = make(density, name)
    particles = draws(actions, seed)
    padded = actions.parameters(particles)
    least, most = actions.commands.least[:, 1], actions.commands.most[:, 1]
    assert padded.shape == (COUNT, 4) and not padded[:, 2:].any() and bool((least > 0.0).all() and (least < most).all())
    torch.testing.assert_close(padded[:, 1], least + particles[:, 1] * (most - least))
    for row in padded.tolist():
        SkillCall(name, "cup_1", tuple(row[:2]))  # within its bounds
    off = torch.remainder(padded[:, 0] - 3.0 - actions.commands.turn + math.pi, 2 * math.pi) - math.pi
    torch.testing.assert_close(off, 0.4 * particles[:, 0] ** 3, rtol=0, atol=1e-4)
    failed = actions.parameters(actions.failed())
    torch.testing.assert_close(failed[:, 1], torch.full((COUNT,), 0.1))
    swerve = torch.remainder(failed[:, 0] - 3.0 - actions.commands.turn + math.pi, 2 * math.pi) - math.pi
    torch.testing.assert_close(swerve, torch.zeros(COUNT), rtol=0, atol=1e-4)
    assert bool((off.abs() <= 0.4 + 1e-5).all()) and bool((least < 0.1).all()) and bool((most <= 0.25 + 1e-6).all())
    assert actions.log_prior(particles).tolist() == [0.0] * COUNT


def test_a_placement_that_was_aimed_at_something_stays_aimed_at_it(density: FailureRelations, actions: ActionSpace) -> None:
    space, boxes = density.space, density.space.solids.footprints
    cup = density.belief.index("cup_2")
    offset = (boxes.centre[cup] - boxes.centre[space.moved]).tolist()
    call = SkillCall("pick_place", "cup_1", (offset[0] + 0.005, offset[1], 0.1, 0.0))
    assert aimed_at(call, space) == cup and aimed_at(actions.call, space) is None
    states = space.draw(COUNT, torch.Generator().manual_seed(1))
    assert aim(actions.call, space, states) is None
    aimed = replace(actions, call=call, aim=aim(call, space, states))
    particles = draws(aimed, 0)
    parameters = aimed.parameters(particles)
    box, now = aimed.states.box, space.place(states).footprints(space.solids)
    placed = box[:, space.moved] + parameters[:, None, :3]
    shift = placed.mean(dim=1)[:, :2] - box[:, cup].mean(dim=1)[:, :2]
    torch.testing.assert_close(turned(shift, -now.yaw[:, cup]), particles, rtol=0, atol=1e-5)
    torch.testing.assert_close(placed[:, 0, 2], box[:, cup, 1, 2] + 0.012, rtol=0, atol=1e-5)
    assert aimed.log_prior(particles).tolist() == [0.0] * COUNT


def test_where_a_placement_lies_in_what_it_was_aimed_at_turns_with_that(density: FailureRelations, actions: ActionSpace) -> None:
    space, boxes = density.space, density.space.solids.footprints
    cup, beside = density.belief.index("cup_2"), torch.tensor([0.03, 0.01])
    way = boxes.centre[cup] - boxes.centre[space.moved] + beside
    call = SkillCall("pick_place", "cup_1", (*way.tolist(), 0.1, 0.0))
    states = space.observed().repeat(COUNT, 1)
    cluster = next(k for k, rows in enumerate(space.clusters) if cup in rows)
    states[:, 3 * cluster + 2] = torch.arange(COUNT) * math.pi / 2 - math.pi  # quarter turns are turns whatever the density
    with torch.no_grad():
        aimed = replace(actions, call=call, states=density.moved(states), aim=aim(call, space, states))
    failed = aimed.parameters(aimed.failed())
    box = aimed.states.box
    there = box[:, space.moved].mean(dim=1)[:, :2] + failed[:, :2] - box[:, cup].mean(dim=1)[:, :2]
    torch.testing.assert_close(there, turned(beside.expand(COUNT, 2), states[:, 3 * cluster + 2]), rtol=0, atol=1e-4)


def test_a_placement_may_stick_out_as_far_as_the_failed_one(density: FailureRelations, actions: ActionSpace) -> None:
    corner = density.space.surroundings.low
    outside = corner - density.space.solids.footprints.centre[density.space.moved]
    over_the_edge = replace(actions, call=SkillCall("pick_place", "cup_1", (*outside.tolist(), 0.0, 0.0)))
    assert bool((over_the_edge.log_prior(corner.expand(COUNT, 2)) > actions.log_prior(corner.expand(COUNT, 2))).all())


def test_what_fell_off_an_edge_is_put_over_edges(density: FailureRelations, actions: ActionSpace) -> None:
    space = density.space
    tables, half = space.surroundings, space.solids.footprints.half[space.moved]
    edge = torch.stack([tables.tables[0, 0, 0] - 0.2 * half[0], tables.tables[0, :, 1].mean()])
    way = edge - space.solids.footprints.centre[space.moved]
    over = replace(actions, call=SkillCall("pick_place", "cup_1", (*way.tolist(), 0.0, 0.0)))
    middle = tables.tables[0, :, :2].mean(dim=0)
    assert bool((over.log_prior(middle.expand(COUNT, 2)) < actions.log_prior(middle.expand(COUNT, 2)) - 1.0).all())
    assert bool((over.log_prior(edge.expand(COUNT, 2)) > over.log_prior(middle.expand(COUNT, 2))).all())
    assert over.chart().low[0] < actions.chart().low[0] and over.chart().high[1] > actions.chart().high[1]


def test_an_action_for_every_state(actions: ActionSpace) -> None:
    action = actions.action(draws(actions, 0))
    assert action.skill.tolist() == [0] * COUNT and action.object.tolist() == [actions.object] * COUNT


def test_places_that_are_taken_or_on_no_table_are_unlikely(actions: ActionSpace, belief: Belief) -> None:
    box, space = actions.states.box, actions.space
    other = box[:, belief.index("cup_2")].mean(dim=1)[:, :2]
    assert bool((actions.log_prior(other) < -1.0).all())
    assert bool((actions.log_prior(space.surroundings.low.expand(COUNT, 2)) < -0.5).all())
    tables = box[0, list(space.table_rows)].mean(dim=1)[:, :2]
    far = torch.stack([tables[int(((tables - place).norm(dim=1)).argmax())] for place in other])
    assert actions.log_prior(far).tolist() == [0.0] * COUNT
    assert actions.log_prior(box[:, actions.object].mean(dim=1)[:, :2].clone()).shape == (COUNT,)


@pytest.mark.parametrize("measure", ["entropy", "mutual-information"])
@brief
@given(seed=seeds)
def test_information_is_between_nothing_and_one_bit_a_relation(
    model: Points2Plans, actions: ActionSpace, measure: str, seed: int
) -> None:
    with torch.no_grad():
        gain = information(model, actions, measure, seed).gain(draws(actions, seed))
    pairs = 2 * (2 + 2) - 2  # cup and capsule to each other and to two tables
    assert bool((gain >= -1e-4).all()) and bool((gain <= pairs * 9 * math.log(2) + 1e-4).all())


def test_doubt_of_the_model_is_no_more_than_all_doubt(model: Points2Plans, actions: ActionSpace) -> None:
    particles = draws(actions, 3)
    with torch.no_grad():
        doubt, all_doubt = (information(model, actions, m).gain(particles) for m in ("mutual-information", "entropy"))
    assert bool((doubt < all_doubt).all()) and bool((doubt > 0).all())


@pytest.mark.parametrize("measure", ACQUISITIONS)
@pytest.mark.parametrize("bias", [-1e4, -60.0, 0.0, 60.0, 1e4])
def test_gradients_are_finite_however_sure_the_model_is(
    model: Points2Plans, actions: ActionSpace, measure: str, bias: float
) -> None:
    particles = draws(actions, 2).requires_grad_()
    values = information(saturated(model, bias), actions, measure)(particles)
    assert values.shape == (COUNT,) and bool(values.isfinite().all())
    values.sum().backward()
    assert particles.grad is not None and bool(particles.grad.isfinite().all())
    if bias == 0.0 and measure != "prior":
        assert bool(particles.grad.any(dim=1).all())


def test_who_is_sure_learns_nothing(model: Points2Plans, actions: ActionSpace) -> None:
    with torch.no_grad():
        for measure in ("entropy", "mutual-information"):
            gain = information(saturated(model, 60.0), actions, measure).gain(draws(actions, 2))
            assert bool((gain < 0.01).all())


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_entropy_of_a_coin(shares: list[float]) -> None:
    p = torch.tensor(shares, dtype=torch.float64, requires_grad=True)
    found = _entropy(p)
    expected = [-(q * math.log(q) + (1 - q) * math.log(1 - q)) if 0 < q < 1 else 0.0 for q in shares]
    assert found.tolist() == pytest.approx(expected, abs=2e-5)
    found.sum().backward()
    assert p.grad is not None and bool(p.grad.isfinite().all())


def test_readings_of_the_density(model: Points2Plans, actions: ActionSpace) -> None:
    particles = draws(actions, 5)
    with torch.no_grad():
        plain, log = (information(model, actions, measure) for measure in ("entropy", "log-entropy"))
        prior = actions.log_prior(particles)
        torch.testing.assert_close(plain(particles), plain.gain(particles) + prior)
        torch.testing.assert_close(log(particles), plain.gain(particles).log() + prior)
        torch.testing.assert_close(Information(model, actions, beta=3.0)(particles), 3 * plain.gain(particles) + prior)
        assert torch.equal(information(model, actions, "prior")(particles), prior)


def test_the_seed_decides_what_is_left_out(model: Points2Plans, actions: ActionSpace) -> None:
    particles = draws(actions, 5)
    with torch.no_grad():
        one, same, other = (information(model, actions, "mutual-information", seed)(particles) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_unknown_measures_are_named(model: Points2Plans, actions: ActionSpace) -> None:
    with pytest.raises(ValueError, match="unknown acquisition 'luck'; known: entropy, log-entropy, mutual-information, prior"):
        information(model, actions, "luck")
