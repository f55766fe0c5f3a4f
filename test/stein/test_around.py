import numpy as np
import pytest
import torch

from fail2progress.core.scene import Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.generators import GENERATORS, Budget
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import Belief, encode_observation
from fail2progress.stein.around import APART, TOGETHER, state_space
from fail2progress.stein.likelihood import FailureRelations
from fail2progress.stein.states import FEASIBLE, StateSpace
from support import failures


def space_of(model: Points2Plans, kind: str, placing: str = APART) -> tuple[StateSpace, tuple[str, ...]]:
    event, scene = failures.event(kind), failures.outcome(kind).before.scene
    belief = encode_observation(model, event.before)
    return state_space(belief, observed(event), scene, placing=placing), belief.names


def density(model: Points2Plans, event: FailureEvent, scene: Scene, belief: Belief) -> FailureRelations:
    space = state_space(belief, observed(event), scene, placing=APART)
    return FailureRelations(model, belief, space, event.relations_before)


@pytest.mark.parametrize(
    ("kind", "first", "group"),
    [
        ("row", {"row_0"}, {"row_0", "row_1", "row_2"}),
        ("stack", {"base"}, {"base", "top"}),
        ("drawer", {"cabinet", "drawer"}, {"cabinet", "drawer", "thing"}),
        ("nested", {"box"}, {"box", "cup", "capsule"}),
    ],
)
def test_apart_everything_is_placed_by_itself_but_drawers(
    model: Points2Plans, kind: str, first: set[str], group: set[str]
) -> None:
    space, names = space_of(model, kind)
    assert {names[row] for row in space.clusters[0]} == first and space.moved in space.clusters[0]
    assert all(len(cluster) == 1 for cluster in space.clusters[1:])
    assert {names[row] for row in space.group} == group
    together = space_of(model, kind, TOGETHER)[0].movable
    assert sorted(space.movable) == sorted(together) and not space.varying and not space.bands


@pytest.mark.parametrize("kind", failures.KINDS)
def test_apart_the_observed_particle_leaves_everything_where_it_is(model: Points2Plans, kind: str) -> None:
    space, _ = space_of(model, kind)
    placed = space.place(space.observed().expand(3, -1))
    assert placed.move.shift.abs().max() < 1e-5 and placed.move.angle.abs().max() < 1e-5 and placed.rise.abs().max() < 1e-5
    assert space.possible(space.observed().unsqueeze(0)).item() > -0.5


def test_apart_what_was_in_something_goes_where_its_own_coordinates_say(model: Points2Plans) -> None:
    space, names = space_of(model, "nested")
    number = space.clusters.index((names.index("capsule"),))
    particles = space.observed().repeat(2, 1)
    particles[:, 3 * number] += 0.1
    moved = space.place(particles).move.shift.norm(dim=-1) > 0.05
    assert [names[row] for row in moved[0].nonzero().flatten().tolist()] == ["capsule"]


def test_rejection_keeps_what_holds_all_of_the_failures_relations(
    model: Points2Plans, event: FailureEvent, scene: Scene, belief: Belief, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = density(model, event, scene, belief)
    # A random model believes at random; here R_F holds where the first coordinate is in the upper quarter of its range.
    low, high = wanted.space.chart().low[0], wanted.space.chart().high[0]
    monkeypatch.setattr(FailureRelations, "held", lambda self, s: (s[:, :1] > low + 0.75 * (high - low)).expand(-1, 3))
    rng = torch.Generator().manual_seed(0)
    start = wanted.space.draw(6, rng)
    found = GENERATORS.get("rejection").states(wanted, start, Budget(particles=6), rng)
    assert found.shape == start.shape and bool(wanted.held(found).all())
    assert bool((wanted.space.possible(found) > -FEASIBLE).all())
    few = GENERATORS.get("rejection").states(wanted, start, Budget(particles=6, most=6), rng)
    assert np.array_equal(np.sort(few.numpy(), axis=0), np.sort(start.numpy(), axis=0))  # none drawn: those it began with


@pytest.mark.parametrize("tries", [Budget().tries, 3])
def test_sampling_draws_as_often_as_its_budget_says(
    model: Points2Plans, event: FailureEvent, scene: Scene, belief: Belief, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, rng, seen = density(model, event, scene, belief), torch.Generator().manual_seed(0), list[int]()

    def watched(self: FailureRelations, states: torch.Tensor) -> torch.Tensor:
        seen.append(len(states))
        return states[:, 0]

    monkeypatch.setattr(FailureRelations, "__call__", watched)
    start = wanted.space.draw(6, rng)
    found = GENERATORS.get("sampling").states(wanted, start, Budget(tries=tries), rng)
    assert sum(seen) == 6 * tries and found.shape == start.shape


def test_an_unknown_placing_is_named(belief: Belief, event: FailureEvent, scene: Scene) -> None:
    with pytest.raises(ValueError, match="unknown placing 'anywhere'; known: together, apart"):
        state_space(belief, observed(event), scene, placing="anywhere")
