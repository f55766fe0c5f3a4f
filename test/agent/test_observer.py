"""What robots of one's own hand in, looked at before anybody plans from it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.agent.observer import RobotObserver, looked
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.parts import PartError
from fail2progress.perception.relations.geometric import GeometricDetector
from fail2progress.robots.base import Robot
from fail2progress.skills.base import SkillCall


class Own(Robot):
    """Sees what it is given."""

    def __init__(self, seen: object) -> None:
        self.seen = seen

    def observe(self) -> SegmentedCloud:
        return self.seen  # type: ignore[return-value]

    def execute(self, call: SkillCall) -> None:
        raise AssertionError("nothing is carried out here")


def cloud(count: int = 128) -> SegmentedCloud:
    points = np.random.default_rng(0).uniform(0.4, 0.6, (2, count, 3)).astype(np.float32)
    points[1] = np.nan
    return SegmentedCloud(("a", "b"), ("cup", "cuboid"), points, np.array([0.5, 0.0], np.float32))


def test_what_is_right_passes() -> None:
    seen = cloud()
    assert looked(Own(seen)) is seen
    assert RobotObserver(Own(seen), GeometricDetector()).look().cloud is seen
    nothing = SegmentedCloud((), (), np.zeros((0, 128, 3), np.float32), np.zeros(0, np.float32))
    assert looked(Own(nothing)) is nothing


WRONG: list[tuple[Callable[[SegmentedCloud], object], str]] = [
    (lambda seen: None, "observe gave NoneType, it must give a SegmentedCloud"),
    (lambda seen: replace(seen, frame="camera"), "in the frame 'camera': turn them into that of planning"),
    (lambda seen: replace(seen, points=1000 * seen.points), r"points \d+ m away; they are in metres, not in millimetres"),
    (lambda seen: cloud(512), "sees 512 points a segment, 16 to 256 are taken: draw 128"),
    (lambda seen: cloud(1), "sees 1 points a segment"),
]


@pytest.mark.parametrize(("spoil", "said"), WRONG)
def test_what_is_wrong_is_told_with_what_to_do(spoil: Callable[[SegmentedCloud], object], said: str) -> None:
    with pytest.raises(PartError, match=f"robot 'Own' of test.*{said}"):
        RobotObserver(Own(spoil(cloud())), GeometricDetector()).look()
