from dataclasses import replace
from typing import Any

import numpy as np
import torch

from fail2progress.core.relations import BINARY
from fail2progress.core.scene import Scene
from fail2progress.learning.finetuning.symmetry import copies, mirrored, signs
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.simulation.base import Job
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import Parameter
from fail2progress.skills.motion import Commanded, along
from fail2progress.skills.registry import SKILLS, skill
from support import failures


def in_a_mirror(scene: Scene) -> Scene:
    """y turned round; of what stands upright a turn is the other way round as well."""
    return scene.with_poses(scene.poses * np.array([1, -1, 1, 1, -1, 1, -1]))


def test_a_mirrored_execution_is_what_happens_in_a_mirrored_scene() -> None:
    for kind in ("row", "stack"):
        before = failures.outcome(kind)
        call = before.call
        factors = np.array([*(signs(call.skill) or ()), *[1.0] * 4])[: len(call.parameters)]
        other = SkillCall(call.skill, call.object, tuple((np.array(call.parameters) * factors).tolist()))
        (after,) = ParallelSimulator(1).execute_all([Job(in_a_mirror(before.before.scene), other)])
        found, wanted = mirrored(from_outcomes([before])), from_outcomes([after])
        assert found is not None
        torch.testing.assert_close(found.shift, wanted.shift, rtol=0, atol=0.006)
        torch.testing.assert_close(found.parameters, wanted.parameters, rtol=0, atol=1e-5)
        directions = [BINARY.index(name) for name in ("left", "right", "front", "behind", "above", "inside")]
        assert torch.equal(found.binary[..., 0, directions], wanted.binary[..., 0, directions])


def test_a_mirror_in_a_mirror_shows_the_same() -> None:
    source = from_outcomes([failures.outcome("row"), failures.outcome("drawer")])
    once = mirrored(source)
    assert once is not None
    assert not torch.equal(once.points, source.points) and bool((once.box[:, 0] <= once.box[:, 1]).all())
    left, right = BINARY.index("left"), BINARY.index("right")
    assert torch.equal(once.binary[..., left], source.binary[..., right]) and bool(source.binary[..., left].any())
    again = mirrored(once)
    assert again is not None
    for name in ("points", "box", "shift", "unary", "binary", "parameters", "seen", "cloud"):
        torch.testing.assert_close(getattr(again, name), getattr(source, name))


def test_parameters_are_mirrored_by_the_motion_that_they_command() -> None:
    assert signs("push") == signs("open_drawer") == (-1.0, 1.0)
    assert signs("pick_place") == (1.0, -1.0, 1.0, -1.0)


def test_a_turn_of_the_object_is_mirrored_beside_a_direction() -> None:
    def motion(parameters: Any, xp: Any) -> Commanded:
        return replace(along(parameters, xp), turn=parameters[..., 2])

    turn = Parameter("turn", "rad", -np.pi, np.pi)
    swing = replace(skill("push"), name="swing", number=None, parameters=(*skill("push").parameters, turn), motion=motion)
    with SKILLS.including(swing):
        assert signs("swing") == (-1.0, 1.0, -1.0)


def test_copies_only_where_they_are_asked_for() -> None:
    source = from_outcomes([failures.outcome("row")])
    assert copies(source, False) == [source] and len(copies(source, True)) == 2
