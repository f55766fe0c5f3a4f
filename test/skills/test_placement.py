"""How high things are let go, and what comes along with them."""

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import contained
from fail2progress.skills.pick_place.stein import SAMPLER
from fail2progress.skills.placement import RELEASE, release_height

THINGS = (
    (ObjectSpec("table", "table", (0.8, 1.2, 0.04)), pose(0.7, 0.0, 0.48)),
    (ObjectSpec("cup", "cup", (0.1, 0.1, 0.06)), pose(0.65, 0.1, 0.53)),
    (ObjectSpec("stick", "cuboid", (0.03, 0.03, 0.15)), pose(0.67, 0.1, 0.58)),
    (ObjectSpec("lid", "cuboid", (0.03, 0.16, 0.01)), pose(0.63, 0.1, 0.565)),
    (ObjectSpec("beside", "cuboid", (0.03, 0.03, 0.04)), pose(0.716, 0.1, 0.52)),
    (ObjectSpec("block", "cuboid", (0.05, 0.05, 0.05)), pose(0.65, -0.2, 0.525)),
)
SCENE = Scene(tuple(spec for spec, _ in THINGS), np.stack([at for _, at in THINGS]))


def test_what_is_in_a_thing_or_on_it_comes_along_and_what_stands_beside_it_does_not() -> None:
    assert np.array(SCENE.names)[contained(SCENE, 1)].tolist() == ["cup", "stick", "lid"]
    assert contained(SCENE, 2).sum() == 1


@pytest.mark.parametrize(("place", "top"), [((0.63, 0.1), 0.5), ((0.7, 0.1), 0.54), ((0.65, -0.15), 0.55)])
def test_what_a_thing_carries_is_not_below_it(place: tuple[float, float], top: float) -> None:
    assert release_height(SCENE, 1, np.array(place)) == pytest.approx(top)


def test_a_stick_is_let_go_above_the_cup_that_it_stands_in() -> None:
    assert release_height(SCENE, 2, SCENE.poses[2, :2]) == pytest.approx(0.56)


def test_a_loaded_cup_of_a_particle_is_let_go_just_above_the_table() -> None:
    values = np.array([-0.02, 0.0, 0.02, 0.0])
    assert SAMPLER.in_scene(SCENE, SkillCall("pick_place", "cup", tuple(values)), values)[2] == pytest.approx(RELEASE)
