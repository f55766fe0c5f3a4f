"""What a segment of the camera's is called in the scene that it was seen in."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.robots.stretch.seen import segments_showing, things_shown, true_name
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.registry import task

SCENE = task("hierarchical-tabletop").trial(5, 0).scene


def test_segments_under_names_of_their_own_are_the_things_that_they_show() -> None:
    now = MujocoSimulator().settle(SCENE, Camera())
    anonymous = replace(now.cloud, names=tuple(f"object_{i}" for i in range(len(now.cloud))))
    seen = [i for i in range(len(anonymous)) if anonymous.seen[i]]
    assert len(seen) > 4
    assert [true_name(anonymous.names[i], anonymous, now.scene) for i in seen] == [now.cloud.names[i] for i in seen]


def test_a_content_is_not_what_it_lies_in_and_nothing_is_nothing() -> None:
    small, cup = (next(o.name for o in SCENE.objects if o.category == kind) for kind in ("capsule", "cup"))
    poses = SCENE.poses.copy()
    poses[SCENE.index(small), :3] = poses[SCENE.index(cup), :3]
    scene = SCENE.with_poses(poses)
    rng = np.random.default_rng(0)
    around = scene.sizes[scene.index(small)] * rng.uniform(-0.5, 0.5, (64, 3)) + scene.position(cup)
    clouds = np.stack([around, around + np.array([0.0, 0.0, 2.0])]).astype(np.float32)
    cloud = SegmentedCloud(("a", "b"), ("cuboid", "cuboid"), clouds, np.ones(2, np.float32))
    assert true_name("a", cloud, scene) == small
    assert true_name(cup, None, scene) == cup, "a name of the scene is its own"
    with pytest.raises(ValueError, match="b is nothing that is there"):
        true_name("b", cloud, scene)
    with pytest.raises(ValueError, match="c has not been seen"):
        true_name("c", cloud, scene)


def test_of_several_segments_of_a_thing_the_one_that_shows_most_of_it() -> None:
    now = MujocoSimulator().settle(SCENE, Camera())
    rows = [0, 0, 1]
    cloud = replace(
        now.cloud,
        names=("a", "b", "c"),
        categories=tuple(now.cloud.categories[row] for row in rows),
        points=now.cloud.points[rows],
        visibility=np.array([0.2, 0.6, 1.0], np.float32),
        colours=(),
    )
    one, other = now.cloud.names[:2]
    assert things_shown(cloud, now.scene) == {"a": one, "b": one, "c": other}
    assert segments_showing(cloud, now.scene) == {one: "b", other: "c"}
