import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.agent.loop import AgentConfig, Episode
from fail2progress.core.scene import Scene
from fail2progress.evaluation.trials import judge, run_trial
from fail2progress.models.base import SkillEffectModel
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.base import Trial
from fail2progress.tasks.registry import task

Make = Callable[..., SkillEffectModel]
DIGEST = "d" * 64
NOTHING = Episode("done", (), ())


def trial(seed: int = 0) -> Trial:
    return task("hierarchical-tabletop").trial(3, seed)


def put(scene: Scene, name: str, place: np.ndarray, above: float, target: str) -> SkillCall:
    """Name to (x, y), its foot at a height (m)."""
    row = scene.index(name)
    rise = above + 0.012 - scene.bounds()[row, 0, 2]
    offset = place - scene.poses[row, :2]
    return SkillCall("pick_place", name, (float(offset[0]), float(offset[1]), float(rise), 0.0), target)


def onto(scene: Scene, name: str, table: str, aside: float = 0.0) -> SkillCall:
    box = scene.bounds()[scene.index(table)]
    return put(scene, name, box.mean(axis=0)[:2] + np.array([0.0, aside]), float(box[1, 2]), table)


def into(scene: Scene, name: str, cup: str) -> SkillCall:
    box = scene.bounds()[scene.index(cup)]
    return put(scene, name, box.mean(axis=0)[:2], float(box[1, 2]), cup)


@pytest.fixture
def robot() -> SimulatedRobot:
    return SimulatedRobot(MujocoSimulator(), trial().scene)


def test_who_knows_succeeds_and_predicts_what_travels_along(oracle: Make) -> None:
    result, events, episode, robot = run_trial(oracle(), DIGEST, trial(), AgentConfig(replan=True))
    assert result.success and result.outcome == "done" and result.failed_step == "" and events == []
    assert trial().goal.satisfied(robot.truth)
    assert (result.seed, result.objects, result.skills) == (0, 3, len(episode.taken)) and result.plans == len(episode.plans)
    assert result.plan_probability == episode.plans[0].probability > 0.9
    assert result.detected == (0, 0, 0, result.skills)
    assert result.along_error < 0.03 and result.bystander_error < 0.005
    true, false, missed = result.pairs
    assert true > 15 and false <= 2 and missed < 2 * true  # the oracle does not know contacts


def test_who_believes_that_contents_stay_is_found_out(oracle: Make) -> None:
    result, events, episode, _ = run_trial(oracle(carries=False), DIGEST, trial(), AgentConfig(stop_at_failure=True))
    assert result.outcome == "failure" and result.detected == (1, 0, 0, result.skills - 1)
    assert [event.id for event in events] == [event.id for event in episode.failures] and len(events) == 1
    assert events[0].header.model == DIGEST and events[0].header.seed == 0
    assert result.along_error > 0.3 and result.pairs[1] > 2


def test_the_seed_decides_everything(oracle: Make) -> None:
    one, other = (run_trial(oracle(), DIGEST, trial(4), AgentConfig())[0] for _ in range(2))
    assert one == other
    assert run_trial(oracle(), DIGEST, trial(5), AgentConfig())[0].along_error != one.along_error


def test_a_result_is_written_as_json(oracle: Make) -> None:
    result = run_trial(oracle(), DIGEST, trial(), AgentConfig())[0]
    values = json.loads(json.dumps(result.to_dict()))
    assert values["success"] is True and values["detected"] == list(result.detected)


def test_success_is_the_simulators_not_the_robots(robot: SimulatedRobot) -> None:
    result = judge(trial(), replace(NOTHING, outcome="done"), robot)
    assert result.outcome == "done" and not result.success
    assert (result.skills, result.plans, result.plan_probability, result.pairs) == (
        0,
        0,
        pytest.approx(math.nan, nan_ok=True),
        (0, 0, 0),
    )
    assert math.isnan(result.along_error) and math.isnan(result.bystander_error)


def test_an_intended_relation_that_did_not_come_true_is_the_failed_step(robot: SimulatedRobot) -> None:
    robot.execute(onto(robot.scene, "cup_2", "table_b"))
    assert judge(trial(), NOTHING, robot).failed_step == ""
    miss = into(robot.scene, "capsule_1", "cup_1")
    robot.execute(replace(miss, parameters=(miss.parameters[0] + 0.15, *miss.parameters[1:])))
    assert robot.truth.value("inside", "capsule_1", "cup_1") == 0.0
    assert judge(trial(), NOTHING, robot).failed_step == "put"


def test_a_container_that_does_not_arrive_is_a_failed_carry(robot: SimulatedRobot) -> None:
    short = onto(robot.scene, "cup_1", "table_b")
    robot.execute(replace(short, parameters=(0.0, -0.02, 0.02, 0.0)))
    assert judge(trial(), NOTHING, robot).failed_step == "carry"


def test_contents_taken_out_again_are_lost(robot: SimulatedRobot) -> None:
    robot.execute(into(robot.scene, "capsule_1", "cup_1"))
    assert robot.truth.value("inside", "capsule_1", "cup_1") == 1.0
    assert judge(trial(), NOTHING, robot).failed_step == ""
    robot.execute(onto(robot.scene, "capsule_1", "table_b", aside=0.1))
    assert judge(trial(), NOTHING, robot).failed_step == "lost"
