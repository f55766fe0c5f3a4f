"""What the simulated Stretch rehearses is what the real one runs: the same phases for the same sight."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.stretch import body as ways
from fail2progress.robots.stretch.camera import D435I, HeadCamera
from fail2progress.robots.stretch.kinematics import TOOLS
from fail2progress.robots.stretch.real.robot import StretchRobot
from fail2progress.robots.stretch.seen import known, merged
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Phase
from support.fake_stretch import FakeStretch

SIDEWAYS = HeadCamera(320, 180, 233.0, roll=0.0, looks=D435I.looks)
SPECS = (
    ObjectSpec("table", "table", (0.6, 0.9, 0.04)),
    ObjectSpec("cup", "cup", (0.09, 0.09, 0.07)),
    ObjectSpec("block", "cuboid", (0.05, 0.06, 0.06)),
)
SCENE = Scene(SPECS, np.stack([pose(0.6, 0.0, 0.48), pose(0.6, 0.2, 0.535), pose(0.55, 0.06, 0.53)]))
CALLS = [
    SkillCall("pick_place", "cup", (0.05, -0.4, 0.012, 0.6)),
    SkillCall("pick_place", "block", (0.0, -0.3, 0.012, -1.2)),
    SkillCall("push", "cup", (0.1, 0.1)),
    SkillCall("push", "block", (-1.4, 0.1)),
]


@contextmanager
def planned(monkeypatch: pytest.MonkeyPatch, module: str) -> Iterator[list[tuple[Phase, ...]]]:
    """What an executor runs."""
    found: list[tuple[Phase, ...]] = []

    def watched(*arguments: object) -> tuple[Phase, ...]:
        found.append(ways.plan(*arguments))  # type: ignore[arg-type]
        return found[-1]

    with monkeypatch.context() as patch:
        patch.setattr(f"fail2progress.robots.stretch.{module}.robot.plan", watched)
        yield found


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_both_robots_run_the_same_phases_for_the_same_sight(call: SkillCall, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = SimulatedStretch(SCENE, camera=SIDEWAYS, by_sight=True)
    sight = simulated.observe()
    fake = FakeStretch(tool="tool_stretch_gripper")
    real = StretchRobot(fake, lambda: sight, fake.clock, camera=SIDEWAYS)
    real.alive()
    fake.clock.always(real.alive)
    real.observe()
    phases: list[list[str]] = [[], []]
    with planned(monkeypatch, "simulated") as rehearsed, planned(monkeypatch, "real") as run:
        simulated.progress = lambda share, phase: phases[0].append(phase)
        real.progress = lambda share, phase: phases[1].append(phase)
        simulated.execute(call)
        real.execute(call)
    assert rehearsed == run and len(run) == 1
    names = [list(dict.fromkeys(name for name in told if name not in ("settle", "recover"))) for told in phases]
    assert names[0] == names[1] and names[0][-1] == "look"


@pytest.mark.parametrize("call", CALLS[:2], ids=str)
def test_a_skill_worked_out_from_sight_does_what_it_says(call: SkillCall) -> None:
    robot = SimulatedStretch(SCENE, camera=SIDEWAYS, by_sight=True)
    robot.execute(call)
    row = SCENE.index(call.object)
    np.testing.assert_allclose(robot.outcomes[-1].displacements[row, :2], call.parameters[:2], atol=0.02)


def test_what_is_not_seen_is_not_acted_on() -> None:
    robot = SimulatedStretch(SCENE, camera=HeadCamera(64, 48, 290.0, looks=((1.4, 0.3),)), by_sight=True)
    with pytest.raises(Exception, match="cup has not been seen"):
        robot.execute(CALLS[0])


def test_the_best_look_at_a_thing_counts() -> None:
    def look(names: tuple[str, ...], visibility: tuple[float, ...], at: float) -> SegmentedCloud:
        points = np.full((len(names), 8, 3), at, np.float32)
        return SegmentedCloud(names, ("cup",) * len(names), points, np.array(visibility, np.float32), stamp=round(at * SECOND))

    both = merged([look(("a", "b"), (0.2, 0.9), 1.0), look(("b", "c"), (0.0, 0.5), 2.0), look(("a",), (0.2,), 3.0)])
    assert both.names == ("a", "b", "c") and both.stamp == 3 * SECOND
    assert both.points[:, 0, 0].tolist() == [3.0, 1.0, 2.0]
    np.testing.assert_allclose(both.visibility, [0.2, 0.9, 0.5])


def test_a_scene_of_what_was_seen_has_its_boxes_and_leaves_out_what_was_not() -> None:
    corners = np.array([[x, y, z] for x in (0.5, 0.6) for y in (0.0, 0.2) for z in (0.4, 0.45)], np.float32)
    points = np.stack([corners, np.full((8, 3), np.nan, np.float32)])
    scene = known(SegmentedCloud(("thing", "ghost"), ("gadget", "cup"), points, np.array([1.0, 0.0], np.float32)))
    assert scene.names == ("thing",) and scene.objects[0].movable
    np.testing.assert_allclose(scene.bounds()[0], [[0.5, 0.0, 0.4], [0.6, 0.2, 0.45]], atol=1e-6)


def test_every_tool_closes_and_opens() -> None:
    assert all(min(tool.closed) > 0 and tool.opening > 0.1 for tool in TOOLS.values())
