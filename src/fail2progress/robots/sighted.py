"""A simulated robot of which the loop knows what its camera shows, segmented and tracked: none of the simulator's names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segmenter
from fail2progress.perception.tracking.tracker import Tracker
from fail2progress.robots.base import RefusedError, Robot
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.stretch.seen import merged, segments_showing, things_shown, true_name
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.skills.adjustments import Adjustments
from fail2progress.skills.base import SkillCall


@dataclass
class SightedRobot(Robot):
    """Its hand takes a thing to be the one in whose true box most of a segment's points lie (docs/decisions/0082).

    For judging, not seen by the loop: `owners`, the true name of every segment that was the first to show a thing, and `shown`,
    that of every segment that shows one, also of several in one thing.
    """

    robot: SimulatedRobot | SimulatedStretch
    segmenter: Segmenter
    tracker: Tracker = field(default_factory=Tracker)
    owners: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen: SegmentedCloud | None = None
        self.kind = self.robot.kind

    def adjust(self, adjustments: Adjustments) -> None:
        """See Robot."""
        super().adjust(adjustments)
        self.robot.adjust(adjustments)

    def observe(self) -> SegmentedCloud:
        """See Robot. What cannot be segmented shows nothing; what was seen before is then where it is thought to be."""
        if self._seen is None:
            looks = [self._look(frame).cloud() for frame in self.robot.looks]
            self._seen = looks[0] if len(looks) == 1 else merged(looks)
            self._own(self._seen)
        return self._seen

    def picture(self) -> NDArray[np.uint8] | None:
        """See Robot: the first of its looks."""
        return self.robot.looks[0].colour

    def execute(self, call: SkillCall) -> None:
        """See Robot. RefusedError also where the object of the skill is nothing that is there."""
        seen, scene = self.observe(), self.robot.scene
        try:
            handled = true_name(call.object, seen, scene)
            target = None if call.target is None else true_name(call.target, seen, scene)
        except ValueError as error:
            raise RefusedError(str(error)) from error
        self._seen = None
        self.robot.execute(replace(call, object=handled, target=target))

    def segment_of(self, name: str) -> str | None:
        """The segment that shows a thing of the simulator's: of several the one that shows most of it; None where none does."""
        return segments_showing(self.observe(), self.robot.scene).get(name)

    def _look(self, frame: RgbdFrame) -> Perceived:
        meant, self.meant = self.meant, {}
        try:
            found = self.segmenter.segment(replace(frame, labels=None))
        except PerceptionError:
            pose = np.eye(4) if frame.pose is None else frame.pose
            found = Perceived((), (), pose, frame.intrinsics.width, frame.intrinsics.height, stamp=frame.stamp)
        return self.tracker.update(found, meant, frame.colour)

    def _own(self, seen: SegmentedCloud) -> None:
        """Things that are shown for the first time: of several segments the one that shows most of it."""
        now = things_shown(seen, self.robot.scene)
        self.shown.update(now)
        order = sorted(now.items(), key=lambda pair: -float(seen.visibility[seen.index(pair[0])]))
        for segment, thing in order:
            if segment not in self.owners and thing not in self.owners.values():
                self.owners[segment] = thing
