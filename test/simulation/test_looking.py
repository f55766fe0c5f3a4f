"""Looking at many scenes in one pass gives what looking at each alone, object by object, gives."""

from dataclasses import replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.simulation.looking import View, look, look_all
from fail2progress.simulation.raycast import caster
from fail2progress.tasks.pretraining import job
from support.one_look import plain_look

WORK = [job(11, number) for number in range(12)]


def views(noise: float = 0.0) -> list[View]:
    return [
        View(caster(one.scene), one.scene, replace(one.camera, noise=noise), np.random.default_rng(number))
        for number, one in enumerate(WORK)
    ]


def test_all_scenes_at_once_are_seen_as_by_the_plainest_form() -> None:
    for one, (cloud, seconds) in zip(views(noise=0.002), look_all(views(noise=0.002)), strict=True):
        points, visibility = plain_look(one)
        np.testing.assert_allclose(cloud.points, points, atol=1e-6)
        np.testing.assert_allclose(cloud.visibility, visibility, atol=1e-6)
        assert cloud.names == one.scene.names and seconds > 0


def test_what_is_seen_of_a_scene_does_not_hang_on_the_others() -> None:
    for one, (cloud, _) in zip(views(), look_all(views()), strict=True):
        alone, _ = look(one.cast, one.scene, one.camera, one.rng)
        np.testing.assert_array_equal(cloud.points, alone.points)
        np.testing.assert_array_equal(cloud.visibility, alone.visibility)


def test_a_bar_that_lies_askew_wholly_in_view_is_seen_whole() -> None:
    table, bar = ObjectSpec("table_1", "table", (0.8, 0.8, 0.04)), ObjectSpec("bar", "cuboid", (0.2, 0.03, 0.03))
    for yaw in (0.0, 0.4, np.pi / 4, 2.0):
        scene = Scene((table, bar), np.stack([pose(0.7, 0.0, 0.38), pose(0.7, 0.0, 0.415, yaw)]))
        cloud, _ = look(caster(scene), scene, Camera(), np.random.default_rng(0))
        assert 0.9 < cloud.visibility[1] <= 1.0
