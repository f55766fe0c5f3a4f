import numpy as np
import pytest

from fail2progress.core.observation import SECOND
from fail2progress.robots.base import RefusedError
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.simulation.base import Disturbances
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import task

SIMULATOR = MujocoSimulator()
LIFT = SkillCall("pick_place", "cup_1", (0.0, 0.0, 0.05, 0.0))


def robot(seed: int = 0, disturbances: Disturbances | None = None) -> SimulatedRobot:
    scene = task("hierarchical-tabletop").trial(3, seed).scene
    return SimulatedRobot(SIMULATOR, scene, seed=seed, disturbances=disturbances or Disturbances())


def to_the_other_table(of: SimulatedRobot) -> SkillCall:
    dx, dy, _ = of.scene.position("table_b") - of.scene.position("cup_1")
    dz = of.scene.bounds()[of.scene.index("table_b"), 1, 2] - of.scene.bounds()[of.scene.index("cup_1"), 0, 2]
    return SkillCall("pick_place", "cup_1", (float(dx), float(dy), float(dz) + 0.012, 0.0), "table_b")


def test_it_sees_the_scene_that_it_starts_in() -> None:
    stretch = robot()
    cloud = stretch.observe()
    assert cloud.names == stretch.scene.names and cloud.stamp == 0
    assert cloud.categories == tuple(spec.category for spec in stretch.scene.objects)
    assert stretch.truth.value("above", "cup_1", "table_a") and stretch.outcomes == []


def test_looking_changes_nothing() -> None:
    stretch = robot()
    assert np.array_equal(stretch.observe().points, stretch.observe().points, equal_nan=True)


def test_skills_change_what_is_true_and_seen() -> None:
    stretch = robot()
    before = stretch.observe()
    stretch.execute(to_the_other_table(stretch))
    after = stretch.observe()
    assert stretch.truth.value("above", "cup_1", "table_b") and not stretch.truth.value("above", "cup_1", "table_a")
    assert after.stamp == SECOND and len(stretch.outcomes) == 1
    row = after.index("cup_1")
    shift = after.points[row].mean(axis=0) - before.points[row].mean(axis=0)
    np.testing.assert_allclose(shift[:2], stretch.outcomes[0].displacements[row, :2], atol=0.02)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (SkillCall("pick_place", "table_a", (0, 0, 0, 0)), "table_a cannot be moved"),
        (SkillCall("pick_place", "cup_1", (2, 0, 0, 0)), "out of reach"),
        (SkillCall("open_drawer", "cup_1", (0, 0.1)), "cup_1 is not a drawer"),
        (SkillCall("push", "fork", (0, 0.1)), "fork has not been seen .unknown object 'fork'; the scene has: table_a"),
    ],
)
def test_what_it_cannot_do_is_refused_and_leaves_the_scene(call: SkillCall, reason: str) -> None:
    stretch = robot()
    poses = stretch.scene.poses.copy()
    with pytest.raises(RefusedError, match=reason):
        stretch.execute(call)
    assert stretch.outcomes == [] and np.array_equal(stretch.scene.poses, poses)


def test_the_same_seed_gives_the_same_episode() -> None:
    some = Disturbances(grasp_miss=0.3, grasp_slip=0.3)
    one, other = robot(2, some), robot(2, some)
    for stretch in (one, other):
        for _ in range(3):
            stretch.execute(LIFT)
    assert np.array_equal(one.scene.poses, other.scene.poses)
    assert np.array_equal(one.observe().points, other.observe().points, equal_nan=True)


def test_every_execution_draws_its_own_disturbance() -> None:
    stretch = robot(0, Disturbances(grasp_miss=0.5))
    moved = []
    for sign in (1, -1) * 6:
        stretch.execute(SkillCall("pick_place", "capsule_1", (0.0, 0.0, 0.05, 0.3 * sign)))
        turned = np.abs(stretch.outcomes[-1].after.scene.poses - stretch.outcomes[-1].before.scene.poses).max()
        moved.append(turned > 0.05)
    assert 1 <= sum(moved) <= 11
