import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.learning.finetuning.extents import with_other_extents
from support import failures


def test_a_thing_of_other_extents_stands_where_it_stood_and_all_else_stays() -> None:
    scene, rng = failures.outcome("toppled").before.scene, np.random.default_rng(0)
    row, factors = scene.index("tall"), []
    for _ in range(40):
        found = with_other_extents(scene, ["tall"], rng)
        assert found.bounds()[row, 0, 2] == pytest.approx(scene.bounds()[row, 0, 2])
        assert np.array_equal(found.poses[row, [0, 1, 3, 4, 5, 6]], scene.poses[row, [0, 1, 3, 4, 5, 6]])
        others = np.arange(len(scene)) != row
        assert np.allclose(found.poses[others], scene.poses[others]) and found.names == scene.names
        assert [one for i, one in enumerate(found.objects) if i != row] == [
            one for i, one in enumerate(scene.objects) if i != row
        ]
        factors.append(np.array(found.objects[row].size) / scene.objects[row].size)
    spread = np.array(factors)
    assert 0.5 <= spread.min() < 0.6 and 1.7 < spread.max() <= 2.0 and np.abs(np.corrcoef(spread.T)[0, 1:]).max() < 0.5


def test_what_lies_on_its_side_keeps_its_lowest_point() -> None:
    lying = pose(0.0, 0.0, 0.52)
    lying[3:] = [np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0]
    scene = Scene((ObjectSpec("bar", "cuboid", (0.04, 0.03, 0.2)),), np.array([lying]))
    found = with_other_extents(scene, ["bar"], np.random.default_rng(1))
    assert found.bounds()[0, 0, 2] == pytest.approx(0.5) and found.objects[0].size != scene.objects[0].size
