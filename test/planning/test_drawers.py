from dataclasses import replace

import numpy as np
import pytest
import torch

from fail2progress.core.relations import UNARY
from fail2progress.models import weights
from fail2progress.models.base import Effect, SkillEffectModel
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.prediction import Belief, encode_observation
from fail2progress.planning.drawers import with_drawers
from fail2progress.planning.steps import action, ahead
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.samplers import Segments, Step
from fail2progress.tasks.registry import task


@pytest.fixture(scope="module")
def model() -> SkillEffectModel:
    return load_checkpoint(weights.path(weights.RELATIONAL)).model


@pytest.fixture(scope="module")
def opened(model: SkillEffectModel) -> Belief:
    trial = task("drawer-tidying").trial(1, 3)
    robot = SimulatedRobot(MujocoSimulator(), trial.scene, seed=trial.seed)
    robot.execute(SkillCall("open_drawer", "drawer", (np.pi, 0.15)))
    return encode_observation(model, robot.observe())


def closed(model: SkillEffectModel, belief: Belief, distance: float) -> Effect:
    step = Step("close_drawer", belief.index("drawer"))
    with torch.no_grad():
        return ahead(
            model, belief.state, model.detect(belief.state), action(step, torch.tensor([[0.0, distance]])), segments(belief)
        )


def segments(belief: Belief) -> Segments:
    return Segments(belief.names, belief.categories, belief.hidden)


def odds(effect: Effect, belief: Belief, relation: str) -> float:
    return float(effect.relations.unary[0, belief.index("drawer"), UNARY.index(relation)])


def test_a_drawer_is_shut_where_its_front_is_predicted_at_its_cabinet(model: SkillEffectModel, opened: Belief) -> None:
    assert odds(closed(model, opened, 0.05), opened, "open") > 0 > odds(closed(model, opened, 0.25), opened, "open")


def test_a_model_that_takes_a_half_shut_drawer_for_shut_is_not_believed_alone(model: SkillEffectModel, opened: Belief) -> None:
    half = closed(model, opened, 0.05)
    unary = torch.full_like(half.relations.unary, -9.0)
    found = with_drawers(replace(half.relations, unary=unary), half.state, segments(opened))
    drawer = opened.index("drawer")
    assert found.unary[0, drawer, UNARY.index("open")] >= 0 and found.unary[0, drawer, UNARY.index("drawer")] > 0
    assert torch.equal(found.unary[0, :drawer], unary[0, :drawer])


def test_what_is_seen_of_a_drawer_grows_behind_its_front(model: SkillEffectModel, opened: Belief) -> None:
    row = opened.index("drawer")
    for distance in (0.05, 0.15):
        effect = closed(model, opened, distance)
        assert effect.displacement is not None
        front = opened.state.box[0, row, 0, 0] + effect.displacement[0, row, 0]
        assert float(effect.state.box[0, row, 0, 0]) == pytest.approx(float(front), abs=1e-5)


def test_without_a_cabinet_in_view_the_model_alone_says_what_is_open(model: SkillEffectModel, opened: Belief) -> None:
    alone = opened.state.mask.clone()
    alone[0, opened.index("cabinet")] = False
    relations = model.detect(opened.state)
    found = with_drawers(relations, replace(opened.state, mask=alone), segments(opened))
    assert torch.equal(found.unary[..., UNARY.index("open")], relations.unary[..., UNARY.index("open")])
