"""view: what the stack sees, plans, meets and learns, for people: standard clouds and markers, and a time line by rerun."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fail2progress_msgs.msg import ModelUpdate, Step

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.failures.sentences import story
from fail2progress.ros import graph as table
from fail2progress.ros.conversions.images import depth_image, metres, pixels_of
from fail2progress.ros.conversions.markers import Board, cloud_msg
from fail2progress.ros.conversions.observations import observation_of
from fail2progress.ros.conversions.particles import starts_of
from fail2progress.ros.conversions.points import detections_msg
from fail2progress.ros.conversions.records import attempt_of, event_of, phase_of
from fail2progress.ros.conversions.values import MOST_TEXT, check_texts, cloud_of, planned_of, stamp_of
from fail2progress.ros.lifecycle import StackNode
from fail2progress.ros.time_line import TimeLine

COLOUR, DEPTH, _ = table.CAMERA
IMAGE_PERIOD = 500_000_000
"""Nanoseconds between two images of the time line."""
AGAIN = 2.0
"""Seconds after which the same markers are sent again: for those who come late."""
OUTCOMES = {
    ModelUpdate.ACCEPTED: "learnt",
    ModelUpdate.REJECTED: "not learnt",
    ModelUpdate.ROLLED_BACK: "rolled back",
    ModelUpdate.NOTHING_LEARNT: "nothing to learn",
}


class ViewNode(StackNode):
    """Only listens to the stack; without it everything goes on. Camera images are heard only where a time line is kept."""

    def start(self) -> None:
        """See StackNode. ValueError where a time line is asked for and rerun is missing."""
        self.board = Board()
        self.cloud: SegmentedCloud | None = None
        self.shift: Array | None = None
        """By which the skill under way was expected to move things, (N, 3) m."""
        self.shown: dict[str, int] = {}
        self.last = b""
        self.line: TimeLine | None = None
        wanted, file = str(self.param("view")), str(self.param("time_line"))
        if wanted != "none":
            self.line = TimeLine(Path(file) if file else self.state_dir / "bags" / "run.rrd", wanted == "page")
            self.made.callback(self.line.close)
            self.facts["time line"] = str(self.line.file)
            print(" ".join(("time line:", str(self.line.file), self.line.address)).strip(), flush=True)
            for name in (COLOUR, DEPTH):
                self.listen(name, partial(self.image, name))
        for name, take in {
            "segments": self.segments,
            "relations": self.relations,
            "plan": self.plan,
            "steps": self.step,
            "failures": self.failure,
            "model_updates": self.update,
            "view/particles": self.particles,
        }.items():
            self.listen(name, take)
        self.repeat(AGAIN, self.show)

    def show(self) -> None:
        """The markers as they are now."""
        if self.active:
            self.tell("view/markers", self.board.array())

    def segments(self, message: Any) -> None:
        """What is seen; the same once only."""
        cloud = cloud_of(message)
        content = cloud.points.tobytes()
        if content == self.last:
            return
        self.cloud, self.last = cloud, content
        self.board.segments(cloud)
        self.tell("view/cloud", cloud_msg(cloud))
        if self.offers("view/detections"):
            self.tell("view/detections", detections_msg(cloud))
        if self.line is not None:
            self.line.cloud("world/segments", cloud)
        self.show()

    def relations(self, message: Any) -> None:
        """What holds between what is seen."""
        seen = observation_of(message)
        self.board.relations(seen.cloud, seen.relations)

    def plan(self, message: Any) -> None:
        """What shall be done, and what is expected of it."""
        if self.cloud is not None:
            skills = [planned_of(item) for item in message.skills[:64]]
            self.board.plan(self.cloud, skills)
            self.show()
            if self.line is not None:
                said = "; ".join(str(planned.call) for planned in skills) or "nothing to do"
                self.line.text("plan", stamp_of(message.header.stamp), f"P(goal) = {message.probability:.2f}: {said}")

    def step(self, message: Any) -> None:
        """A skill begins, or ends: the failure of an earlier one is over."""
        phase, stamp = phase_of(message), stamp_of(message.header.stamp)
        if phase == Step.OVER:
            return
        attempt = attempt_of(message)
        self.shift = attempt.planned.displacement
        if phase == Step.STARTED:
            self.board.clear("failure")
            self._box("world/expected", stamp, attempt.before, attempt.planned.call.object, self.shift, (60, 120, 255, 90))
        if self.line is not None:
            words = {Step.STARTED: "begins", Step.FINISHED: "done", Step.FAILED: f"cannot: {message.error_msg}"}
            self.line.text("steps", stamp, f"{attempt.planned.call}: {words[phase]}")

    def failure(self, message: Any) -> None:
        """What was expected, and what was seen."""
        event = event_of(message)
        fits = self.shift is not None and len(self.shift) == len(event.before)
        self.board.failure(event, self.shift if fits else None)
        self.show()
        stamp, name = event.after.stamp, event.header.call.object
        self._box("world/failure", stamp, event.after, name, np.zeros((len(event.after), 3)), (230, 30, 30, 255))
        if self.line is not None:
            self.line.cloud("before", event.before)
            self.line.cloud("after", event.after)
            self.line.text("failures", stamp, " ".join(story(event)))

    def update(self, message: Any) -> None:
        """What has been learnt."""
        check_texts(message.version, message.reason[:MOST_TEXT])
        said = f"{OUTCOMES.get(message.kind, 'model')}: {message.version} {message.reason[:MOST_TEXT]}".strip()
        self.board.learning(said)
        self.show()
        if self.line is not None:
            self.line.text("learning", stamp_of(message.header.stamp), said)

    def particles(self, message: Any) -> None:
        """Where the scenes that were learnt from have what failed; RViz and Foxglove see the message itself."""
        points = starts_of(message)
        self.facts["scenes learnt from"] = str(len(points))
        if self.line is not None:
            self.line.points("world/particles", self.now(), points)

    def image(self, name: str, message: Any) -> None:
        """An image for the time line, not every one; depth may come in metres."""
        stamp = stamp_of(message.header.stamp)
        if self.line is not None and abs(stamp - self.shown.get(name, -IMAGE_PERIOD)) >= IMAGE_PERIOD:
            self.shown[name] = stamp
            pixels = pixels_of(message)
            if name == COLOUR:
                self.line.image("camera/colour", stamp, pixels)
            else:
                self.line.image("camera/depth", stamp, depth_image(metres(pixels)))

    def _box(self, path: str, stamp: int, cloud: SegmentedCloud, name: str, shift: Array, colour: tuple[int, ...]) -> None:
        row = cloud.index(name)
        if self.line is not None and cloud.seen[row]:
            self.line.boxes(path, stamp, cloud.bounds()[row : row + 1] + shift[row], [name], colour)
