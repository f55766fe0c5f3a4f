"""The loop's eyes: what is seen is remembered once, and its relations are detected once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

import numpy as np

from fail2progress.core.memory import ObjectMemory
from fail2progress.core.observation import POINTS, POINTS_TAKEN, Observation, SegmentedCloud
from fail2progress.core.parts import PartError, guarded, told_part
from fail2progress.core.scene import FRAME, LARGEST
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import Belief, encode_observation
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.perception.relations.registry import relation_detector
from fail2progress.planning.planned import PlannedSkill
from fail2progress.robots.base import ExecutionError, Robot


class Observer(ABC):
    """Looks at the scene; planner and monitor use what it gives them."""

    @abstractmethod
    def look(self, done: PlannedSkill | None = None) -> Observation:
        """What is seen now. done: the skill carried out since the last look, and how it is thought to have moved the segments."""

    @abstractmethod
    def adopt(self, model: SkillEffectModel, digest: str) -> Observation:
        """The scene as it was seen last, by another model from now on."""

    def belief(self, model: SkillEffectModel, seen: Observation) -> Belief:
        """An observation in latent form, to plan from."""
        return encode_observation(model, seen.cloud)


def looked(robot: Robot) -> SegmentedCloud:
    """What a robot sees. PartError where it raises anything but an ExecutionError, or gives no cloud of the planning frame, in
    metres, with as many points a segment (POINTS_TAKEN) as models take."""
    with guarded("robot", robot, meant=ExecutionError):
        seen: object = robot.observe()
    told = told_part("robot", robot)
    if not isinstance(seen, SegmentedCloud):
        raise PartError(f"{told}, observe gave {type(seen).__name__}, it must give a SegmentedCloud")
    if seen.frame != FRAME:
        raise PartError(
            f"{told} sees points in the frame {seen.frame!r}: turn them into that of planning (x away from the robot, "
            f"y to its left, z up) and say frame={FRAME!r}"
        )
    least, most = POINTS_TAKEN
    if len(seen) and not least <= seen.points.shape[1] <= most:
        raise PartError(
            f"{told} sees {seen.points.shape[1]} points a segment, {least} to {most} are taken: draw {POINTS} of them, "
            "with repeats where there are fewer, as resample of fail2progress.perception.segmentation.base does"
        )
    farthest = float(np.nanmax(np.abs(seen.points), initial=0.0)) if seen.seen.any() else 0.0
    if farthest > LARGEST:
        raise PartError(
            f"{told} sees points {farthest:.0f} m away; they are in metres, not in millimetres, of the planning frame"
        )
    return seen


@dataclass
class RobotObserver(Observer):
    """Looks through a robot in this process."""

    robot: Robot
    detector: RelationDetector
    memory: ObjectMemory = field(default_factory=ObjectMemory)

    def look(self, done: PlannedSkill | None = None) -> Observation:
        """See Observer."""
        shift, handled = (None, None) if done is None else (done.displacement, done.call.object)
        if shift is not None and self.memory.last is not None:
            with guarded("robot", self.robot, meant=ExecutionError):
                self.robot.expect(dict(zip(self.memory.last.names, shift, strict=True)))
        seen = self.detector.observe(self.memory.update(looked(self.robot), shift, handled))
        with guarded("robot", self.robot, meant=ExecutionError):
            return replace(seen, image=self.robot.picture())

    def adopt(self, model: SkillEffectModel, digest: str) -> Observation:
        """See Observer. ValueError where nothing has been seen yet."""
        if self.memory.last is None:
            raise ValueError("nothing has been seen yet")
        self.detector = relation_detector(self.detector.name, model, digest)
        return self.detector.observe(self.memory.last)

    def belief(self, model: SkillEffectModel, seen: Observation) -> Belief:
        """See Observer. What was encoded to detect relations is not encoded again."""
        known = self.detector.encoded(model, seen.cloud)
        return known if isinstance(known, Belief) else super().belief(model, seen)
