"""The simulated Stretch carries skills out with its own joints."""

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.stretch.camera import D435I
from fail2progress.simulation.base import Disturbances, OrdinaryPhysicsError
from fail2progress.simulation.mujoco.stage import MujocoStage
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import task
from support.loaded_tables import CAPSULE, CUBE, carry, on_table, stretch


def test_a_missed_grasp_leaves_everything_and_a_slip_drops_it_on_the_way() -> None:
    missed = stretch(disturbances=Disturbances(grasp_miss=1.0))
    missed.execute(carry())
    np.testing.assert_allclose(missed.outcomes[-1].displacements, 0, atol=1e-3)
    landed = []
    for seed in range(4):
        slipped = stretch(disturbances=Disturbances(grasp_slip=1.0), seed=seed)
        slipped.execute(carry())
        landed.append(slipped.outcomes[-1].displacements[1, 1])
    assert all(-0.41 < y < 0.01 for y in landed) and np.ptp(landed) > 0.05 and max(landed) > -0.39


def test_a_slip_comes_in_any_phase_of_a_carry_for_which_the_base_must_turn() -> None:
    specs = ObjectSpec("table", "table", (0.9, 1.2, 0.04)), ObjectSpec("it", "cuboid", (0.05, 0.05, 0.05))
    scene = Scene(specs, np.stack([pose(0.9, 0.0, 0.48), pose(0.48, -0.2, 0.525)]))
    landed = []
    for seed in (0, 4):  # after 0.8 and 0.15 of the way
        slipped = stretch(scene, disturbances=Disturbances(grasp_slip=1.0), seed=seed)
        slipped.execute(SkillCall("pick_place", "it", (0.58, 0.0, 0.02, 0.0)))
        landed.append(slipped.outcomes[-1].displacements[1, 0])
    assert landed[0] > 0.1 and -0.3 < landed[1] < 0.0, "beyond where the arm was drawn in, and while it was"


def test_another_friction_a_knock_and_what_it_cannot_have() -> None:
    cube, call = on_table(("it", "cuboid", CUBE, 0.6, 0.0, 0.0)), SkillCall("push", "it", (np.pi / 2, 0.1))
    plain, slippery, knocked = (
        stretch(cube, disturbances=Disturbances(**wrong)) for wrong in ({}, {"surface": 0.1}, {"bump": 1.0})
    )
    for robot in (plain, slippery, knocked):
        robot.execute(call)
    assert isinstance(plain._stage, MujocoStage) and isinstance(slippery._stage, MujocoStage)
    both = [robot._stage.bodies.model.geom_friction[1, 0] for robot in (slippery, plain)]
    assert both[0] == pytest.approx(0.1 * both[1])
    np.testing.assert_allclose(plain.outcomes[-1].displacements[1], [0.0, 0.1, 0.0], atol=0.01)
    assert np.linalg.norm(knocked.outcomes[-1].displacements[1] - [0.0, 0.1, 0.0]) > 0.05
    for wrong in ({"centre": 0.5}, {"bounce": 0.3}):
        with pytest.raises(
            OrdinaryPhysicsError, match=f"{next(iter(wrong))} = 0.[35]: the simulated Stretch has the ordinary one"
        ):
            stretch(cube, disturbances=Disturbances(**wrong))


@pytest.mark.parametrize("direction", [0.0, np.pi / 2, -np.pi / 2, np.pi])
def test_a_push_moves_an_object_along_its_direction(direction: float) -> None:
    robot = stretch(on_table(("it", "cuboid", (0.06, 0.06, 0.05), 0.6, 0.0, 0.0)))
    robot.execute(SkillCall("push", "it", (direction, 0.12)))
    forward = np.array([np.cos(direction), np.sin(direction), 0])
    np.testing.assert_allclose(robot.outcomes[-1].displacements[1], 0.12 * forward, atol=0.01)


def test_a_push_moves_two_objects_in_contact() -> None:
    robot = stretch(on_table(("near", "cuboid", CUBE, 0.5, 0.0, 0.0), ("far", "cuboid", CUBE, 0.5399, 0.0, 0.0)))
    robot.execute(SkillCall("push", "near", (0.0, 0.1)))
    np.testing.assert_allclose(robot.outcomes[-1].displacements[1:], [[0.1, 0, 0]] * 2, atol=0.012)


@pytest.mark.parametrize("yaw", [0.0, 0.4])
def test_drawers_open_and_close_with_what_is_in_them(yaw: float) -> None:
    specs = (
        ObjectSpec("cabinet", "cabinet", (0.35, 0.40, 0.25)), ObjectSpec("drawer", "drawer", (0.31, 0.36, 0.10), "cabinet"),
        ObjectSpec("cube", "cuboid", CUBE),
    )  # fmt: skip
    robot = stretch(Scene(specs, np.stack([pose(0.9, 0.0, z, yaw) for z in (0.6, 0.54, 0.516)]), {"drawer": 0.0}))
    robot.execute(SkillCall("open_drawer", "drawer", (yaw - np.pi, 0.15)))
    assert robot.scene.openings["drawer"] == pytest.approx(0.15, abs=0.003) and robot.truth.value("inside", "cube", "drawer")
    robot.execute(SkillCall("open_drawer", "drawer", (yaw - np.pi, 0.3)))
    assert robot.scene.openings["drawer"] == pytest.approx(0.248, abs=0.003)
    robot.execute(SkillCall("close_drawer", "drawer", (yaw, 0.3)))
    assert robot.scene.openings["drawer"] == pytest.approx(0.0, abs=0.003) and not robot.truth.value("open", "drawer")


def test_out_of_the_arm_s_reach_the_base_turns_and_drives() -> None:
    specs = (ObjectSpec("table", "table", (0.6, 0.9, 0.04)), ObjectSpec("it", "cuboid", CUBE))
    robot, turned = stretch(Scene(specs, np.stack([pose(1.2, 0, 0.48), pose(1.1, 0.1, 0.52)]))), []

    def watch(share: float, phase: str) -> None:
        base = next(at for _, child, at in robot.transforms() if child == "base_link")
        turned.append(2 * abs(np.arctan2(base[6], base[3])))

    robot.progress = watch
    robot.execute(SkillCall("pick_place", "it", (0.15, -0.2, 0.012, 0.5)))
    np.testing.assert_allclose(robot.outcomes[-1].displacements[1], [0.15, -0.2, 0], atol=0.01)
    assert max(turned) > 0.5


def test_what_lies_on_the_floor_is_picked_up() -> None:
    specs = (ObjectSpec("table", "table", (0.4, 0.4, 0.04)), ObjectSpec("it", "capsule", CAPSULE))
    robot = stretch(Scene(specs, np.stack([pose(0.7, 0.4, 0.48), pose(0.6, -0.2, 0.015)])))
    robot.execute(SkillCall("pick_place", "it", (0.05, 0.6, 0.512, 0.0)))
    assert robot.truth.value("above", "it", "table")


def test_the_camera_it_is_sold_with_needs_three_looks_and_sees_as_much() -> None:
    scene = task("hierarchical-tabletop").trial(3, 0).scene
    sold, wide = stretch(scene, D435I), stretch(scene)
    assert len(sold.looks) == 3 and sold.observe().names == wide.observe().names
    for name in scene.names[2:]:
        rows = sold.observe().points[sold.observe().index(name)], wide.observe().points[wide.observe().index(name)]
        np.testing.assert_allclose(rows[0].mean(axis=0), rows[1].mean(axis=0), atol=0.02)


def test_progress_names_the_phases_in_order() -> None:
    robot = stretch()
    phases: list[str] = []
    robot.progress = lambda share, phase: phases.append(phase)
    robot.execute(carry(-0.1))
    expected = ["drive", "reach", "lower", "grasp", "raise", "carry", "place", "release", "home", "settle"]
    assert list(dict.fromkeys(phases)) == expected
