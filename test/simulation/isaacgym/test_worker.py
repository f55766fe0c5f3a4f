"""The worker's logic, end to end over the stand-in. It has not run on Isaac Gym."""

import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Scene
from fail2progress.evaluation import conformance
from fail2progress.simulation.base import Job, Simulator
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.registry import SIMULATORS
from fail2progress.simulation.track import record
from fail2progress.simulation.wire.records import job_record
from fail2progress.simulation.worker.client import WorkerSimulator
from fail2progress.skills.base import SkillCall
from support.leaning import TALL, leaning

STANDIN = Path(__file__).resolve().parents[2] / "support" / "isaacgym_standin"
Build = Callable[..., Scene]
CUP, CAPSULE, CUBE = (0.09, 0.09, 0.07), (0.03, 0.03, 0.03), (0.04, 0.04, 0.04)


def test_without_isaac_gym_the_reason_is_given() -> None:
    reason = SIMULATORS.get("isaacgym").unavailable()
    assert reason is not None and ("Isaac Gym (with numpy) is not installed for python3.8" in reason or "no python3.8" in reason)


def test_things_come_to_rest_where_they_stand(isaacgym: Simulator, on_table: Build) -> None:
    scene = on_table(("cup", "cup", CUP, 0.6, 0.2, 0.0, 0.4), ("pill", "capsule", CAPSULE, 0.6, 0.2, 0.005, 0.0))
    seen = isaacgym.settle(scene, Camera())
    np.testing.assert_allclose(seen.scene.poses[:, :3], scene.poses[:, :3], atol=2e-3)
    for pair in (("cup", "table"), ("pill", "cup")):
        assert seen.relations.value("contact", *pair)
    assert seen.relations.value("inside", "pill", "cup") and not seen.relations.value("contact", "pill", "table")
    assert seen.cloud.seen.all()


def test_contents_travel_with_a_turned_container(isaacgym: Simulator, on_table: Build) -> None:
    scene = on_table(("cup", "cup", CUP, 0.6, 0.2, 0.0, 0.0), ("pill", "capsule", CAPSULE, 0.58, 0.2, 0.005, 0.0))
    outcome = isaacgym.execute(Job(scene, SkillCall("pick_place", "cup", (-0.1, -0.4, 0.012, 1.0))))
    assert outcome.stable and outcome.after.relations.value("inside", "pill", "cup")
    np.testing.assert_allclose(outcome.displacements[1], [-0.1, -0.4, 0.0], atol=0.005)
    w, _, _, z = outcome.after.scene.poses[1, 3:]
    assert 2 * np.arctan2(z, w) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(
    ("others", "shift"),
    [([("shelf", "shelf", (0.3, 0.4, 0.3), 0.65, 0.0, 0.0, 0.0)], (0.0, 0.4, 0.0)), ([], (0.1, 0.1, -0.3))],
)
def test_what_is_held_is_not_drawn_through_what_is_solid(
    isaacgym: Simulator, on_table: Build, others: list[tuple], shift: tuple[float, float, float]
) -> None:
    scene = on_table(("cube", "cuboid", CUBE, 0.6, 0.0, 0.015 if others else 0.0, 0.0), *others)
    after = isaacgym.execute(Job(scene, SkillCall("pick_place", "cube", (*shift, 0.0)))).after.scene
    assert after.position("cube")[2] > 0.5 and np.abs(after.position("cube")[:2] - (0.6, 0.0)).max() < 0.3


def test_a_push_moves_two_objects_in_contact(isaacgym: Simulator, on_table: Build) -> None:
    scene = on_table(("near", "cuboid", CUBE, 0.5, 0.0, 0.0, 0.0), ("far", "cuboid", CUBE, 0.5399, 0.0, 0.0, 0.0))
    outcome = isaacgym.execute(Job(scene, SkillCall("push", "near", (0.0, 0.1))))
    np.testing.assert_allclose(outcome.displacements[1:], [[0.1, 0, 0]] * 2, atol=0.012)


def test_drawers_open_and_close_with_what_is_in_them(isaacgym: Simulator, cupboard: Callable[[float], Scene]) -> None:
    opened = isaacgym.execute(Job(cupboard(0.4), SkillCall("open_drawer", "drawer", (0.4 - np.pi, 0.15))))
    assert opened.after.scene.openings["drawer"] == pytest.approx(0.15, abs=0.006)
    assert opened.after.relations.value("inside", "cube", "drawer") and opened.after.relations.value("open", "drawer")
    closed = isaacgym.execute(Job(opened.after.scene, SkillCall("close_drawer", "drawer", (0.4, 0.15))))
    assert not closed.after.relations.value("open", "drawer")


def test_a_killed_worker_s_jobs_are_done_again(isaacgym: Simulator, on_table: Build) -> None:
    assert isinstance(isaacgym, WorkerSimulator)
    scene = on_table(("it", "cuboid", CUBE, 0.6, 0.0, 0.0, 0.0))
    jobs = [Job(scene, SkillCall("push", "it", (0.25 * i, 0.05)), seed=i) for i in range(12)]
    outcomes = isaacgym.execute_all(jobs)
    next(outcomes)
    for pid in isaacgym.processes():
        os.kill(pid, signal.SIGKILL)
    assert [outcome.call for outcome in outcomes] == [job.call for job in jobs[1:]]


def test_what_still_falls_or_has_fallen_over_is_not_stable(isaacgym: Simulator, on_table: Build) -> None:
    steady = on_table(("tall", "cuboid", TALL, 0.6, 0.0, 0.0, 0.0))
    for lean in (0.0, 0.155, 0.3):
        outcome = isaacgym.execute(Job(leaning(steady, lean), SkillCall("push", "tall", (0.0, 0.0))))
        assert outcome.stable == (lean == 0.0)


@pytest.mark.parametrize(("said", "rubs"), [(0.5, 0.9), (1.5, 1.5)])
def test_the_closed_hand_rubs_on_things_as_much_as_in_mujoco(
    on_table: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: float, rubs: float
) -> None:
    monkeypatch.syspath_prepend(str(STANDIN))
    scenes, gymapi = (importlib.import_module(name) for name in ("fail2progress.simulation.isaacgym.scenes", "isaacgym.gymapi"))
    work = Job(on_table(("it", "cuboid", CUBE, 0.6, 0.0, 0.0, 0.0)), SkillCall("push", "it", (0.0, 0.1)))
    asked = job_record(work, record(work))
    asked.header["track"]["bar"]["friction"] = said
    gym = gymapi.acquire_gym()
    env = scenes.EnvScene(gym, scenes.simulation(gym, -1), 0, asked, str(tmp_path))
    hand, thing = (gym.get_actor_rigid_shape_properties(env.env, actor)[0].friction for actor in (env.bar, env.actors[1]))
    assert (hand + thing) / 2 == pytest.approx(rubs), "PhysX takes the mean of two"


@pytest.mark.slow
def test_it_conforms(isaacgym: Simulator) -> None:
    verdict = conformance.check(isaacgym, list(conformance.cases(MujocoSimulator(), 40)))
    assert {found.name: found.value for found in verdict.findings if not found.passed} == {}
