"""MuJoCo Warp against MuJoCo. Without a GPU its kernels are compiled for the CPU first, in minutes; then they are kept."""

from collections.abc import Callable

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.registry import SIMULATORS, make
from fail2progress.skills.base import SkillCall
from support.leaning import TALL, leaning

Build = Callable[..., Scene]
CUP, CAPSULE, CUBE = (0.09, 0.09, 0.07), (0.03, 0.03, 0.03), (0.04, 0.04, 0.04)

needs_warp = pytest.mark.skipif(
    SIMULATORS.get("mujoco_warp").unavailable() is not None, reason="the package mujoco_warp is not installed"
)


@pytest.fixture(scope="module")
def jobs(on_table: Build) -> list[Job]:
    """Different objects, numbers of them and skills, in one batch."""
    loaded = on_table(("cup", "cup", CUP, 0.6, 0.2, 0.0, 0.0), ("pill", "capsule", CAPSULE, 0.59, 0.2, 0.005, 0.0))
    alone = on_table(("it", "cuboid", (0.05, 0.03, 0.06), 0.6, 0.0, 0.0, 0.5))
    return [
        Job(loaded, SkillCall("pick_place", "cup", (-0.1, -0.4, 0.012, 1.0)), seed=1),
        Job(alone, SkillCall("pick_place", "it", (0.05, 0.25, 0.012, 0.0)), seed=2),
        Job(alone, SkillCall("push", "it", (0.5, 0.1)), seed=3),
        # Down through the table: what is held is left on it.
        Job(alone, SkillCall("pick_place", "it", (0.1, 0.1, -0.3, 0.0)), seed=4),
    ]


@pytest.fixture(scope="module")
def outcomes(jobs: list[Job]) -> list[Outcome]:
    with make("mujoco_warp") as simulator:
        return list(simulator.execute_all(jobs))


@needs_warp
@pytest.mark.slow
def test_outcomes_are_those_of_mujoco(jobs: list[Job], outcomes: list[Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        expected = MujocoSimulator().execute(job)
        assert outcome.call == job.call and outcome.stable
        np.testing.assert_allclose(outcome.after.scene.poses[:, :3], expected.after.scene.poses[:, :3], atol=0.01)
        assert np.array_equal(outcome.after.relations.binary, expected.after.relations.binary)
        off = np.abs(outcome.after.cloud.bounds() - expected.after.cloud.bounds())
        assert off[1:].max() < 0.01 and off[0].max() < 0.05  # 128 points lie far apart on a table


@needs_warp
@pytest.mark.slow
def test_the_same_jobs_give_the_same_outcomes(jobs: list[Job], outcomes: list[Outcome]) -> None:
    with make("mujoco_warp") as simulator:
        again = list(simulator.execute_all(jobs))
    for one, other in zip(outcomes, again, strict=True):
        np.testing.assert_allclose(one.after.scene.poses, other.after.scene.poses, atol=1e-6)
        assert np.array_equal(one.after.cloud.points, other.after.cloud.points, equal_nan=True)


@needs_warp
@pytest.mark.slow
def test_worlds_take_turns(jobs: list[Job], outcomes: list[Outcome]) -> None:
    """With two worlds for four jobs the one that is done first takes the next job; outcomes come in the order of the jobs."""
    from fail2progress.simulation.mujoco_warp.backend import MujocoWarpSimulator

    with MujocoWarpSimulator(2) as simulator:
        turns = list(simulator.execute_all(jobs))
        settled = simulator.settle(jobs[0].scene, jobs[0].camera)
    for job, one, other in zip(jobs, turns, outcomes, strict=True):
        assert one.call == job.call
        np.testing.assert_allclose(one.after.scene.poses[:, :3], other.after.scene.poses[:, :3], atol=1e-3)
    np.testing.assert_allclose(settled.scene.poses[:, :3], outcomes[0].before.scene.poses[:, :3], atol=2e-3)


@needs_warp
@pytest.mark.slow
def test_what_still_falls_or_has_fallen_over_is_not_stable(on_table: Build) -> None:
    steady = on_table(("tall", "cuboid", TALL, 0.6, 0.0, 0.0, 0.0))
    leans = (0.0, 0.03, 0.155, 0.3)
    work = [Job(leaning(steady, lean), SkillCall("push", "tall", (np.pi / 2, 0.0))) for lean in leans]
    with make("mujoco_warp") as simulator:
        assert [outcome.stable for outcome in simulator.execute_all(work)] == [True, True, False, False]


@needs_warp
@pytest.mark.slow
def test_a_scene_alone_comes_to_rest_as_the_first_thing_asked_and_a_bar_askew_is_seen_whole(on_table: Build) -> None:
    scene = on_table(("it", "cuboid", (0.2, 0.03, 0.03), 0.6, 0.0, 0.0, 0.5))
    with make("mujoco_warp") as simulator:
        settled = simulator.settle(scene, Camera())
    np.testing.assert_allclose(settled.scene.poses[:, :3], scene.poses[:, :3], atol=2e-3)
    assert settled.cloud.visibility[1] > 0.9


@needs_warp
def test_impossible_jobs_are_refused_before_anything_is_simulated(on_table: Build) -> None:
    scene = on_table(("it", "cuboid", CUBE, 0.6, 0.0, 0.0, 0.0))
    with make("mujoco_warp") as simulator, pytest.raises(ValueError, match=r"open_drawer: it is not a drawer"):
        simulator.execute(Job(scene, SkillCall("open_drawer", "it", (0.0, 0.1))))
