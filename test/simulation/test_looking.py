"""Looking at many scenes in one pass gives what looking at each alone, object by object, gives."""

from dataclasses import replace

import numpy as np

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
