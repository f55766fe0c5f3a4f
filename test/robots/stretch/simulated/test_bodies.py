"""The Stretch's kinematics as data, and the same in physics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.stretch.body import START
from fail2progress.robots.stretch.camera import D435I, WIDE, HeadCamera
from fail2progress.robots.stretch.description import AXES, BASE, GRASP, JOINTS, LINKS, OPTICAL, finger_angle, frames
from fail2progress.robots.stretch.kinematics import HOME
from fail2progress.robots.stretch.simulated.bodies import Grip, compile_stretch, own
from fail2progress.robots.stretch.simulated.camera import posed
from fail2progress.robots.stretch.simulated.motion import Motion
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.simulation.mujoco.stage import MujocoStage
from fail2progress.simulation.stage import Stage
from fail2progress.skills.phases import Phase
from fail2progress.tasks.registry import task

SCENE = task("hierarchical-tabletop").trial(3, 0).scene
NAMES = list(AXES)


def bodies_of(home: np.ndarray, grip: Grip) -> Bodies:
    stage = compile_stretch(SCENE, home, grip)
    assert isinstance(stage, MujocoStage)
    return stage.bodies


@pytest.fixture(scope="module")
def stage() -> Stage:
    return compile_stretch(SCENE, np.zeros(3))


@pytest.mark.parametrize(
    ("link", "at"),
    [
        ("link_lift", (-0.1044, 0.1350, 0.1950)),
        ("link_arm_l0", (-0.1044, -0.1450, 0.1950)),
        ("link_wrist_yaw", (-0.0214, -0.1450, 0.1642)),
        ("link_gripper_fingertip_left", (0.0037, -0.3404, 0.0319)),
        (GRASP, (-0.0214, -0.3504, 0.0261)),
        (OPTICAL, (0.0454, -0.0029, 1.3222)),
    ],
)
def test_frames_at_zero_are_where_the_urdf_has_them(link: str, at: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(frames({})[link][:3, 3], at, atol=2e-4)


def test_the_arm_reaches_to_the_right_the_lift_lifts_and_the_wrist_turns() -> None:
    zero = frames({})[GRASP]
    out = frames({joint: 0.13 for joint in AXES["arm"].joints} | {"joint_lift": 1.1})[GRASP]
    np.testing.assert_allclose(out[:3, 3] - zero[:3, 3], [0, -0.52, 1.1], atol=1e-6)
    turned = frames({"joint_wrist_yaw": np.pi / 2})
    np.testing.assert_allclose(turned[GRASP][:3, 3] - turned["link_wrist_yaw"][:3, 3], [0.2055, 0, -0.1382], atol=1e-3)


def test_the_camera_looks_forward_lying_on_its_side() -> None:
    optical = frames({})[OPTICAL][:3, :3]
    np.testing.assert_allclose(optical[:, 2], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(optical[:, 0], [0, 0, -1], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=len(AXES), max_size=len(AXES)))
def test_physics_and_data_agree_on_every_link(stage: Stage, shares: list[float]) -> None:
    low, high = (np.array([getattr(axis, end) for axis in AXES.values()]) for end in ("low", "high"))
    at = low + np.array(shares) * (high - low)
    at[:3] = 0.0
    motion = Motion(stage, at)
    wanted = frames(dict(zip(JOINTS, motion.positions(), strict=True)))
    for link in LINKS:
        np.testing.assert_allclose(stage.body(own(link.name)).position, wanted[link.name][:3, 3], atol=1e-9)
        np.testing.assert_allclose(stage.body(own(link.name)).rotation, wanted[link.name][:3, :3], atol=1e-9)


def test_the_robot_is_no_object_and_touches_nothing_but_with_the_closed_gripper_of_a_push() -> None:
    for grip, touching in ((Grip(), 0), (Grip(holds="cup_1"), 0), (Grip(pushes=True), 1)):
        bodies = bodies_of(np.array(HOME), grip)
        links = {bodies.model.body(own(name)).id for name in (BASE, *(link.name for link in LINKS))}
        parts = [g for g, body in enumerate(bodies.model.geom_bodyid) if body in links]
        assert len(parts) >= 20 and (bodies.owner[parts] == -1).all()
        assert (bodies.model.geom_contype[parts] != 0).sum() == touching
        assert set(bodies.owner[:-1]) == {-1, *range(len(SCENE))}


def test_it_stands_still_where_it_is_put() -> None:
    stage = compile_stretch(SCENE, np.array(HOME))
    motion = Motion(stage, START.copy())
    before = motion.positions().copy()
    stage.step(500)
    np.testing.assert_allclose(motion.positions(), before, atol=1e-6)
    bodies = bodies_of(np.array(HOME), Grip())
    assert 20 < bodies.model.body_subtreemass[bodies.model.body(own(BASE)).id] < 30


def test_objects_may_be_called_as_its_links_and_joints_are() -> None:
    names = ("base_link", "link_lift", "link_grasp_center", "camera_color_optical_frame")
    specs = [ObjectSpec(name, "cuboid", (0.04, 0.04, 0.04)) for name in names]
    specs.append(ObjectSpec("joint_lift", "drawer", (0.2, 0.2, 0.08)))
    scene = Scene(tuple(specs), np.stack([pose(0.5, 0.2 * row, 0.04) for row in range(len(specs))]))
    stage = compile_stretch(scene, np.array(HOME), Grip(holds="link_lift"))
    Motion(stage, START.copy()).run((Phase("up", {"lift": 0.6}),), {}, lambda share, phase: None)
    np.testing.assert_allclose(stage.body("link_lift").position, [0.5, 0.2, 0.02], atol=1e-3)


@pytest.mark.parametrize("camera", [WIDE, D435I], ids=["wide", "d435i"])
def test_the_looks_take_in_every_object_of_every_scene(camera: HeadCamera) -> None:
    unseen = 0
    for seed in range(12):
        scene = task("hierarchical-tabletop").trial(7, seed).scene
        seen = np.zeros(len(scene), bool)
        for pan, tilt in camera.looks:
            at = START.copy()
            at[[NAMES.index("pan"), NAMES.index("tilt")]] = pan, tilt
            stage = compile_stretch(scene, np.array(HOME))
            Motion(stage, at)
            seen |= _whole(posed(stage, camera).project(_corners(scene)), camera.width, camera.height)
        unseen += int((~seen[[spec.movable for spec in scene.objects]]).sum())
    assert unseen == 0


def _corners(scene: Scene) -> np.ndarray:
    bounds = scene.bounds()
    return np.stack([bounds[:, [i, j, k], [0, 1, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)], axis=1)


def _whole(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(((pixels > 0) & (pixels < [width, height])).all(axis=(1, 2)))


def test_cameras_are_as_wide_as_they_say() -> None:
    assert 2 * np.degrees(np.arctan(WIDE.width / 2 / WIDE.focal)) == pytest.approx(96, abs=0.5)
    assert 2 * np.degrees(np.arctan(D435I.width / 2 / D435I.focal)) == pytest.approx(69, abs=0.5)
    assert 2 * np.degrees(np.arctan(D435I.height / 2 / D435I.focal)) == pytest.approx(42, abs=0.5)


def test_fingers_open_as_wide_as_asked_within_their_limits() -> None:
    assert finger_angle(0.0) == 0.0 and finger_angle(1.0) == AXES["grip"].high
    assert 2 * 0.171 * finger_angle(0.1) == pytest.approx(0.1)
