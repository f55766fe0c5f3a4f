import numpy as np
import pytest
import torch

from fail2progress.core.goals import Goal
from fail2progress.core.observation import SegmentedCloud
from fail2progress.models import weights
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.prediction import Belief, detect, encode_observation
from fail2progress.models.revealed import hidden_drawers, reveal
from fail2progress.planning.planner import Planner
from fail2progress.planning.steps import action, ahead
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.samplers import Segments, Step
from fail2progress.tasks.registry import task

OPEN = SkillCall("open_drawer", "drawer", (np.pi, 0.15))


@pytest.fixture(scope="module")
def model() -> SkillEffectModel:
    return load_checkpoint(weights.path(weights.RELATIONAL)).model


@pytest.fixture
def robot() -> SimulatedRobot:
    trial = task("drawer-tidying").trial(1, 3)
    return SimulatedRobot(MujocoSimulator(), trial.scene, seed=trial.seed)


def box(belief: Belief, name: str) -> torch.Tensor:
    return belief.state.box[0, belief.index(name)]


def test_of_a_shut_drawer_the_rest_is_known_from_its_cabinet(robot: SimulatedRobot, model: SkillEffectModel) -> None:
    shut = encode_observation(model, robot.observe())
    (hidden,) = shut.hidden
    assert (hidden.row, hidden.cabinet) == (shut.index("drawer"), shut.index("cabinet")) and hidden.axis == 0 and hidden.side == 1
    true = robot.scene.sizes[robot.scene.index("drawer"), 0]
    assert hidden.depth == pytest.approx(true, abs=0.02) and float(box(shut, "drawer")[1, 0] - box(shut, "drawer")[0, 0]) < 0.02
    robot.execute(OPEN)
    assert encode_observation(model, robot.observe()).hidden == ()  # seen in full


def test_a_drawer_that_is_predicted_to_open_looks_as_it_does_afterwards(robot: SimulatedRobot, model: SkillEffectModel) -> None:
    shut = encode_observation(model, robot.observe())
    segments, step = Segments(shut.names, shut.categories, shut.hidden), Step("open_drawer", shut.index("drawer"))
    with torch.no_grad():
        opened = ahead(model, shut.state, model.detect(shut.state), action(step, torch.tensor([OPEN.parameters])), segments).state
    robot.execute(OPEN)
    seen = encode_observation(model, robot.observe())
    predicted = Belief(shut.names, shut.categories, opened)
    assert torch.allclose(box(predicted, "drawer"), box(seen, "drawer"), atol=0.03)
    assert detect(model, predicted).value("open", "drawer") > 0.9
    for name in ("cabinet", "thing_1", "table_a"):
        assert torch.allclose(box(predicted, name), box(shut, name), atol=0.005)


def test_a_drawer_that_stays_shut_is_left_as_it_is(robot: SimulatedRobot, model: SkillEffectModel) -> None:
    shut = encode_observation(model, robot.observe())
    assert reveal(model, shut.state, shut.hidden) is shut.state
    both = shut.state.take(torch.tensor([0, 0]))
    both.box[1, shut.index("drawer"), :, 0] -= 0.1
    found = reveal(model, both, shut.hidden)
    assert torch.equal(found.tokens[0], shut.state.tokens[0]) and not torch.equal(found.tokens[1], shut.state.tokens[0])


def test_a_mirrored_cabinet_opens_the_other_way(robot: SimulatedRobot, model: SkillEffectModel) -> None:
    cloud: SegmentedCloud = robot.observe()
    turned = cloud.points * np.array([-1.0, 1.0, 1.0], np.float32)
    (hidden,) = hidden_drawers(model, SegmentedCloud(**{**vars(cloud), "points": turned}))
    assert hidden.side == -1 and hidden.axis == 0


def test_something_is_put_into_a_drawer_that_was_shut_when_the_plan_was_made(model: SkillEffectModel) -> None:
    goal = (Goal.parse("open(drawer)"), Goal.parse("inside(thing_1, drawer)"))
    done = []
    for seed in range(4):
        trial = task("drawer-tidying").trial(1, seed)
        robot = SimulatedRobot(MujocoSimulator(), trial.scene, seed=trial.seed)
        plan = Planner(model, torch.Generator().manual_seed(seed)).plan(encode_observation(model, robot.observe()), goal)
        for planned in plan.skills:
            robot.execute(planned.call)
        done.append(plan.reached and goal[-1].satisfied(robot.truth))
    assert sum(done) >= 3
