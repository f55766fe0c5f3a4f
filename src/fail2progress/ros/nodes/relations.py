"""relations: what holds between the segments; what is hidden now is remembered and moved as the plan expects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fail2progress_msgs.msg import Step

from fail2progress.agent.monitor import SkillExecution
from fail2progress.core.memory import ObjectMemory
from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.perception.relations.registry import relation_detector
from fail2progress.ros.conversions.observations import observation_msg
from fail2progress.ros.conversions.records import attempt_of, phase_of
from fail2progress.ros.conversions.values import Refused, cloud_of, stamp_of, uuid_text
from fail2progress.ros.model_node import ModelNode
from fail2progress.ros.set_back import Stamps, still


class RelationsNode(ModelNode):
    """Between the start and the end of a step things are in the robot's hand: memory waits until they are let go."""

    def start(self) -> None:
        """See StackNode."""
        self.load()
        self.found: Observation | None = None
        """What was detected last."""
        self._choose()
        self.memory = ObjectMemory()
        self.episode, self.finished, self.moving = "", 0, False
        self.stamps = Stamps(self.count)
        self.since = 0
        """Observations before this time belong to the step that has ended since."""
        self.pending: SkillExecution | None = None
        """Ended, but its effect has not been seen yet."""
        self.listen("steps", self.step, when_inactive=True)
        self.listen("segments", self.observe)

    def step(self, message: Any) -> None:
        """A step starts or ends. What was seen before it stands in the message, so that nothing depends on the past.

        Of an episode that is over none is under way, whether or not its end was told: its planner may have died.
        """
        phase, stamp = phase_of(message), stamp_of(message.header.stamp)
        if self.stamps.went_back("steps", stamp):
            self.since = still(self.since, stamp)
        if phase == Step.OVER:
            self.moving = False
            return
        attempt, episode = attempt_of(message), uuid_text(message.episode)
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
        if self.stamps.went_back("segments", cloud.stamp):
            self.since = still(self.since, cloud.stamp)
        settled = not self.moving and cloud.stamp >= self.since
        seen = self._remember(cloud) if settled else cloud
        if not seen.seen.any():
            self.count("segments/empty", "an observation without a single point")
            return
        found = self._detected(seen)
        self.facts["relations"] = str(len(found.relations.holding()))
        self.tell("relations", observation_msg(found, self.episode, self.finished, not settled))

    def _detected(self, cloud: SegmentedCloud) -> Observation:
        """With the relations that hold; while nothing changes, those of before. Refused where they cannot be told."""
        if self.found is not None and cloud.alike(self.found.cloud):
            return replace(self.found, cloud=cloud)
        try:
            self.found = self.detector.observe(cloud)
        except ValueError as error:
            raise Refused("points", str(error)) from error
        return self.found

    def update_model(self, message: Any) -> None:
        """See ModelNode; from now on the detector goes by the new model."""
        super().update_model(message)
        self._choose()

    def _choose(self) -> None:
        """The detector that the parameter names; ValueError where there is none."""
        current = self.live.current
        self.detector = relation_detector(str(self.param("relations")), current.model, current.digest)
        self.found = None
        self.facts["detector"] = self.detector.name

    def _remember(self, cloud: SegmentedCloud) -> SegmentedCloud:
        """What is hidden, filled in; once after a step, moved as expected."""
        attempt, self.pending = self.pending, None
        last = self.memory.last
        if last is not None and last.points.shape[1] != cloud.points.shape[1]:
            self.memory.forget()
        if attempt is None:
            return self.memory.update(cloud)
        return self.memory.update(cloud, attempt.planned.displacement, attempt.planned.call.object)
