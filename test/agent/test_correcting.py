"""The loop carries skills out as corrections say, and reviews them when the episode is over."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fail2progress.agent.correcting import Correcting, forgiving
from fail2progress.agent.loop import Agent, AgentConfig, TaskSpec
from fail2progress.core.camera import Camera
from fail2progress.core.images import from_png
from fail2progress.core.scene import Scene
from fail2progress.evaluation.studies.correction_faults import FAULTS
from fail2progress.evaluation.studies.corrections import carry_out
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.corrections import FILE, Corrector
from fail2progress.failures.edits import Corrections
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureReport
from fail2progress.planning.planner import Planner
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.simulation.base import Disturbances
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.registry import task
from support.oracle import Oracle

SIMULATOR = MujocoSimulator()


def test_a_slippery_hand_holds_more_firmly_from_the_next_episode_on(tmp_path: Path) -> None:
    correcting = Correcting(Corrector(tmp_path / FILE), Classifier(SIMULATOR, Camera(), repetitions=3).classify)
    trial = task("hierarchical-tabletop").trial(3, 0)
    grips, outcomes = [], []
    for episode in range(6):
        robot = SimulatedRobot(SIMULATOR, trial.scene, seed=episode, disturbances=Disturbances(friction=0.1))
        planner = Planner(Oracle(), torch.Generator().manual_seed(0))
        agent = Agent(planner, "0" * 64, lambda event: None, AgentConfig(stop_at_failure=True), correcting=correcting)
        outcomes.append(agent.run(robot, TaskSpec(trial.stages)).outcome)
        grips.append(robot.adjustments.get("pick_place", {}).get("grip", 0.0))
        if outcomes[-1] == "done":
            break
    assert grips[0] == 0.0 and outcomes[0] == "failure"
    assert max(grips) > 0.0 and outcomes[-1] == "done"


def test_what_an_episode_began_with_is_judged_by_it_and_answered_once(tmp_path: Path) -> None:
    """Its later executions had nothing else in force than its first."""
    attempt = FAULTS["low_friction"].setting(np.random.default_rng(1), np.random.default_rng(2))
    step = carry_out(hand(attempt.scene, 3, Disturbances(friction=0.08)), attempt)
    assert step is not None and step.event is not None
    correcting = Correcting(Corrector(tmp_path / FILE), Classifier(SIMULATOR, Camera(), repetitions=1).classify)
    good = replace(step, event=None, mismatches=())
    found = correcting.review([step, step, good], correcting.begin())
    assert [(one.adjustable, one.status) for one in found.corrections] == [("grip", "trial")]
    began = correcting.begin()
    correcting.review([step, good], Corrections())
    assert correcting.begin() == began, "of an episode that began before there was the edit"
    assert [one.status for one in correcting.review([good, step], began).corrections] == ["kept", "trial"]


def test_a_robot_takes_no_adjustment_beyond_the_bounds_of_its_skill() -> None:
    robot = SimulatedRobot(SIMULATOR, task("hierarchical-tabletop").trial(3, 0).scene)
    with pytest.raises(ValueError, match=r"pick_place.grip = 9 share is outside \[0, 1.5\]"):
        robot.adjust({"pick_place": {"grip": 9.0}})
    with pytest.raises(ValueError, match="push has no adjustable 'grip'"):
        robot.adjust({"push": {"grip": 0.5}})
    assert robot.adjustments == {} and np.isfinite(robot.scene.poses).all()


def test_a_failure_keeps_what_the_camera_saw_where_the_robot_has_it_at_hand() -> None:
    attempt = FAULTS["weight"].setting(np.random.default_rng(1), np.random.default_rng(2))
    robots = [kind(attempt.scene, seed=3, disturbances=Disturbances(grasp_miss=1.0)) for kind in (SimulatedStretch, hand)]
    looked = robots[0].picture()
    steps = [carry_out(robot, attempt) for robot in robots]
    events = [step.event for step in steps if step is not None]
    assert events[0] is not None and events[1] is not None and events[1].images == {}
    np.testing.assert_array_equal(from_png(events[0].images["before"]), looked)
    np.testing.assert_array_equal(from_png(events[0].images["after"]), robots[0].picture())


def test_an_error_of_the_classification_leaves_the_episode_as_it_was(tmp_path: Path) -> None:
    attempt = FAULTS["weight"].setting(np.random.default_rng(1), np.random.default_rng(2))
    step = carry_out(hand(attempt.scene, 3, Disturbances(grasp_miss=1.0)), attempt)
    assert step is not None and step.event is not None

    def classify(event: FailureEvent) -> FailureReport:
        raise KeyError("cup_9")

    with pytest.warns(RuntimeWarning, match=f"failure {step.event.id}: its classification ended in an error: KeyError: 'cup_9'"):
        assert Correcting(Corrector(tmp_path / FILE), forgiving(classify)).review([step], Corrections()).corrections == ()
    with pytest.raises(KeyError):
        Correcting(Corrector(tmp_path / FILE), classify).review([step], Corrections())


def hand(scene: Scene, seed: int, disturbances: Disturbances) -> SimulatedRobot:
    return SimulatedRobot(SIMULATOR, scene, seed=seed, disturbances=disturbances)
