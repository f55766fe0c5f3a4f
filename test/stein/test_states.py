import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import Belief, encode_observation
from fail2progress.stein.around import state_space
from fail2progress.stein.concerned import SEEN_MOVING, seen_moving
from fail2progress.stein.solids import Surroundings
from fail2progress.stein.states import StateSpace
from support import failures

seeds = st.integers(0, 10_000)
brief = settings(max_examples=15)


def draws(space: StateSpace, count: int, seed: int) -> Tensor:
    return space.chart().sample_uniform(count, torch.Generator().manual_seed(seed))


def space_of(model: Points2Plans, name: str, freedom: float = 0.03) -> tuple[StateSpace, dict[str, int]]:
    """The space around one of several kinds of failures, with the true scene for the rebuilt one; rows by name."""
    event, scene = failures.event(name), failures.outcome(name).before.scene
    belief = encode_observation(model, event.before)
    return state_space(belief, observed(event), scene, freedom), {n: belief.index(n) for n in belief.names}


def names(rows: dict[str, int], found: tuple[int, ...]) -> set[str]:
    return {name for name, row in rows.items() if row in found}


@pytest.mark.parametrize(
    ("kind", "group", "parent", "varying"),
    [
        ("row", {"row_0", "row_1", "row_2"}, {}, {"row_1", "row_2"}),
        ("stack", {"base", "top"}, {"top": "base"}, {"top"}),
        ("drawer", {"cabinet", "drawer", "thing"}, {"drawer": "cabinet", "thing": "drawer"}, {"thing"}),
        ("nested", {"box", "cup", "capsule"}, {"cup": "box", "capsule": "cup"}, {"cup", "capsule"}),
    ],
)
def test_what_hangs_together_is_placed_as_one(
    model: Points2Plans, kind: str, group: set[str], parent: dict[str, str], varying: set[str]
) -> None:
    space, rows = space_of(model, kind)
    assert names(rows, space.group) == group == names(rows, space.concerned)
    assert space.parent == {rows[one]: rows[other] for one, other in parent.items()}
    assert names(rows, space.varying) == varying
    assert names(rows, space.movable) == {name for name in rows if not name.startswith("table")}
    assert bool(space.drawers) == (kind == "drawer")


def test_what_a_broken_relation_names_is_concerned_but_placed_by_itself(model: Points2Plans) -> None:
    event, scene = failures.event("row"), failures.outcome("row").before.scene
    broken = failures.mismatch("left", "row_2", "other")
    event = event.model_copy(update={"header": event.header.model_copy(update={"mismatches": (broken,)})})
    belief = encode_observation(model, event.before)
    space = state_space(belief, observed(event), scene)
    assert belief.index("other") in space.concerned and belief.index("other") not in space.group


def test_what_was_seen_to_move_moved_on_both_sides() -> None:
    points = np.random.default_rng(0).uniform(0.0, 0.05, (3, 128, 3)).astype(np.float32)
    before = SegmentedCloud(("a", "b", "c"), ("cuboid",) * 3, points, np.ones(3, np.float32))
    later = points.copy()
    later[0, :, 0] += 2 * SEEN_MOVING
    later[1, :, 0] = np.clip(later[1, :, 0], 0.02, None)  # the near side is hidden now
    later[2] += 0.4 * SEEN_MOVING
    assert seen_moving(before, replace(before, points=later), before.names[0]) == [0]
    hidden = np.array([0.0, 1.0, 1.0], np.float32)  # where it was expected to go is no observation
    assert seen_moving(before, replace(before, points=later, visibility=hidden), before.names[0]) == []


@pytest.mark.parametrize("kind", failures.KINDS)
def test_the_observed_particle_leaves_everything_where_it_is(model: Points2Plans, kind: str) -> None:
    space, _ = space_of(model, kind)
    placed = space.place(space.observed().expand(3, -1))
    assert placed.move.shift.abs().max() < 1e-5 and placed.move.angle.abs().max() < 1e-5 and placed.rise.abs().max() < 1e-5
    assert space.log_prior(space.observed().unsqueeze(0)).item() > -0.5
    torch.testing.assert_close(placed.points(space.points)[0], space.points, rtol=0, atol=1e-4)


@brief
@given(seed=seeds, kind=st.sampled_from(failures.KINDS))
def test_clusters_are_placed_and_turned_as_one(model: Points2Plans, seed: int, kind: str) -> None:
    space, _ = space_of(model, kind)
    particles = space.observed().repeat(4, 1)
    particles[:, :3] = draws(space, 4, seed)[:, :3]
    placed = space.place(particles)
    rows = torch.tensor(space.group)
    turn = space.turn(particles).unsqueeze(1).expand(-1, len(rows))
    torch.testing.assert_close(placed.move.angle[:, rows], turn)
    before, now = space.solids.footprints.centre[rows], placed.footprints(space.solids).centre[:, rows]
    torch.testing.assert_close(torch.cdist(now, now), torch.cdist(before, before).expand(4, -1, -1), rtol=0, atol=1e-4)
    others = [row for row in range(len(space.points)) if row not in space.group]
    assert not placed.move.shift[:, others].abs().gt(1e-5).any() and not placed.move.angle[:, others].any()
    assert bool((placed.rise[:, rows] == placed.rise[:, rows[:1]]).all())


@brief
@given(seed=seeds)
def test_members_vary_within_their_freedom_and_carry_what_they_hold(model: Points2Plans, seed: int) -> None:
    space, rows = space_of(model, "nested", freedom=0.02)
    particles = space.observed().repeat(8, 1)
    start, count = 3 * len(space.clusters), 3 * len(space.varying)
    particles[:, start : start + count] = draws(space, 8, seed)[:, start : start + count]
    within = space.place(particles)
    centre = within.footprints(space.solids).centre - space.solids.footprints.centre
    own = space.own[space.varying.index(rows["cup"])]
    widest = torch.tensor([own.low, own.high]).abs().amax(dim=0).norm()
    assert bool((centre[:, rows["cup"]].norm(dim=1) <= widest + 1e-5).all()) and not centre[:, rows["box"]].abs().gt(1e-5).any()
    at = space.varying.index(rows["capsule"])
    particles[:, start + 3 * at : start + 3 * at + 3] = 0.0
    carried = space.place(particles)
    torch.testing.assert_close(carried.move.angle[:, rows["capsule"]], carried.move.angle[:, rows["cup"]])
    torch.testing.assert_close(carried.move.shift[:, rows["capsule"]], carried.move.shift[:, rows["cup"]])


def test_a_drawer_takes_its_contents_along(model: Points2Plans) -> None:
    space, rows = space_of(model, "drawer")
    particles = space.observed().repeat(2, 1)
    (opening, widest) = space.drawers[rows["drawer"]]
    particles[:, -1] = torch.tensor([opening + 0.03, 0.0])
    centre = space.place(particles).footprints(space.solids).centre - space.solids.footprints.centre
    yaw = float(space.solids.footprints.yaw[rows["drawer"]])
    outward = -torch.tensor([math.cos(yaw), math.sin(yaw)])
    for name in ("drawer", "thing"):
        torch.testing.assert_close(centre[0, rows[name]], 0.03 * outward, rtol=0, atol=1e-5)
        torch.testing.assert_close(centre[1, rows[name]], -opening * outward, rtol=0, atol=1e-5)
    assert not centre[:, rows["cabinet"]].abs().gt(1e-5).any()
    assert 0.0 <= opening < widest


@brief
@given(seed=seeds, kind=st.sampled_from(failures.KINDS))
def test_draws_from_the_prior_can_be(model: Points2Plans, seed: int, kind: str) -> None:
    space, _ = space_of(model, kind)
    found = space.draw(12, torch.Generator().manual_seed(seed))
    low, high = (torch.tensor(side) for side in (space.chart().low, space.chart().high))
    assert bool((found >= low - 1e-5).all()) and bool((found <= high + 1e-5).all())
    uniform = draws(space, 12, seed)
    assert space.log_prior(found).mean() > space.log_prior(uniform).mean()
    assert bool((space.log_prior(found) > -0.3).float().mean() >= 0.5)


def test_the_prior_is_against_overlap_and_against_nothing_below(model: Points2Plans) -> None:
    space, rows = space_of(model, "row")
    number = next(i for i, cluster in enumerate(space.clusters) if rows["other"] in cluster)
    particles = space.observed().repeat(3, 1)
    particles[1, 3 * number : 3 * number + 2] = space.observed()[:2]  # where the row stands
    particles[2, :2] = space.surroundings.low - 0.1
    values = space.log_prior(particles)
    assert values[0] > -0.1 and values[1] < -1.0 and values[2] < -10.0


@brief
@given(seed=seeds, kind=st.sampled_from(failures.KINDS))
def test_the_prior_is_never_positive_and_its_slope_is_finite(model: Points2Plans, seed: int, kind: str) -> None:
    space, _ = space_of(model, kind)
    particles = draws(space, 8, seed).requires_grad_()
    values = space.log_prior(particles)
    assert bool((values <= 0).all())
    values.sum().backward()
    assert particles.grad is not None and bool(particles.grad.isfinite().all())


def test_margins_heights_and_what_sticks_out() -> None:
    tables = torch.tensor([[[0.0, 0.0, 0.4], [0.5, 0.5, 0.5]], [[1.0, 0.0, 0.6], [1.5, 0.5, 0.7]]])
    around, half = Surroundings(tables), torch.tensor([0.05, 0.05])
    assert around.low.tolist() == [0.0, 0.0] and around.high.tolist() == [1.5, 0.5]
    centre = torch.tensor([[0.25, 0.25], [1.25, 0.25], [0.75, 0.25], [0.05, 0.25]])
    assert around.height(centre, half).tolist() == pytest.approx([0.5, 0.7, 0.6, 0.5], abs=1e-3)
    assert around.outside(centre, half).tolist() == pytest.approx([0.0, 0.0, 0.32, 0.02], abs=1e-5)
    assert around.off_table(centre, half).tolist() == pytest.approx([0.0, 0.0, 0.32**2, 0.02**2], abs=1e-5)


def test_without_a_table_or_the_object_there_is_nothing_to_vary(belief: Belief, event: FailureEvent, scene: Scene) -> None:
    for unseen in ("table", "cup_1"):
        points = event.before.points.copy()
        for row, name in enumerate(event.before.names):
            if name.startswith(unseen):
                points[row] = np.nan
        blind = event.model_copy(update={"before": replace(event.before, points=points)})
        with pytest.raises(ValueError, match="needs a table and the object of the failed skill"):
            state_space(belief, observed(blind), scene)
    lost = event.model_copy(
        update={"header": event.header.model_copy(update={"call": event.header.call.model_copy(update={"object": "bowl"})})}
    )
    with pytest.raises(ValueError, match="unknown object 'bowl'"):
        state_space(belief, observed(lost), scene)
