"""A robot that is told none of the simulator's names: it goes by segments, which a tracker follows."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segmenter
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from fail2progress.robots.base import RefusedError
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.sighted import SightedRobot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import task

SCENE = task("hierarchical-tabletop").trial(3, 0).scene


class Nameless(Segmenter):
    """Finds every thing that is in view, under another name in every frame; `blind` frames cannot be segmented."""

    name = "nameless"

    def __init__(self, hand: SimulatedRobot) -> None:
        self.hand, self.frames, self.blind = hand, 0, False

    def segment(self, frame: RgbdFrame) -> Perceived:
        assert frame.labels is None, "what the simulator knows is not told"
        self.frames += 1
        if self.blind:
            raise PerceptionError("nothing to see")
        found = LabelledSegmenter().segment(self.hand.frame())
        called = {part.id: f"{self.frames}_{i}" for i, part in enumerate((*found.surfaces, *found.segments))}
        seen = [tuple(replace(p, id=called[p.id]) for p in parts if len(p.points)) for parts in (found.surfaces, found.segments)]
        return replace(found, surfaces=seen[0], segments=seen[1])


@pytest.fixture
def robot() -> SightedRobot:
    hand = SimulatedRobot(MujocoSimulator(), SCENE)
    return SightedRobot(hand, Nameless(hand))


def carry(name: str) -> SkillCall:
    return SkillCall("pick_place", name, (0.05, -0.75, 0.02, 0.0))


def test_things_go_by_names_of_their_own_which_stay(robot: SightedRobot) -> None:
    before = robot.observe()
    assert robot.kind == "floating_hand" and not set(before.names) & set(SCENE.names)
    assert robot.owners == {robot.segment_of(name): name for name in SCENE.names}
    cup = robot.segment_of("cup_1")
    assert cup is not None
    robot.execute(carry(cup))
    robot.expect({cup: np.array([0.05, -0.75, 0.02])})
    after = robot.observe()
    assert after.names == before.names and robot.meant == {}
    assert robot.robot.outcomes[0].call.object == "cup_1" and robot.segment_of("cup_1") == cup
    moved = after.points[after.index(cup)].mean(axis=0) - before.points[before.index(cup)].mean(axis=0)
    assert np.linalg.norm(moved[:2] - (0.05, -0.75)) < 0.02


def test_nothing_is_segmented_twice_while_nothing_moves(robot: SightedRobot) -> None:
    assert robot.observe() is robot.observe() and robot.segment_of("cup_1") is not None
    assert isinstance(robot.segmenter, Nameless) and robot.segmenter.frames == 1


def test_a_frame_that_cannot_be_segmented_leaves_what_is_known(robot: SightedRobot) -> None:
    before, cup = robot.observe(), robot.segment_of("cup_1")
    assert isinstance(robot.segmenter, Nameless) and cup is not None
    robot.segmenter.blind = True
    robot.execute(carry(cup))
    robot.expect({cup: np.array([0.05, -0.75, 0.02])})
    after = robot.observe()
    assert after.names == before.names and (after.visibility == 0).all()
    moved = after.points[after.index(cup)].mean(axis=0) - before.points[before.index(cup)].mean(axis=0)
    assert moved[:2] == pytest.approx((0.05, -0.75), abs=1e-3), "it is where it is thought to be"


def test_who_sees_nothing_at_first_knows_nothing() -> None:
    hand = SimulatedRobot(MujocoSimulator(), SCENE)
    segmenter = Nameless(hand)
    segmenter.blind = True
    blind = SightedRobot(hand, segmenter)
    assert len(blind.observe()) == 0 and blind.segment_of("cup_1") is None and blind.owners == {}


def test_what_was_not_seen_or_is_nothing_cannot_be_handled(robot: SightedRobot) -> None:
    with pytest.raises(RefusedError, match="ghost has not been seen"):
        robot.execute(carry("ghost"))
    assert robot.robot.outcomes == []
