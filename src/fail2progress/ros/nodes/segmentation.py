"""segmentation: RGB-D images to segmented clouds in the planning frame."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fail2progress_msgs.msg import Step
from numpy.typing import NDArray

from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.perception.amodal import AmodalBox, amodal_boxes
from fail2progress.perception.frames.alignment import FirstFrames
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.registry import segmenter
from fail2progress.perception.tracking.tracker import Tracker
from fail2progress.robots.own_parts import OwnParts, own_parts
from fail2progress.robots.stretch.free_space import CELL, occupancy, thinned
from fail2progress.ros.bags.gravity import Readings
from fail2progress.ros.catching_up import Pace, catch_up
from fail2progress.ros.conversions.images import frame_of
from fail2progress.ros.conversions.points import grid_msg, points_msg, whole_msg
from fail2progress.ros.conversions.records import attempt_of, phase_of
from fail2progress.ros.conversions.values import Refused, cloud_of, segments_msg, stamp_of
from fail2progress.ros.graph import BEFORE, CAMERA, IMU, LABELS
from fail2progress.ros.lifecycle import StackNode
from fail2progress.ros.moments import Moments
from fail2progress.ros.set_back import Stamps, still
from fail2progress.ros.transforms import FrameTree, NotYet

COLOUR, DEPTH, INFO = CAMERA
SILENCE = 2.0
"""Seconds without a heartbeat of the planner after which nothing is under way any more."""
SKIPPED = 3
"""Every so many rows and columns of an image are looked at for obstacles."""
PARTS, MEANINGS = (COLOUR, DEPTH), {LABELS[0]: LABELS[1]}
KEPT = 8
"""Frames whose transforms have not come yet."""
LASTING = "of one label image, for later ones, too, each late: send them with each, or, if they never change, without a stamp (0)"
READINGS = 500
"""Of the IMU that are kept: those of a second or more."""


class SegmentationNode(StackNode):
    """Waits until the images of one moment are there, and segments the newest; the same images again cost nothing."""

    def start(self) -> None:
        """See StackNode."""
        self.segmenter = segmenter(str(self.param("segmenter")))
        self.labelled = self.segmenter.needs_labels
        urdf = str(self.param("urdf"))
        self.own: OwnParts | None = own_parts(Path(urdf)) if urdf else None
        self.frames = FrameTree()
        self.moments = Moments(PARTS + LABELS, MEANINGS) if self.labelled else Moments(PARTS)
        self.due: deque[dict[str, Any]] = deque()
        """Whole frames; where the camera was then is not known yet."""
        self.first = FirstFrames(f"depth on {DEPTH}")
        self.last: tuple[Any, ...] = ()
        self.cloud: SegmentedCloud | None = None
        self.around: NDArray[np.float32] | None = None
        self.tracker = Tracker()
        self.shift: dict[str, Array] = {}
        """Metres by which a finished step is thought to have moved things, until it has been seen."""
        self.moving, self.heard = False, 0.0
        self.stamps = Stamps(self.count)
        self.began, self.ended = 0, 0
        """When the last step began, and when it ended (ns): an image of the time between may come after the news of its end."""
        self.looking: int | None = None
        """Since when the robot stands still in the middle of a step, its arm out of view, to be shown what is there."""
        self.looked = (0, -1)
        """From when until when it did so after its last skill."""
        self.untouched = False
        """Whether it looks before its skill: nothing has been moved yet."""
        self.expected: tuple[Any, ...] = ()
        """Episode and number of the step whose shift has been taken."""
        self.info: Any = None
        """The newest camera info: drivers send one with every image, or one at the start."""
        self.gravity = Readings(READINGS)
        self.whole: dict[str, AmodalBox] = {}
        self.pace = Pace()
        self.taking = False
        self.inlets = self._inlets_in_order()

    def _inlets_in_order(self) -> list[Any]:
        """Subscriptions in the order in which what has come is taken in: what a robot does counts before what its camera sees,
        and where the camera was is asked of the newest image."""
        heard: dict[str, Callable[[Any], None]] = {
            "steps": self.step,
            "looks": self.look,
            "heartbeat": self.hear,
            **{name: partial(self.take, name) for name in PARTS},
            INFO: self.take_info,
            IMU: self.weigh,
            **({name: partial(self.take, name) for name in reversed(LABELS)} if self.labelled else {}),
            "tf": partial(self.transform, False),
            "tf_static": partial(self.transform, True),
        }
        when_inactive = ("steps", "looks", "heartbeat", "tf", "tf_static")
        return [inlet for name, take in heard.items() for inlet in self.listen(name, take, name in when_inactive)]

    def hear(self, message: Any) -> None:
        """The planner is at work."""
        self.heard = time.monotonic()

    def step(self, message: Any) -> None:
        """Without labels, identities are kept through a skill by what it is thought to move: once, when it is seen next."""
        phase, stamp = phase_of(message), stamp_of(message.header.stamp)
        if phase == Step.STARTED:
            self.began, self.ended = stamp, 0
        elif self.moving:
            self.ended = stamp
        self.moving = phase == Step.STARTED
        self.hear(message)
        if phase == Step.FAILED:
            self.shift, self.expected = {}, ()  # another skill may be tried in its place
        elif phase in (Step.STARTED, Step.FINISHED):
            attempt = attempt_of(message)
            key = (bytes(message.episode.uuid), attempt.step)
            if key != self.expected:
                self.expected = key
                self.shift = dict(zip(attempt.before.names, attempt.planned.displacement, strict=True))

    def look(self, message: Any) -> None:
        """The robot stands still and looks, before or after its skill, or moves on."""
        stamp = stamp_of(message.header.stamp)
        if self.looking is not None and not self.untouched:
            self.looked = self.looking, stamp
        self.looking = stamp if message.when else None
        self.untouched = message.when == BEFORE

    def take_info(self, message: Any) -> None:
        """Where pixels look to."""
        self.info = message
        self.pace.see(self.now())
        if self.due:
            self.work_off()

    def weigh(self, message: Any) -> None:
        """Which way is up beside the camera."""
        force = message.linear_acceleration
        reading = np.array([force.x, force.y, force.z])
        if not self.gravity.add(stamp_of(message.header.stamp), message.header.frame_id, reading):
            raise Refused("frame", f"readings in {message.header.frame_id[:60]!r}; those of an optical frame are used")

    def take(self, name: str, message: Any) -> None:
        """Put a message to the others of its moment; segment when all are there."""
        slop = float(self.param("slop")) * SECOND
        whole = self.moments.take(name, stamp_of(message.header.stamp), message, slop)
        if name in self.moments.unexplained:
            self.count("label_names", f"labels without a message on {LABELS[1]}: does whoever sends them send it?")
        if self.moments.outlived:
            self.facts["names"] = LASTING
            self.get_logger().warning(f"{LABELS[1]}: {LASTING}", once=True)
        for lacking in self.moments.give_up():
            self.count("incomplete", f"images of a moment: none on {', '.join(lacking)} with its stamp; {self.moments.newest()}")
        if whole:
            self.due += whole
            self.work_off()

    def transform(self, fixed: bool, message: Any) -> None:
        """Where frames are: what waits for it is segmented."""
        self.frames.add(message, fixed)
        if self.due:
            self.work_off()

    def work_off(self) -> None:
        """Segment the newest frame for whose time the camera's place is known; older ones are of no use any more."""
        if self.taking:
            return
        self.taking = True
        try:
            catch_up(self.inlets)
        finally:
            self.taking = False
        self._newest()

    def _newest(self) -> None:
        """Of those that are due."""
        while len(self.due) > KEPT:
            self.due.popleft()
            self.count("transform", "no transform as late as the images; is the robot's tf running?")
        if self.info is None:
            self.count("camera_info", f"images without a message on {INFO}: does the camera's driver send it?")
            return
        for moment in reversed(self.due):
            header = moment[DEPTH].header
            try:
                pose = self.frames.lookup(str(self.param("planning_frame")), header.frame_id, stamp_of(header.stamp))
            except NotYet:
                continue
            while self.due.popleft() is not moment:
                pass
            self.segment(moment, pose)
            return

    def _arm_in_view(self, stamp: int) -> bool:
        """Whether an image is of the middle of a skill, with the robot's own arm in view, and things in its hand."""
        if self.looking is not None and stamp >= self.looking:
            return False
        if self.moving:
            return time.monotonic() - self.heard < SILENCE
        over = self.began <= stamp < self.ended and not self.looked[0] <= stamp <= self.looked[1]
        if over:
            self.count("step", "images of a skill that came after the news of its end")
        return over

    def _forget_after(self, stamp: int) -> None:
        """The clock was set back: what is remembered of times after an image (ns) would be waited for."""
        self.began, self.ended = still(self.began, stamp), still(self.ended, stamp)
        self.looked = self.looked if still(self.looked[1], stamp) else (0, -1)
        self.looking = self.looking and still(self.looking, stamp)

    def _due_shift(self, stamp: int) -> dict[str, Array]:
        """What a skill is thought to have moved since the last frame; it counts once, in an image (ns) of a time when it had
        begun."""
        if (self.moving and self.untouched) or stamp < self.began:
            return {}
        shift, self.shift = self.shift, {}
        return shift

    def _links(self, header: Any) -> dict[str, Array]:
        """(4, 4) of the robot's links in the camera's frame at the time of an image: of those of which tf knows it."""
        found: dict[str, Array] = {}
        for part in self.own.parts if self.own is not None else ():
            try:
                place = self.frames.lookup(header.frame_id, part.link, stamp_of(header.stamp))
            except (NotYet, Refused):
                continue
            if place is not None:
                found[part.link] = place
        return found

    def segment(self, moment: dict[str, Any], pose: Array | None) -> None:
        """One frame to segments. Images that are the same as the last ones give the same segments."""
        frame_id = str(self.param("planning_frame"))
        labels = (moment[LABELS[0]], moment[LABELS[1]]) if self.labelled else None
        said = labels and (labels[0].data, list(labels[1].names), list(labels[1].categories))
        images = (moment[COLOUR].data, moment[DEPTH].data, said, pose if pose is None else pose.tobytes())
        stamp = stamp_of(moment[DEPTH].header.stamp)
        newest = max(stamp_of(moment[name].header.stamp) for name in PARTS)
        if self.stamps.went_back(DEPTH, newest):
            self._forget_after(newest)
        if not self.labelled and self._arm_in_view(newest):
            return
        if self.cloud is None or images != self.last or (self.shift and not self.labelled):
            try:
                frame = frame_of(moment[COLOUR], moment[DEPTH], self.info, pose, frame_id, labels)
                self._tell_beside(frame)
                frame = frame if self.own is None else self.own.left_out(frame, self._links(moment[DEPTH].header))
                up = self.gravity.up(stamp) if pose is None else None
                frame = frame if up is None else replace(frame, up=up, up_source="the IMU")
                perceived = self.segmenter.segment(frame)
                if not self.labelled:
                    perceived = self.tracker.update(perceived, self._due_shift(newest), frame.colour)
            except PerceptionError as error:
                raise Refused("perception", str(error)) from error
            self.around = _all_seen(frame, perceived.pose) if self.param("obstacles") else None
            # What others would refuse is not published.
            self.cloud, self.last = cloud_of(segments_msg(perceived.cloud())), images
            if self.offers("segments/whole"):
                self.whole = {p.id: box for p, box in zip(perceived.segments, amodal_boxes(perceived), strict=True)}
            self.facts["segments"] = str(len(self.cloud))
            if perceived.way_up is not None:
                self.facts["up by"] = perceived.way_up.source
            self.facts["seconds"] = f"{perceived.seconds.get('total', 0.0):.3f}"
        if self.around is not None:
            self.tell("obstacles", points_msg(thinned(self.around), frame_id, stamp))
            self.tell("costmap", grid_msg(occupancy(self.around), CELL, frame_id, stamp))
        self.tell("segments", segments_msg(replace(self.cloud, stamp=stamp)))
        self._keep_pace(stamp)
        if self.offers("segments/whole"):
            kinds = dict(zip(self.cloud.names, self.cloud.categories, strict=True))
            self.tell("segments/whole", whole_msg(self.whole, kinds, frame_id, stamp))

    def _tell_beside(self, frame: RgbdFrame) -> None:
        """Say once where depth seems not to lie on its colours."""
        for note in self.first.notes(frame):
            self.facts["alignment"] = note
            self.get_logger().warning(note)

    def _keep_pace(self, stamp: int) -> None:
        """Say from time to time how many of the camera's images are looked at."""
        if said := self.pace.tell(stamp, self.now()):
            self.facts["pace"] = said
            self.get_logger().info(said, throttle_duration_sec=60.0)


def _all_seen(frame: RgbdFrame, pose: Array) -> NDArray[np.float32]:
    """(N, 3) points (m, planning frame) of all that a frame shows, the floor too."""
    points = frame.points()[::SKIPPED, ::SKIPPED].reshape(-1, 3)
    there = points[np.isfinite(points).all(axis=1)]
    return np.asarray(there @ pose[:3, :3].T + pose[:3, 3], np.float32)
