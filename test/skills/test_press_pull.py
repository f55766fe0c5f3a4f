"""A skill from outside `src`, one folder (support/press_pull): found, planned, executed, drawn, monitored and learnt from."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fail2progress.agent.loop import Agent, AgentConfig, TaskSpec
from fail2progress.core.camera import Camera
from fail2progress.core.goals import Goal
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.core.vocabulary import VocabularyError
from fail2progress.failures.classifier import Classifier
from fail2progress.learning.finetuning.targeted import TargetOptions, target
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.models.training.training import TrainingOptions, train
from fail2progress.planning.planner import Planner
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.stretch.camera import HeadCamera
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import GROUP, SKILLS
from fail2progress.skills.vocabulary import current
from fail2progress.tasks.pretraining import job
from support.press_pull.definition import SKILL
from support.scene_oracle import SceneOracle

GOAL = Goal.parse("front(plate, post)")


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with SKILLS.including(SKILL):
        yield


def scene(category: str = "cuboid", height: float = 0.03) -> Scene:
    """A plate that is too wide for the gripper beside a post that is, too."""
    specs = (
        ObjectSpec("table", "table", (0.8, 1.2, 0.04)),
        ObjectSpec("plate", category, (0.24, 0.24, height)),
        ObjectSpec("post", "cuboid", (0.24, 0.24, 0.10)),
    )
    return Scene(specs, np.stack([pose(0.7, 0, 0.48), pose(0.75, 0.25, 0.5 + height / 2), pose(0.75, -0.25, 0.55)]))


def pulled(oracle: SceneOracle, box: Tensor, row: int, parameters: Tensor) -> Tensor:
    moved = torch.zeros(len(box), 3)
    moved[row] = SKILL.motion(parameters, torch).shift
    return moved


def too_far(oracle: SceneOracle, box: Tensor, row: int, parameters: Tensor) -> Tensor:
    """Believes that the object goes much further than it is pulled."""
    return 3.0 * pulled(oracle, box, row, parameters)


def test_an_entry_point_is_enough_for_it_to_be_known(tmp_path: Path) -> None:
    about = tmp_path / "press_pull-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: press-pull\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\npress_pull = support.press_pull.definition:SKILL\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    code = "from fail2progress.skills.registry import SKILLS; print(*SKILLS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == list(SKILLS) and done.stdout.split()[-1] == "press_pull"


@pytest.mark.parametrize("direction", [0.0, np.pi / 2, -2.0])
def test_the_floating_hand_pulls_an_object_along(direction: float) -> None:
    outcome = MujocoSimulator().execute(Job(scene(), SkillCall("press_pull", "plate", (direction, 0.12))))
    forward, moved = np.array([np.cos(direction), np.sin(direction), 0.0]), outcome.displacements[1]
    assert 0.08 < moved @ forward < 0.125, "it is held by friction alone and slips a little"
    assert np.linalg.norm(moved - (moved @ forward) * forward) < 0.01
    np.testing.assert_allclose(outcome.displacements[[0, 2]], 0.0, atol=1e-3)


def test_the_simulated_stretch_pulls_an_object_along() -> None:
    robot = SimulatedStretch(scene("open_box", 0.05), camera=HeadCamera(160, 120, 72.5))
    robot.execute(SkillCall("press_pull", "plate", (-np.pi / 2, 0.08)))
    moved = robot.outcomes[-1].displacements
    np.testing.assert_allclose(moved[1], [0.0, -0.08, 0.0], atol=0.03)
    np.testing.assert_allclose(moved[0], 0.0, atol=1e-3)


def test_it_is_planned_for_a_goal_and_reaches_it() -> None:
    robot = SimulatedRobot(MujocoSimulator(), scene())
    planner = Planner(SceneOracle(scene(), {"press_pull": pulled}), torch.Generator().manual_seed(0))
    episode = Agent(planner, "0" * 64, keep=lambda event: None).run(robot, TaskSpec((GOAL,)))
    assert {step.planned.call.skill for step in episode.taken} == {"press_pull"}
    assert GOAL.satisfied(robot.truth)


def test_it_is_drawn_for_pre_training_and_nothing_else_becomes_rare() -> None:
    drawn = [job(5, number).call.skill for number in range(150)]
    assert 5 < drawn.count("press_pull") < 50 and drawn.count("pick_place") > 60 and "push" in drawn


def test_a_failure_of_it_is_monitored_classified_and_becomes_data() -> None:
    robot = SimulatedRobot(MujocoSimulator(), scene())
    planner = Planner(SceneOracle(scene(), {"press_pull": too_far}), torch.Generator().manual_seed(0))
    agent = Agent(planner, "0" * 64, keep=lambda event: None, config=AgentConfig(stop_at_failure=True))
    (event,) = agent.run(robot, TaskSpec((GOAL,))).failures
    assert event.header.call.skill == "press_pull" and event.header.vocabulary is not None
    report = Classifier(MujocoSimulator(), Camera(), repetitions=3).classify(event)
    assert report.signals
    torch.manual_seed(0)
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=64, layers=1)).eval()
    options = TargetOptions(samples=4, state_steps=5, action_steps=5)
    made = target(event, model, MujocoSimulator(), options, seed=0)
    assert made.outcomes and {outcome.call.skill for outcome in made.outcomes} == {"press_pull"}


def test_a_model_with_it_in_its_vocabulary_learns_what_it_does() -> None:
    rng = np.random.default_rng(0)
    calls = [SkillCall("press_pull", "plate", (rng.uniform(-np.pi, np.pi), rng.uniform(0.05, 0.15))) for _ in range(24)]
    data = from_outcomes([MujocoSimulator().execute(Job(scene(), call, seed=i)) for i, call in enumerate(calls)])
    torch.manual_seed(0)
    model = Points2Plans(Points2PlansConfig(feedforward=64, layers=1))
    assert model.vocabulary == current()
    options = TrainingOptions(epochs=20, batch=8)
    steps = list(train(model, data, model.pretrained_parameters(), options, torch.Generator().manual_seed(0)))
    first, last = (sum(sum(step.losses.values()) for step in part) for part in (steps[:5], steps[-5:]))
    assert last < 0.7 * first


def test_a_model_without_it_says_so_and_plans_with_what_it_knows() -> None:
    shipped = load_checkpoint(weights.path(weights.RELATIONAL)).model
    cloud = MujocoSimulator().settle(scene(), Camera()).cloud
    belief = encode_observation(shipped, cloud)
    with pytest.raises(VocabularyError, match=r"was not trained with the skill 'press_pull'; it knows: pick_place"):
        predict_effect(shipped, belief, SkillCall("press_pull", "plate", (0.0, 0.1)))
    plan = Planner(shipped, torch.Generator().manual_seed(0)).plan(belief, (GOAL,))
    assert all(skill.call.skill != "press_pull" for skill in plan.skills)
