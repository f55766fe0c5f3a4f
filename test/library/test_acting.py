"""Goals that a robot of one's own pursues, which is no class of the package."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fail2progress as f2p
from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.parts import PartError
from fail2progress.core.scene import Scene
from fail2progress.failures.corrections import FILE, Corrector
from fail2progress.failures.edits import Execution
from fail2progress.failures.report import FailureSignal
from fail2progress.failures.store import FailureStore
from fail2progress.robots.base import ExecutionError, Robot
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator

PILL: dict[str, object] = {"name": "pill", "category": "capsule", "size": (0.03, 0.03, 0.03)}
GOAL = "above(pill, table_b)"


class Own(Robot):
    """Sees things by names and words of its own: what it is not told of is `word`."""

    def __init__(self, start: Scene, word: str = "capsule", able: bool = True) -> None:
        self.world, self.word, self.able = MujocoSimulator(), word, able
        self.now = self.world.settle(start, Camera())

    def observe(self) -> SegmentedCloud:
        cloud = self.now.cloud
        return replace(cloud, categories=tuple(self.word if kind == "capsule" else kind for kind in cloud.categories))

    def execute(self, call: f2p.SkillCall) -> None:
        if not self.able:
            raise ExecutionError("the arm is off")
        self.now = self.world.execute(Job(self.now.scene, call, adjustments=self.adjustments.get(call.skill, {}))).after


@pytest.fixture(scope="module")
def start() -> Scene:
    return f2p.scene([PILL], seed=2)


@pytest.mark.parametrize("word", ["capsule", "vitamin"])
def test_it_reaches_a_goal_whatever_it_calls_the_kinds_of_things(start: Scene, word: str) -> None:
    robot = Own(start, word)
    done = f2p.pursue(robot, GOAL, seed=2)
    assert done.success and [step.planned.call.object for step in done.episode.taken] == ["pill"]
    assert robot.now.relations.value("above", "pill", "table_b") > 0.5 and done.failures == ()


def test_what_it_cannot_do_ends_the_episode_with_its_reason(start: Scene) -> None:
    done = f2p.pursue(Own(start, able=False), GOAL)
    assert not done.success and done.episode.outcome == "execution: the arm is off" and done.episode.taken == ()


class Broken(Own):
    """Does nothing when told to, so that skills fail; from the third one on it raises."""

    def __init__(self, start: Scene, error: BaseException, eyes: bool = False) -> None:
        super().__init__(start)
        self.error, self.eyes, self.told = error, eyes, 0

    def observe(self) -> SegmentedCloud:
        if self.eyes and self.told == 2:
            raise self.error
        return super().observe()

    def execute(self, call: f2p.SkillCall) -> None:
        self.told += 1
        if self.told == 3:
            raise self.error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError("the serial line is closed"),
            r"robot 'Broken' of test raised OSError: the serial line is closed \(test_acting.py.*",
        ),
        (KeyboardInterrupt(), "stopped"),
    ],
)
def test_what_a_robot_raises_loses_nothing_that_was_met(start: Scene, error: BaseException, said: str, tmp_path: Path) -> None:
    file = tmp_path / "failures.sqlite"
    done = f2p.pursue(Broken(start, error), GOAL, seed=2, store=file)
    assert re.fullmatch(said, done.episode.outcome) and not done.success
    assert len(done.episode.taken) == len(done.failures) == 2 and len(done.episode.plans) == 3
    assert set(FailureStore(file).ids()) == {event.id for event in done.failures}
    blind = f2p.pursue(Broken(start, error, eyes=True), GOAL, seed=2)
    assert re.fullmatch(said, blind.episode.outcome) and len(blind.failures) == 1


def test_what_a_robot_raises_before_anything_was_planned_is_raised(start: Scene) -> None:
    robot = Broken(start, OSError("unplugged"), eyes=True)
    robot.told = 2
    with pytest.raises(PartError, match="robot 'Broken' of test raised OSError: unplugged"):
        f2p.pursue(robot, GOAL)
    robot.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        f2p.pursue(robot, GOAL)


def test_it_is_told_what_earlier_episodes_corrected(start: Scene, tmp_path: Path) -> None:
    aside = FailureSignal(
        name="placement_off", severity=1, parameter="pick_place.place_x", delta=0.05, low=-0.06, high=0.06, evidence="seen"
    )
    for _ in range(2):
        Corrector(tmp_path / FILE).executed([Execution("pick_place", (aside,))])
    plain, corrected = Own(start), Own(start)
    f2p.pursue(plain, GOAL, seed=2)
    f2p.pursue(corrected, GOAL, corrections=tmp_path / FILE, seed=2)
    assert corrected.adjustments == {"pick_place": {"place_x": 0.05}} and plain.adjustments == {}
    apart = corrected.now.scene.position("pill") - plain.now.scene.position("pill")
    np.testing.assert_allclose(apart[0], 0.05, atol=0.03)


def test_mistakes_are_told_with_the_value(start: Scene) -> None:
    with pytest.raises(ValueError, match=r"robot.*derived from fail2progress.robots.base.Robot.*'arm'"):
        f2p.pursue("arm", GOAL)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a robot needs a goal"):
        f2p.pursue(Own(start), ())
    with pytest.raises(ValueError, match="the goal names 'cap', which was not seen; seen: table_a, table_b, pill"):
        f2p.pursue(Own(start), "above(cap, table_b)")
    nameless = Own(start)
    nameless.kind = None  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"the robot's kind must be a text, .*, got None"):
        f2p.pursue(nameless, GOAL)
