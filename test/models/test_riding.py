"""What rides along with what is moved: nothing before fine-tuning, then relations and motion of what is inside."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.relations import BINARY
from fail2progress.models import weights
from fail2progress.models.base import Action, LatentState, RelationLogits, SkillEffectModel, expected_motion
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.models.registry import MODELS, configuration
from fail2progress.models.riding import Riding, carried_over, none_or_all, taken_along
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import call_moving
from fail2progress.skills.vocabulary import current
from fail2progress.tasks.registry import task

CUP, PILL, GRAIN, TABLE, OTHER = range(5)
INSIDE, LEFT = BINARY.index("inside"), BINARY.index("left")
both = pytest.mark.parametrize("name", ["binary-pred", "stow-gnn"])


def made(name: str) -> SkillEffectModel:
    torch.manual_seed(0)
    kind = MODELS.get(name)
    return kind.from_config(configuration(kind, None, {}), current()).eval()


def scene(model: SkillEffectModel) -> LatentState:
    """A cup with a pill, in which a grain is, on a table; another table beside it."""
    low = torch.tensor([[0.4, 0.4, 0.6], [0.42, 0.42, 0.61], [0.43, 0.43, 0.615], [0.3, 0.2, 0.56], [0.3, -0.6, 0.56]])
    size = torch.tensor([[0.09, 0.09, 0.08], [0.03, 0.03, 0.03], [0.01, 0.01, 0.01], [0.5, 0.5, 0.04], [0.5, 0.5, 0.04]])
    box = torch.stack([low, low + size], dim=1).unsqueeze(0)
    ids = torch.arange(5).unsqueeze(0)
    return model.embed(torch.zeros(1, 5, 128), box, ids, torch.ones(1, 5, dtype=torch.bool))


def carry() -> Action:
    parameters = torch.tensor([[0.0, -0.8, 0.0, 0.0]])
    return Action(torch.tensor([current().index("pick_place")]), torch.tensor([CUP]), parameters)


def said(*atoms: tuple[int, int]) -> RelationLogits:
    binary = torch.full((1, 5, 5, len(BINARY)), -6.0)
    for one, other in atoms:
        binary[0, one, other, INSIDE] = 6.0
    return RelationLogits(binary, torch.zeros(1, 5, 3))


def taught(model: SkillEffectModel) -> Riding:
    """Says that what is inside rides."""
    riding = model.riding
    assert isinstance(riding, Riding)
    with torch.no_grad():
        riding.handed_on.by_relation[:, INSIDE] = 14.0
    return riding


@both
def test_before_fine_tuning_it_has_no_effect_and_no_weight_of_the_pretraining_is_its_own(name: str) -> None:
    model = made(name)
    riding = model.riding
    assert isinstance(riding, Riding)
    with torch.no_grad():
        assert riding.idle
    mine = {id(parameter) for parameter in riding.parameters()}
    assert mine == {id(parameter) for parameter in model.adapter_parameters()}
    assert mine.isdisjoint(map(id, model.pretrained_parameters())) and mine <= set(map(id, model.finetuned_parameters()))
    state, action = scene(model), carry()
    with torch.no_grad():
        without = model.predict(state, action)
    riding.requires_grad_(True)
    learning = model.predict(state, action)  # as in the first step of fine-tuning, with shares of zero
    torch.testing.assert_close(learning.relations.binary, without.relations.binary)
    torch.testing.assert_close(expected_motion(state, learning), expected_motion(state, without))


@both
def test_who_rides_on_what_rides_does_so_too(name: str) -> None:
    model = made(name)
    rides = taught(model)(scene(model), said((PILL, CUP), (GRAIN, PILL)), carry(), torch.tensor([0]))
    assert rides[0, CUP] == 1.0 and bool((rides[0, [PILL, GRAIN]] > 0.9).all())
    assert bool((rides[0, [TABLE, OTHER]].abs() < 0.05).all())


@both
def test_those_that_ride_keep_their_relations_and_have_new_ones_to_what_stays(name: str) -> None:
    model = made(name)
    state, action = scene(model), carry()
    motion = torch.zeros(1, 5, 3)
    motion[0, CUP] = torch.tensor([0.0, -0.8, 0.0])
    before, after = said((PILL, CUP)), said((TABLE, OTHER))
    rides = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0]])
    places = taken_along(model.embed, state, motion, action)
    decoder = model.binary
    found = carried_over(after, before, rides, places, action, decoder).binary  # type: ignore[arg-type]
    torch.testing.assert_close(found[0, PILL, CUP], before.binary[0, PILL, CUP])
    torch.testing.assert_close(found[0, TABLE, OTHER], after.binary[0, TABLE, OTHER])
    torch.testing.assert_close(found[0, CUP, TABLE], after.binary[0, CUP, TABLE])  # the object's own are the model's
    motion[0, PILL] = motion[0, CUP]
    there = model.embed(state.code, state.box + motion.unsqueeze(-2), state.ids, state.mask)
    expected = model.detect(there).binary
    torch.testing.assert_close(found[0, PILL, TABLE], expected[0, PILL, TABLE])
    torch.testing.assert_close(found[0, OTHER, PILL], expected[0, OTHER, PILL])


@both
@settings(max_examples=8)
@given(seed=st.integers(0, 99))
def test_a_few_steps_teach_what_rides(name: str, seed: int) -> None:
    """Gradients reach the weights from the first step on, through relations and, where they are predicted, displacements."""
    model = made(name)
    riding = model.riding
    assert isinstance(riding, Riding)
    torch.manual_seed(seed)
    effect = model.predict(scene(model), carry())
    effect.relations.binary[0, PILL].square().sum().backward()
    assert riding.handed_on.by_relation.grad is not None and bool(riding.handed_on.by_relation.grad.any())


def test_stow_gnn_leaves_nothing_in_the_air_and_still_believes_it_inside_after_the_next_skill() -> None:
    """The package's weights: a capsule dropped into a cup, then another one into the other cup."""
    model = load_checkpoint(weights.folder() / "stow-gnn.safetensors").model
    trial = task("hierarchical-tabletop").trial(5, 3)
    belief = encode_observation(model, SimulatedRobot(MujocoSimulator(), trial.scene).observe())
    start, state = trial.scene, belief
    for number in (1, 2):
        pill, cup = f"capsule_{number}", f"cup_{number}"
        over = start.position(cup) - start.position(pill) + np.array([0.0, 0.0, 0.07])
        relations, motion, state = predict_effect(model, state, call_moving(pill, over, cup))
        above_floor = (
            start.bounds()[start.index(pill), 0, 2] + motion[start.index(pill), 2] - start.bounds()[start.index(cup), 0, 2]
        )
        assert relations.value("inside", pill, cup) > 0.5 and above_floor < 0.03
    assert relations.value("inside", "capsule_1", "cup_1") > 0.5


def test_who_nearly_rides_rides_whole() -> None:
    """A share of .96 would leave a pill 3 cm behind a cup that is carried 0.8 m; half a motion stays half of one."""
    assert none_or_all(torch.tensor([0.03, 0.5, 0.96])).tolist() == pytest.approx([0.0, 0.5, 1.0])
    model = made("stow-gnn")
    with torch.no_grad():
        taught(model).handed_on.by_relation[:, INSIDE] = 8.0
        state, action, before = scene(model), carry(), said((PILL, CUP))
        shares = model.riding(state, before, action, torch.tensor([0]))  # type: ignore[operator]
    share = float(shares[0, PILL])
    assert 0.9 < share < 0.995
    moved = expected_motion(state, model.predict(replace(state, relations=before), action))[0]
    torch.testing.assert_close(moved[PILL], moved[CUP])
