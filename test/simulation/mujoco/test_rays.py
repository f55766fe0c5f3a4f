from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.camera import Camera
from fail2progress.core.objects import Box, ObjectSpec
from fail2progress.core.scene import Array, Scene, rotations
from fail2progress.simulation import looking
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.pretraining import job
from fail2progress.tasks.registry import task

Build = Callable[..., Scene]
CUBE, WALL = (0.04, 0.04, 0.04), (0.02, 0.3, 0.3)


def from_part(points: Array, part: Box) -> Array:
    """Distances (m) of points to the surface of a part, in the object's frame."""
    local = points - part.centre
    if part.cylinder:
        outside = np.stack([np.linalg.norm(local[:, :2], axis=1) - part.half[0], np.abs(local[:, 2]) - part.half[2]], 1)
    else:
        outside = np.abs(local) - part.half
    return np.abs(np.linalg.norm(np.maximum(outside, 0), axis=1) + np.minimum(outside.max(axis=1), 0))


def from_surface(points: Array, spec: ObjectSpec, pose: Array) -> Array:
    local = (points - pose[:3]) @ rotations(pose[None, 3:])[0]
    return np.min([from_part(local, part) for part in spec.primitives()], axis=0)


def hidden_from_view(on_table: Build, beside: float) -> Scene:
    """A small cube behind a wall, or so far beside the wall's middle."""
    return on_table(("wall", "cuboid", WALL, 0.55, 0.0, 0.0, 0.0), ("it", "cuboid", CUBE, 0.65, beside, 0.0, 0.0))


@pytest.mark.parametrize(("objects", "seed"), [(3, 0), (5, 1), (7, 2)])
def test_points_lie_on_the_surfaces_of_their_objects(simulator: MujocoSimulator, objects: int, seed: int) -> None:
    seen = simulator.settle(task("hierarchical-tabletop").trial(objects, seed).scene, Camera(), seed)
    for spec, pose, points in zip(seen.scene.objects, seen.scene.poses, seen.cloud.points, strict=True):
        assert from_surface(points.astype(float), spec, pose).max() < 1e-3, spec.name


def test_points_lie_on_turned_objects(simulator: MujocoSimulator, on_table: Build) -> None:
    seen = simulator.settle(on_table(("it", "cup", (0.09, 0.07, 0.07), 0.6, 0.0, 0.0, 0.6)), Camera())
    assert from_surface(seen.cloud.points[1].astype(float), seen.scene.objects[1], seen.scene.poses[1]).max() < 1e-3


@pytest.mark.parametrize("kind", ["cuboid", "cup"])
def test_an_unoccluded_object_is_wholly_visible(simulator: MujocoSimulator, on_table: Build, kind: str) -> None:
    cloud = simulator.settle(on_table(("it", kind, (0.08, 0.08, 0.07), 0.6, 0.1, 0.0, 0.0)), Camera()).cloud
    assert cloud.visibility[1] == pytest.approx(1.0, abs=0.06)
    assert len(np.unique(cloud.points[1], axis=0)) == 128


def test_a_hidden_object_has_visibility_0_and_no_points(simulator: MujocoSimulator, on_table: Build) -> None:
    cloud = simulator.settle(hidden_from_view(on_table, 0.0), Camera()).cloud
    assert cloud.visibility[2] == 0.0
    assert np.isnan(cloud.points[2]).all() and cloud.seen.tolist() == [True, True, False]


def test_an_object_outside_the_image_has_no_points(simulator: MujocoSimulator, on_table: Build) -> None:
    scene = on_table(("it", "cuboid", CUBE, 0.6, 0.0, 0.0, 0.0))
    cloud = simulator.settle(scene, Camera(target=(-1.0, 0.0, 1.0))).cloud
    assert not cloud.seen.any() and (cloud.visibility == 0).all()


def test_few_points_are_repeated_and_none_is_invented(simulator: MujocoSimulator, on_table: Build) -> None:
    """From behind the wall a sliver of the cube shows."""
    slivers = 0
    for beside in np.linspace(0.14, 0.2, 25):
        seen = simulator.settle(hidden_from_view(on_table, beside), Camera())
        if not seen.cloud.seen[2]:
            continue
        points = seen.cloud.points[2]
        assert from_surface(points.astype(float), seen.scene.objects[2], seen.scene.poses[2]).max() < 1e-3
        if len(np.unique(points, axis=0)) < len(points):
            slivers += 1
            assert 0 < seen.cloud.visibility[2] < 0.2
    assert slivers > 0


def test_visibility_grows_as_an_object_comes_out_from_behind(simulator: MujocoSimulator, on_table: Build) -> None:
    scenes = [hidden_from_view(on_table, beside) for beside in (0.0, 0.18, 0.3)]
    shares = [simulator.settle(scene, Camera()).cloud.visibility[2] for scene in scenes]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] > 0.9


@pytest.mark.parametrize("sigma", [0.002, 0.01])
def test_noise_has_the_stated_deviation(simulator: MujocoSimulator, on_table: Build, sigma: float) -> None:
    scene = on_table(*((f"c{i}", "cuboid", CUBE, 0.5, -0.3 + 0.1 * i, 0.0, 0.0) for i in range(7)))
    clean, noisy = (simulator.settle(scene, Camera(noise=s), seed=4).cloud.points for s in (0.0, sigma))
    difference = (noisy - clean).reshape(-1, 3)
    assert difference.std(axis=0) == pytest.approx([sigma] * 3, rel=0.1)
    assert np.abs(difference.mean(axis=0)).max() < 5 * sigma / np.sqrt(len(difference))


@pytest.mark.parametrize("number", range(4))
def test_rays_that_are_not_cast_would_have_hit_nothing(
    simulator: MujocoSimulator, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = job(41, number)
    with_fewer = simulator.settle(work.scene, work.camera).cloud
    monkeypatch.setattr(looking, "_through", lambda pixels, *box: np.ones(pixels[:, 0].shape, bool))
    with_all = simulator.settle(work.scene, work.camera).cloud
    np.testing.assert_array_equal(with_fewer.visibility, with_all.visibility)
    np.testing.assert_allclose(with_fewer.points, with_all.points, atol=1e-6)


@given(st.floats(0, 640), st.floats(0, 480), st.floats(0.2, 5))
def test_rays_and_projection_are_inverse(x: float, y: float, distance: float) -> None:
    camera = Camera()
    ray = camera.rays(np.array([[x, y]]))
    assert np.linalg.norm(ray) == pytest.approx(1.0)
    np.testing.assert_allclose(camera.project(camera.eye + distance * ray), [[x, y]], atol=1e-6)


def test_the_optical_frame_is_right_handed_with_x_to_the_right() -> None:
    axes = Camera().axes()
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(axes[0], axes[1]), axes[2], atol=1e-12)
    left_of_centre = Camera().project(np.array([0.6, 0.2, 0.5]))
    assert left_of_centre[0] < 320 and Camera().project(np.array([0.6, 0.0, 0.9]))[1] < 240
