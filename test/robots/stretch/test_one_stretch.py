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
from fail2progress.robots.stretch.real.joints import SQUEEZE
from fail2progress.robots.stretch.real.robot import StretchRobot
from fail2progress.robots.stretch.seen import known, merged
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.simulation.base import Disturbances
from fail2progress.skills.adjustments import Adjustments
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


ADJUSTED = {"pick_place": {"place_x": 0.02, "clearance": 0.03, "grip": 0.1}, "push": {"reach": 0.02}}


def test_failures_say_the_same_of_both() -> None:
    assert SimulatedStretch.kind == StretchRobot.kind == "stretch_re2"


@pytest.mark.parametrize(
    ("call", "adjustments"), [*((call, {}) for call in CALLS), (CALLS[0], ADJUSTED), (CALLS[2], ADJUSTED)], ids=str
)
def test_both_robots_run_the_same_phases_for_the_same_sight(
    call: SkillCall, adjustments: Adjustments, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = SimulatedStretch(SCENE, camera=SIDEWAYS, by_sight=True)
    sight = simulated.observe()
    fake = FakeStretch(tool="tool_stretch_gripper")
    real = StretchRobot(fake, lambda: sight, fake.clock, camera=SIDEWAYS)
    real.alive()
    fake.clock.always(real.alive)
    real.observe()
    simulated.adjust(adjustments)
    real.adjust(adjustments)
    phases: list[list[str]] = [[], []]
    with planned(monkeypatch, "simulated") as rehearsed, planned(monkeypatch, "real") as run:
        simulated.progress = lambda share, phase: phases[0].append(phase)
        real.progress = lambda share, phase: phases[1].append(phase)
        simulated.execute(call)
        real.execute(call)
    assert rehearsed == run and len(run) == 1
    names = [list(dict.fromkeys(name for name in told if name not in ("settle", "recover"))) for told in phases]
    assert names[0] == names[1] and names[0][-1] == "look"


def test_what_the_hand_errs_by_an_adjustment_takes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for wrong, adjustments in ((0.0, {}), (0.04, {}), (0.04, {"pick_place": {"place_x": -0.04}})):
        robot = SimulatedStretch(SCENE, by_sight=True, disturbances=Disturbances(errors=(("place_x", wrong),)))
        robot.adjust(adjustments)
        with planned(monkeypatch, "simulated") as run:
            robot.execute(CALLS[0])
        found.append(run[0])
    assert found[0] != found[1] and [p.name for p in found[2]] == [p.name for p in found[0]]
    for one, other in zip(found[0], found[2], strict=True):
        assert one.goals == pytest.approx(other.goals, abs=1e-6)


def test_the_real_fingers_squeeze_harder_within_what_they_can() -> None:
    fake = FakeStretch(tool="tool_stretch_gripper")
    sight = SimulatedStretch(SCENE, camera=SIDEWAYS, by_sight=True).observe()
    real = StretchRobot(fake, lambda: sight, fake.clock, camera=SIDEWAYS)
    for grip, wanted in ((0.0, SQUEEZE), (0.1, 1.1 * SQUEEZE), (1.5, -60.0)):
        real.adjust({"pick_place": {"grip": grip}})
        assert real.squeeze(CALLS[0]) == pytest.approx(wanted)


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
    assert both.colours == ()


def test_a_thing_keeps_the_colour_of_the_look_that_counts() -> None:
    def look(names: tuple[str, ...], visibility: tuple[float, ...], colours: tuple[str, ...]) -> SegmentedCloud:
        points = np.zeros((len(names), 8, 3), np.float32)
        return SegmentedCloud(names, ("cup",) * len(names), points, np.array(visibility, np.float32), colours=colours)

    first, last = look(("a", "b"), (0.9, 0.2), ("red", "blue")), look(("b", "c"), (0.8, 0.5), ("green", "white"))
    assert merged([first, last]).colours == ("red", "green", "white")
    assert merged([first, look(("b", "c"), (0.1, 0.5), ())]).colours == ("red", "blue", "")


def test_a_scene_of_what_was_seen_has_its_boxes_and_leaves_out_what_was_not() -> None:
    corners = np.array([[x, y, z] for x in (0.5, 0.6) for y in (0.0, 0.2) for z in (0.4, 0.45)], np.float32)
    points = np.stack([corners, np.full((8, 3), np.nan, np.float32)])
    scene = known(SegmentedCloud(("thing", "ghost"), ("gadget", "cup"), points, np.array([1.0, 0.0], np.float32)))
    assert scene.names == ("thing",) and scene.objects[0].movable
    np.testing.assert_allclose(scene.bounds()[0], [[0.5, 0.0, 0.4], [0.6, 0.2, 0.45]], atol=1e-6)


def test_every_tool_closes_and_opens() -> None:
    assert all(min(tool.closed) > 0 and tool.opening > 0.1 for tool in TOOLS.values())
