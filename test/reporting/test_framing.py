import numpy as np
import pytest

from fail2progress.core.scene import Scene
from fail2progress.reporting.framing import framed
from fail2progress.reporting.render import VIEW
from fail2progress.tasks.registry import task

SCENE = task("hierarchical-tabletop").trial(7, 3).scene


@pytest.mark.parametrize("away", [0.0, 0.8])
def test_all_that_moves_is_within_the_picture_and_fills_it(away: float) -> None:
    poses = SCENE.poses.copy()
    movable = [index for index, spec in enumerate(SCENE.objects) if spec.movable]
    poses[movable[0], 1] += away
    scene = Scene(SCENE.objects, poses)
    camera = framed(scene, VIEW)
    pixels = camera.project(poses[movable, :3])
    assert (pixels > 0.1 * camera.height).all() and (pixels < [0.9 * camera.width, 0.9 * camera.height]).all()
    assert camera.focal > VIEW.focal or away
    spread = np.ptp(pixels / [camera.width, camera.height], axis=0).max()
    assert spread > 0.4


def test_a_scene_in_which_nothing_moves_is_seen_as_before() -> None:
    fixed = [index for index, spec in enumerate(SCENE.objects) if not spec.movable]
    scene = Scene(tuple(SCENE.objects[index] for index in fixed), SCENE.poses[fixed])
    assert framed(scene, VIEW) == VIEW
