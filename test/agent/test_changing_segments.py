"""Segments that come, go and change places during an episode."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from fail2progress.agent.loop import Agent, AgentConfig, Episode, TaskSpec
from fail2progress.core.observation import SegmentedCloud
from fail2progress.models.base import SkillEffectModel
from fail2progress.planning.planner import Planner
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.base import Trial
from fail2progress.tasks.registry import task

Make = Callable[..., SkillEffectModel]
SIMULATOR = MujocoSimulator()
DIGEST = "d" * 64


def trial() -> Trial:
    return task("hierarchical-tabletop").trial(3, 0)


@dataclass
class Changing(SimulatedRobot):
    """Its segments come in another order after every skill, with one more that nobody named before; `loses` is gone then."""

    loses: str = ""

    def observe(self) -> SegmentedCloud:
        cloud, done = super().observe(), len(self.outcomes)
        if not done:
            return cloud
        order = np.roll([row for row in range(len(cloud)) if cloud.names[row] != self.loses], done)
        order = np.append(order, order[0])
        names = (*(cloud.names[row] for row in order[:-1]), f"speck_{done}")
        kinds = tuple(cloud.categories[row] for row in order)
        specks = cloud.points[order] + np.where(np.arange(len(order)) == len(order) - 1, 3.0, 0.0)[:, None, None]
        return replace(cloud, names=names, categories=kinds, points=specks.astype(np.float32), visibility=cloud.visibility[order])


def pursue(robot: SimulatedRobot, model: SkillEffectModel, replan: bool) -> Episode:
    planner = Planner(model, torch.Generator().manual_seed(0))
    agent = Agent(planner, DIGEST, lambda event: None, AgentConfig(replan=replan, max_skills=8))
    return agent.run(robot, TaskSpec(trial().stages, "goal", 3, 0))


@pytest.mark.parametrize("replan", [True, False])
def test_segments_may_come_and_change_places_during_an_episode(oracle: Make, replan: bool) -> None:
    robot = Changing(SIMULATOR, trial().scene)
    episode = pursue(robot, oracle(), replan)
    assert episode.outcome == "done" and trial().goal.satisfied(robot.truth)
    assert len(robot.outcomes) == len(pursue(SimulatedRobot(SIMULATOR, trial().scene), oracle(), replan).taken)
    for step, outcome in zip(episode.taken, robot.outcomes, strict=True):
        assert step.event is None and step.planned.call == outcome.call
        row = step.planned.expected.names.index(outcome.call.object)
        true = outcome.displacements[trial().scene.index(outcome.call.object)]
        assert np.linalg.norm(step.planned.displacement[row] - true) < 0.03


def test_the_episode_ends_when_nobody_knows_where_a_thing_of_the_goal_has_gone(oracle: Make) -> None:
    episode = pursue(Changing(SIMULATOR, trial().scene, loses="cup_1"), oracle(), replan=True)
    assert episode.outcome == "out of sight: cup_1" and len(episode.taken) == 1
