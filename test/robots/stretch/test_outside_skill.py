"""A skill from a package outside `src`, carried out by both executors of the Stretch: its definition's program is enough."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.base import ExecutionError
from fail2progress.robots.stretch.camera import HeadCamera
from fail2progress.robots.stretch.real.states import StretchError, Trouble
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import SkillDefinition, load
from fail2progress.skills.registry import SKILLS
from support.driving import robot

PROGRAM = '''
import math

import numpy as np

from fail2progress.skills.definition import Parameter, SkillDefinition
from fail2progress.skills.motion import along
from fail2progress.skills.phases import Phase


def possible(scene, call, limits):
    return None


def drag(scene, call, robot):
    """Take hold of the object and draw it along, without lifting it."""
    direction, distance = call.parameters
    start = scene.position(call.object) + np.array([0.0, 0.0, 0.005])
    end = start + distance * np.array([math.cos(direction), math.sin(direction), 0.0])
    way = robot.reach(scene, (start, end), straight=True)
    safe = robot.safe(scene, way, float(start[2]))
    first, last = way.postures
    return (
        *robot.approach(first, safe, 0.11),
        Phase("lower", {"lift": robot.lift(float(start[2]), 0.0, "holding")}),
        Phase("hold", {"grip": robot.fingers(0.08)}, hand="close"),
        Phase("drag", robot.straight(last)),
        Phase("release", {"grip": robot.fingers(0.11)}, hand="open"),
        *robot.leave(safe, last),
    )


def skill(**programs):
    return SkillDefinition(
        name="drag",
        summary="take hold of an object and draw it along",
        parameters=(Parameter("direction", "rad", -math.pi, math.pi), Parameter("distance", "m", 0.0, 0.4)),
        feasible=possible,
        motion=along,
        planner="outside_drag:drag",
        data="outside_drag:drag",
        programs=programs,
    )
'''
SPECS = (ObjectSpec("table", "table", (0.6, 0.9, 0.04)), ObjectSpec("cup", "cuboid", (0.08, 0.08, 0.05)))
SCENE = Scene(SPECS, np.stack([pose(0.6, 0.0, 0.48), pose(0.6, 0.2, 0.525)]))
SMALL = HeadCamera(160, 120, 72.5)
CALL = ("drag", "cup", (-2.0, 0.12))


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    (tmp_path / "outside_drag.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield load("outside_drag:skill")
    load.cache_clear()


def test_its_program_alone_makes_the_simulated_stretch_able_to_carry_it_out(outside) -> None:
    with SKILLS.including(outside(stretch="outside_drag:drag")):
        stretch = SimulatedStretch(SCENE, camera=SMALL)
        phases: list[str] = []
        stretch.progress = lambda share, phase: phases.append(phase)
        stretch.execute(SkillCall(*CALL))
    moved = stretch.outcomes[-1].displacements[1]
    np.testing.assert_allclose(moved, [0.12 * np.cos(-2.0), 0.12 * np.sin(-2.0), 0.0], atol=0.02)
    assert {"hold", "drag", "home"} <= set(phases)


def test_the_real_stretch_runs_it_too(outside) -> None:
    made, body = robot("cup", "table", tool="tool_stretch_gripper")
    seen: list[str] = []
    with SKILLS.including(outside(stretch="outside_drag:drag")):
        made.progress = lambda share, phase: seen.append(phase)
        made.execute(SkillCall(*CALL))
    assert {"hold", "drag", "home", "look"} <= set(seen) and not body.moving


@pytest.mark.parametrize(
    ("programs", "says"),
    [
        ({"floating_hand": "outside_drag:drag"}, "drag has no program for the robot 'stretch'; it has one for: floating_hand"),
        ({"stretch": "outside_drag:pull"}, "drag: program 'outside_drag:pull' cannot be loaded"),
        ({"stretch": "nowhere.to:find"}, "drag: program 'nowhere.to:find' cannot be loaded"),
        ({"stretch": "outside_drag"}, "not a reference: 'outside_drag'"),
    ],
)
def test_without_a_program_that_can_be_loaded_it_says_so_and_stands_still(outside, programs: dict[str, str], says: str) -> None:
    definition: SkillDefinition = outside(**programs)
    with SKILLS.including(definition):
        stretch = SimulatedStretch(SCENE, camera=SMALL)
        now = stretch.now
        with pytest.raises(ExecutionError, match=says):
            stretch.execute(SkillCall(*CALL))
        made, body = robot("cup", "table")
        with pytest.raises(StretchError, match=says) as caught:
            made.execute(SkillCall(*CALL))
    assert stretch.now == now and body.commands == [] and caught.value.trouble is Trouble.UNREACHABLE
