"""What the skills do in physics."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Disturbances, Job
from fail2progress.simulation.mujoco import hand
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall

Build = Callable[..., Scene]
CUP, CAPSULE, CUBE = (0.09, 0.09, 0.07), (0.03, 0.03, 0.03), (0.04, 0.04, 0.04)
RELEASE = 0.012


@settings(max_examples=12)
@given(st.floats(-0.15, 0.15), st.floats(-0.3, 0.3), st.floats(-3, 3), st.sampled_from(["cuboid", "cup", "capsule"]))
def test_pick_place_moves_an_object_by_its_parameters(
    simulator: MujocoSimulator, on_table: Build, dx: float, dy: float, dyaw: float, kind: str
) -> None:
    scene = on_table(("it", kind, CUBE, 0.6, 0.0, 0.0, 0.0), ("other", "cuboid", CUBE, 0.85, 0.4, 0.0, 0.0))
    outcome = simulator.execute(Job(scene, SkillCall("pick_place", "it", (dx, dy, RELEASE, dyaw))))
    assert outcome.stable
    np.testing.assert_allclose(outcome.displacements[1], [dx, dy, 0], atol=0.01)
    np.testing.assert_allclose(outcome.displacements[[0, 2]], 0, atol=1e-3)
    w, _, _, z = outcome.after.scene.poses[1, 3:]
    assert abs((2 * np.arctan2(z, w) - dyaw + np.pi) % (2 * np.pi) - np.pi) < 0.05
    assert outcome.after.relations.value("contact", "it", "table")


@pytest.mark.parametrize("seed", range(3))
def test_contents_travel_with_a_container(simulator: MujocoSimulator, on_table: Build, seed: int) -> None:
    scene = on_table(
        ("cup", "cup", CUP, 0.6, 0.2, 0.0, 0.0),
        ("a", "capsule", CAPSULE, 0.58, 0.2, 0.005, 0.0),
        ("b", "capsule", CAPSULE, 0.62, 0.2, 0.005, 0.0),
        ("beside", "capsule", CAPSULE, 0.7, 0.2, 0.0, 0.0),
    )
    dx, dy = np.random.default_rng(seed).uniform([-0.15, -0.5], [0.0, -0.2])
    outcome = simulator.execute(Job(scene, SkillCall("pick_place", "cup", (dx, dy, RELEASE, 0.0))))
    for name in ("a", "b"):
        assert outcome.before.relations.value("inside", name, "cup")
        assert outcome.after.relations.value("inside", name, "cup")
        assert not outcome.after.relations.value("contact", name, "table")
        error = outcome.displacements[scene.index(name)] - (dx, dy, 0)
        assert np.linalg.norm(error) < 0.02
    np.testing.assert_allclose(outcome.displacements[scene.index("beside")], 0, atol=1e-3)


@pytest.mark.parametrize(("dx", "dy", "dyaw"), [(0.1, -0.5, 0.0), (-0.1, 0.3, 1.0)])
def test_what_flies_free_arrives_where_fine_steps_would_have_brought_it(
    simulator: MujocoSimulator, on_table: Build, dx: float, dy: float, dyaw: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = on_table(("it", "cuboid", CUBE, 0.6, 0.1, 0.0, 0.0))
    work = Job(scene, SkillCall("pick_place", "it", (dx, dy, RELEASE, dyaw)))
    coarse = simulator.execute(work)
    monkeypatch.setattr(hand, "_ARRIVING", 10**6)
    fine = simulator.execute(work)
    np.testing.assert_allclose(coarse.after.scene.poses, fine.after.scene.poses, atol=1e-3)


@pytest.mark.parametrize("trouble", [Disturbances(), Disturbances(friction=0.2), Disturbances(grasp_slip=1.0)])
def test_a_way_of_several_pieces_ends_as_if_each_were_followed_by_itself(
    simulator: MujocoSimulator, on_table: Build, trouble: Disturbances, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = on_table(("cup", "cup", CUP, 0.6, 0.2, 0.0, 0.0), ("a", "capsule", CAPSULE, 0.6, 0.2, 0.005, 0.0))
    work = Job(scene, SkillCall("pick_place", "cup", (-0.1, -0.3, RELEASE, 0.4)), seed=5, disturbances=trouble)
    whole, follow = simulator.execute(work), hand.Running.follow

    def piecewise(self: hand.Running, positions: Array, quaternion: Array, turns: Array, arrivals: Sequence[int]) -> None:
        for begin, end in itertools.pairwise((0, *arrivals)):
            follow(self, positions[begin:end], quaternion, turns[begin:end])

    monkeypatch.setattr(hand.Running, "follow", piecewise)
    by_pieces = simulator.execute(work)
    np.testing.assert_array_equal(whole.after.scene.poses, by_pieces.after.scene.poses)
    assert np.linalg.norm(whole.displacements[1]) > 0.02


@pytest.mark.parametrize(("off", "expected"), [(0.0, True), (0.015, True), (0.06, False)])
def test_a_capsule_let_go_over_a_cup_ends_in_it_only_near_its_centre(
    simulator: MujocoSimulator, on_table: Build, off: float, expected: bool
) -> None:
    scene = on_table(("cup", "cup", CUP, 0.7, 0.0, 0.0, 0.0), ("pill", "capsule", CAPSULE, 0.6, -0.2, 0.0, 0.0))
    outcome = simulator.execute(Job(scene, SkillCall("pick_place", "pill", (0.1 + off, 0.2, CUP[2] + RELEASE, 0.0))))
    assert outcome.after.relations.value("inside", "pill", "cup") == expected


@settings(max_examples=8)
@given(st.sampled_from([0.0, np.pi / 2, -np.pi / 2, np.pi, 0.7]), st.floats(0.03, 0.2))
def test_a_push_moves_an_object_along_its_direction(
    simulator: MujocoSimulator, on_table: Build, direction: float, distance: float
) -> None:
    scene = on_table(("it", "cuboid", (0.06, 0.06, 0.05), 0.6, 0.0, 0.0, direction))
    moved = simulator.execute(Job(scene, SkillCall("push", "it", (min(direction, np.pi), distance)))).displacements[1]
    forward = np.array([np.cos(direction), np.sin(direction), 0])
    assert distance - 0.01 < moved @ forward < distance + 0.01
    assert np.linalg.norm(moved - (moved @ forward) * forward) < 0.005 + 0.06 * distance, "nothing keeps it on a straight line"


@pytest.mark.parametrize("distance", [0.05, 0.15])
def test_a_push_moves_two_objects_in_contact(simulator: MujocoSimulator, on_table: Build, distance: float) -> None:
    scene = on_table(("near", "cuboid", CUBE, 0.5, 0.0, 0.0, 0.0), ("far", "cuboid", CUBE, 0.5399, 0.0, 0.0, 0.0))
    outcome = simulator.execute(Job(scene, SkillCall("push", "near", (0.0, distance))))
    assert outcome.before.relations.value("contact", "near", "far")
    np.testing.assert_allclose(outcome.displacements[1:], [[distance, 0, 0]] * 2, atol=0.012)


@pytest.mark.parametrize("yaw", [0.0, 0.4])
def test_drawers_open_and_close_with_what_is_in_them(
    simulator: MujocoSimulator, cupboard: Callable[[float], Scene], yaw: float
) -> None:
    out = yaw - np.pi
    opened = simulator.execute(Job(cupboard(yaw), SkillCall("open_drawer", "drawer", (out, 0.15))))
    towards = 0.15 * np.array([np.cos(out), np.sin(out), 0])
    np.testing.assert_allclose(opened.displacements, [np.zeros(3), towards, towards], atol=0.005)
    assert opened.after.scene.openings["drawer"] == pytest.approx(0.15, abs=0.003)
    assert not opened.before.relations.value("open", "drawer") and opened.after.relations.value("open", "drawer")
    assert opened.after.relations.value("inside", "cube", "drawer")
    closed = simulator.execute(Job(opened.after.scene, SkillCall("close_drawer", "drawer", (yaw, 0.15))))
    np.testing.assert_allclose(closed.displacements, [np.zeros(3), -towards, -towards], atol=0.005)
    assert not closed.after.relations.value("open", "drawer")


def test_a_drawer_moves_by_the_part_of_a_pull_along_its_rails(
    simulator: MujocoSimulator, cupboard: Callable[[float], Scene]
) -> None:
    pulled = simulator.execute(Job(cupboard(0.0), SkillCall("open_drawer", "drawer", (np.pi - np.pi / 3, 0.2))))
    assert pulled.after.scene.openings["drawer"] == pytest.approx(0.1, abs=0.005)
    across = simulator.execute(Job(cupboard(0.0), SkillCall("open_drawer", "drawer", (np.pi / 2, 0.2))))
    assert across.after.scene.openings["drawer"] == pytest.approx(0.0, abs=0.002)


def test_a_plate_on_its_edge_passes_over_what_stands_in_its_way(simulator: MujocoSimulator, on_table: Build) -> None:
    plate, wall = ("plate", "cuboid", (0.2, 0.2, 0.04)), ("wall", "cuboid", (0.3, 0.04, 0.2))
    scene = on_table((*plate, 0.6, -0.25, 0.0, 0.0), (*wall, 0.6, 0.0, 0.0, 0.0))
    poses = scene.poses.copy()
    poses[1] = [0.6, -0.25, 0.6, np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0]
    outcome = simulator.execute(Job(scene.with_poses(poses), SkillCall("pick_place", "plate", (0.0, 0.5, 0.005, 0.0))))
    assert outcome.displacements[1, 1] == pytest.approx(0.5, abs=0.01) and np.abs(outcome.displacements[2]).max() < 1e-3


@pytest.mark.parametrize(
    ("things", "call", "stays"),
    [
        (
            [("cube", "cuboid", CUBE, 0.6, 0.0, 0.015, 0.0), ("shelf", "shelf", (0.3, 0.4, 0.3), 0.65, 0.0, 0.0, 0.0)],
            (0.0, 0.4, 0.0),
            0.05,
        ),
        ([("cube", "cuboid", CUBE, 0.6, 0.0, 0.0, 0.0)], (0.1, 0.1, -0.3), 0.3),
        ([("cube", "cuboid", CUBE, 0.6, 0.0, 0.0, 0.0)], (0.1, 0.1, -0.1), 0.3),
    ],
)
def test_what_is_held_is_not_drawn_through_what_is_solid(
    simulator: MujocoSimulator, on_table: Build, things: list[tuple], call: tuple[float, float, float], stays: float
) -> None:
    """Neither out of a shelf through its roof nor down through a table: it is left where it cannot go on."""
    after = simulator.execute(Job(on_table(*things), SkillCall("pick_place", "cube", (*call, 0.0)))).after.scene
    assert after.position("cube")[2] > 0.5 and np.abs(after.position("cube")[:2] - (0.6, 0.0)).max() < stays


def test_a_missed_grasp_leaves_everything(simulator: MujocoSimulator, on_table: Build) -> None:
    scene = on_table(("cup", "cup", CUP, 0.6, 0.2, 0.0, 0.0), ("a", "capsule", CAPSULE, 0.6, 0.2, 0.005, 0.0))
    call = SkillCall("pick_place", "cup", (0.0, -0.4, RELEASE, 0.0))
    outcome = simulator.execute(Job(scene, call, disturbances=Disturbances(grasp_miss=1.0)))
    np.testing.assert_allclose(outcome.displacements, 0, atol=1e-3)


def test_a_slip_drops_the_object_somewhere_on_the_way(simulator: MujocoSimulator, on_table: Build) -> None:
    scene = on_table(("it", "cup", CUP, 0.6, 0.3, 0.0, 0.0))
    call = SkillCall("pick_place", "it", (0.0, -0.5, RELEASE, 0.0))
    slip = Disturbances(grasp_slip=1.0)
    moved = np.array([simulator.execute(Job(scene, call, seed=s, disturbances=slip)).displacements[1] for s in range(6)])
    # Dropped from a few centimetres in full motion, it flies and slides a little further.
    assert (moved[:, 1] < 0.001).all() and (moved[:, 1] > -0.56).all() and (np.abs(moved[:, 0]) < 0.03).all()
    assert np.ptp(moved[:, 1]) > 0.1
    assert (moved[:, 1] > -0.49).sum() >= 3


def test_disturbances_happen_as_often_as_stated(simulator: MujocoSimulator, on_table: Build) -> None:
    scene = on_table(("it", "cuboid", CUBE, 0.6, 0.0, 0.0, 0.0))
    call, some = SkillCall("pick_place", "it", (0.0, 0.1, RELEASE, 0.0)), Disturbances(grasp_miss=0.5)
    jobs = [Job(scene, call, seed=seed, disturbances=some) for seed in range(30)]
    missed = sum(outcome.displacements[1, 1] < 0.05 for outcome in simulator.execute_all(jobs))
    assert 6 <= missed <= 24
