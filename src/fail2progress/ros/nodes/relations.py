"""relations: what holds between the segments; what is hidden now is remembered and moved as the plan expects."""

from __future__ import annotations

from typing import Any

from fail2progress_msgs.msg import Relations, Step

from fail2progress.agent.monitor import SkillExecution
from fail2progress.core.memory import ObjectMemory
from fail2progress.core.observation import SegmentedCloud
from fail2progress.models.prediction import detect, encode_observation
from fail2progress.ros.conversions.records import attempt_of, phase_of
from fail2progress.ros.conversions.values import (
    SCHEMA,
    Refused,
    cloud_of,
    header,
    relations_msg,
    segments_msg,
    stamp_of,
    uuid_msg,
    uuid_text,
)
from fail2progress.ros.model_node import ModelNode


class RelationsNode(ModelNode):
    """Between the start and the end of a step things are in the robot's hand: memory waits until they are let go."""

    def start(self) -> None:
        """See StackNode."""
        self.load()
        self.memory = ObjectMemory()
        self.episode, self.finished, self.moving = "", 0, False
        self.since = 0.0
        """Observations before this time belong to the step that has ended since."""
        self.pending: SkillExecution | None = None
        """Ended, but not yet seen what came of it."""
        self.listen("steps", self.step, when_inactive=True)
        self.listen("segments", self.observe)

    def step(self, message: Any) -> None:
        """A step starts or ends. What was seen before it stands in the message, so that nothing depends on the past."""
        if phase_of(message) == Step.OVER:
            return
        attempt, episode, stamp = attempt_of(message), uuid_text(message.episode), stamp_of(message.header.stamp)
        if message.phase == Step.STARTED:
            self.episode, self.finished, self.moving = episode, attempt.step, True
            self.memory.last = attempt.before
        else:
            done = message.phase == Step.FINISHED
            self.episode, self.finished, self.moving = episode, attempt.step + done, False
            self.memory.last, self.pending = attempt.before, attempt if done else None
            self.since = stamp

    def observe(self, message: Any) -> None:
        """Segments in, relations out."""
        cloud = cloud_of(message)
        settled = not self.moving and cloud.stamp >= self.since
        seen = self._remember(cloud) if settled else cloud
        model = self.live.current
        if not seen.seen.any():
            self.count("segments/empty", "an observation without a single point")
            return
        try:
            found = detect(model.model, encode_observation(model.model, seen))
        except ValueError as error:
            raise Refused("points", str(error)) from error
        self.facts["relations"] = str(len(found.holding()))
        self.tell(
            "relations",
            Relations(
                header=header(seen.stamp, seen.frame),
                schema_version=SCHEMA,
                segments=segments_msg(seen),
                relations=relations_msg(found),
                model=model.digest,
                episode=uuid_msg(self.episode),
                finished=self.finished,
                moving=not settled,
            ),
        )

    def _remember(self, cloud: SegmentedCloud) -> SegmentedCloud:
        """What is hidden, filled in; once after a step, moved as expected."""
        attempt, self.pending = self.pending, None
        last = self.memory.last
        if last is not None and last.points.shape[1] != cloud.points.shape[1]:
            self.memory.forget()
        return self.memory.update(cloud, attempt.planned.displacement if attempt is not None else None)
