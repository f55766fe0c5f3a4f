from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.relations import BINARY
from fail2progress.core.scene import Array, Scene, pose
from fail2progress.models.base import LatentState, RelationLogits
from fail2progress.planning.steps import action, atom_log_probabilities, atom_rows, step_parameters
from fail2progress.skills.limits import STRETCH_RE2
from fail2progress.skills.placement import RELEASE, release_height
from fail2progress.skills.registry import skill
from fail2progress.skills.samplers import Segments, Step, planner_sampler

SEGMENTS = Segments(("table", "cup", "pill", "block"), ("table", "cup", "capsule", "cuboid"))
TABLE, CUP, PILL, BLOCK = range(4)


def placing(object: int, target: int) -> Step:
    return Step("pick_place", object, target)


units = st.tuples(st.floats(0, 1), st.floats(0, 1))


def state(pill: tuple[float, float] = (0.5, -0.2), in_cup: bool = False, count: int = 1) -> LatentState:
    """A table whose top is at 0.5 m, a cup at its middle, a block at one side, and a pill."""
    low = 0.505 if in_cup else 0.5
    boxes = torch.tensor(
        [
            [[0.3, -0.4, 0.46], [0.9, 0.4, 0.5]],
            [[0.555, -0.045, 0.5], [0.645, 0.045, 0.57]],
            [[pill[0] - 0.015, pill[1] - 0.015, low], [pill[0] + 0.015, pill[1] + 0.015, low + 0.03]],
            [[0.58, 0.28, 0.5], [0.62, 0.32, 0.54]],
        ]
    )
    zeros = torch.zeros(1, 4, 2)
    made = LatentState(zeros, boxes.unsqueeze(0), torch.arange(4).view(1, 4), torch.ones(1, 4, dtype=torch.bool), zeros)
    return made.expand(count)


def placed(where: LatentState, step: Step, unit: tuple[float, float]) -> tuple[Tensor, Tensor, bool]:
    """Parameters (4,), the box (2, 3) where the object is let go, and whether that collides."""
    parameters, collides = step_parameters(where, step, torch.tensor([unit]), SEGMENTS)
    return parameters[0], where.box[0, step.object] + parameters[0, :3], bool(collides[0])


@given(units)
def test_placements_on_a_table_keep_from_its_edges(unit: tuple[float, float]) -> None:
    _, box, _ = placed(state(), placing(PILL, TABLE), unit)
    assert box[0, 0] >= 0.3 + 0.0149 and box[1, 0] <= 0.9 - 0.0149
    assert box[0, 1] >= -0.4 + 0.0149 and box[1, 1] <= 0.4 - 0.0149


@given(units)
def test_an_object_is_let_go_just_above_what_lies_below(unit: tuple[float, float]) -> None:
    where = state()
    _, box, _ = placed(where, placing(PILL, TABLE), unit)
    tops = [0.5]
    for other in (CUP, BLOCK):
        if ((where.box[0, other, 0, :2] < box[1, :2]) & (where.box[0, other, 1, :2] > box[0, :2])).all():
            tops.append(float(where.box[0, other, 1, 2]))
    assert float(box[0, 2]) == pytest.approx(max(tops) + RELEASE, abs=1e-5)


@given(units)
def test_placements_into_a_cup_are_above_its_rim_within_its_walls(unit: tuple[float, float]) -> None:
    parameters, box, collides = placed(state(), placing(PILL, CUP), unit)
    cup = state().box[0, CUP]
    assert (box[0, :2] >= cup[0, :2] + 0.0059).all() and (box[1, :2] <= cup[1, :2] - 0.0059).all()
    assert float(box[0, 2]) == pytest.approx(0.57 + RELEASE, abs=1e-5)
    assert not collides and parameters[3] == 0


@pytest.mark.parametrize(
    ("unit", "collides"),
    [((0.5, 0.5), True), ((0.5, 0.875), True), ((0.1, 0.1), False), ((0.5, 0.5 + 0.09), True), ((0.5, 0.5 + 0.13), False)],
)
def test_placements_on_or_beside_other_things_collide(unit: tuple[float, float], collides: bool) -> None:
    assert placed(state(), placing(PILL, TABLE), unit)[2] == collides


def test_what_a_cup_carries_is_not_in_its_way() -> None:
    loaded = state(pill=(0.6, 0.0), in_cup=True)
    parameters, box, collides = placed(loaded, placing(CUP, TABLE), (0.5, 0.5))
    assert not collides and float(box[0, 2]) == pytest.approx(0.5 + RELEASE, abs=1e-5)
    assert parameters[:2].abs().max() < 1e-5


GROUND = (ObjectSpec("table", "table", (0.8, 1.2, 0.04)), pose(0.7, 0.0, 0.48))
WIDE_CUP = (ObjectSpec("cup", "cup", (0.1, 0.1, 0.06)), pose(0.65, 0.1, 0.53))
STICK = (ObjectSpec("stick", "cuboid", (0.03, 0.03, 0.17)), pose(0.66, 0.1, 0.59))
ASKEW = (ObjectSpec("long", "cuboid", (0.3, 0.04, 0.04)), pose(0.65, 0.1, 0.52, np.pi / 4))
PILE = tuple((ObjectSpec(f"block_{k}", "cuboid", (0.06, 0.06, 0.05)), pose(0.65, 0.1, 0.525 + 0.05 * k)) for k in range(3))
TOTE = (ObjectSpec("tote", "open_box", (0.3, 0.3, 0.12)), pose(0.66, 0.1, 0.56))
BOARD = (ObjectSpec("board", "cuboid", (0.12, 0.12, 0.03)), pose(0.65, 0.1, 0.521))
IN_TOTE = (WIDE_CUP[0], pose(0.65, 0.1, 0.566))
TOWER = (ObjectSpec("tower", "cuboid", (0.06, 0.06, 0.25)), pose(0.59, 0.16, 0.625))
LOW = (ObjectSpec("low", "cuboid", (0.06, 0.06, 0.05)), pose(0.59, 0.16, 0.525))


@pytest.mark.parametrize(
    ("things", "top"),
    [
        ((WIDE_CUP, STICK), 0.5),
        (PILE, 0.5),
        (PILE[1:] + PILE[:1], 0.55),
        ((ASKEW, TOWER), 0.75),
        ((ASKEW, LOW), 0.55),
        ((IN_TOTE, BOARD, TOTE), 0.62),
        ((TOTE, BOARD, IN_TOTE), 0.5),
    ],
)
def test_what_comes_along_is_the_same_for_plans_and_for_skills(things: tuple[tuple[ObjectSpec, Array], ...], top: float) -> None:
    """By the height at which a thing is let go that is put a few millimetres aside."""
    everything = (GROUND, *things)
    scene = Scene(tuple(spec for spec, _ in everything), np.stack([at for _, at in everything]))
    box, zeros = torch.tensor(scene.bounds(), dtype=torch.float32).unsqueeze(0), torch.zeros(1, len(scene), 2)
    where = LatentState(zeros, box, torch.arange(len(scene)).unsqueeze(0), torch.ones(1, len(scene), dtype=torch.bool), zeros)
    segments = Segments(scene.names, tuple(spec.category for spec in scene.objects))
    parameters, _ = step_parameters(where, placing(1, 0), torch.tensor([[0.4, 0.6]]), segments)
    shift = parameters[0].numpy()
    let_go = float(scene.bounds()[1, 0, 2]) + float(shift[2]) - RELEASE
    skills = release_height(scene, 1, scene.poses[1, :2] + shift[:2])
    assert let_go == pytest.approx(top, abs=1e-5) and skills == pytest.approx(top, abs=1e-5)


def test_a_hidden_foot_is_taken_to_stand_on_the_surface_below() -> None:
    """Seen from above only: the lowest visible point is 2 cm above the table, 5 cm above it something else holds it."""
    for hidden, dz in ((0.02, RELEASE - 0.02 + 0.02), (0.05, RELEASE - 0.05)):
        where = state()
        boxes = where.box.clone()
        boxes[0, PILL, 0, 2] = 0.5 + hidden
        boxes[0, PILL, 1, 2] = 0.5 + hidden + 0.01
        lifted = LatentState(where.code, boxes, where.ids, where.mask, where.tokens)
        assert float(placed(lifted, placing(PILL, TABLE), (0.1, 0.1))[0][2]) == pytest.approx(dz, abs=1e-5)


def test_segments_that_were_not_seen_are_in_nobodys_way() -> None:
    where = state()
    mask = where.mask.clone()
    mask[0, CUP] = False
    unseen = LatentState(where.code, where.box, where.ids, mask, where.tokens)
    parameters, collides = step_parameters(unseen, placing(PILL, TABLE), torch.tensor([[0.5, 0.5]]), SEGMENTS)
    assert not collides[0] and float(parameters[0, 2]) == pytest.approx(RELEASE, abs=1e-5)


@given(units)
def test_places_beyond_reach_are_none(unit: tuple[float, float]) -> None:
    """Of a table that the robot reaches in part, places are on that part; one that is out of reach or too high has none."""
    sampler = planner_sampler(skill("pick_place"))
    for x, z, reached in ((1.2, 0.0, True), (1.6, 0.0, False), (0.0, 0.75, False)):
        where = state()
        boxes = where.box.clone()
        boxes[0, TABLE] += torch.tensor([x, 0.0, z])
        far = replace(where, box=boxes)
        step = placing(PILL, TABLE)
        assert sampler.applicable(far, step, SEGMENTS) == reached
        _, box, blocked = placed(far, step, unit)
        assert blocked != reached
        if reached:
            assert float(box.mean(dim=0)[0]) <= STRETCH_RE2.high[0] + 1e-6 and float(box[0, 0]) >= 0.3 + x


def test_a_batch_is_its_rows() -> None:
    unit = torch.rand(16, 2, generator=torch.Generator().manual_seed(0))
    together = step_parameters(state(count=16), placing(PILL, TABLE), unit, SEGMENTS)
    for row in range(16):
        parameters, collides = step_parameters(state(), placing(PILL, TABLE), unit[row : row + 1], SEGMENTS)
        torch.testing.assert_close(together[0][row], parameters[0])
        assert together[1][row] == collides[0]


def test_actions_carry_their_step() -> None:
    made = action(placing(PILL, CUP), torch.zeros(3, 4))
    assert made.object.tolist() == [PILL] * 3 and made.skill.tolist() == [0] * 3 and made.parameters.shape == (3, 4)


@given(st.floats(-8, 8), st.booleans())
def test_probabilities_of_atoms_are_those_of_their_logits(logit: float, holds: bool) -> None:
    binary = torch.zeros(2, 4, 4, len(BINARY))
    binary[:, PILL, CUP, BINARY.index("inside")] = logit
    goal = Goal((Atom("inside", "pill", "cup", holds), Atom("left", "cup", "block")))
    found = atom_log_probabilities(RelationLogits(binary, torch.zeros(2, 4, 3)), goal, SEGMENTS.names)
    expected = torch.sigmoid(torch.tensor(logit if holds else -logit)).log()
    torch.testing.assert_close(found, torch.stack([expected, torch.tensor(0.5).log()]).expand(2, 2), atol=1e-5, rtol=1e-5)


def test_a_goal_about_something_unseen_is_named() -> None:
    with pytest.raises(ValueError, match=r"'mug', which was not seen; seen: table, cup"):
        atom_rows(Atom("left", "cup", "mug"), SEGMENTS.names)


def test_what_lies_in_a_container_is_in_the_way_of_what_is_put_in() -> None:
    """On top of it things may stick out; beside it they do not."""
    middle = (0.5, 0.5)
    assert placed(state(pill=(0.6, 0.0), in_cup=True), placing(BLOCK, CUP), middle)[2]
    assert not placed(state(pill=(0.5, -0.2)), placing(BLOCK, CUP), middle)[2]
    assert not placed(state(pill=(0.571, -0.029), in_cup=True), placing(BLOCK, CUP), (1.0, 1.0))[2]
