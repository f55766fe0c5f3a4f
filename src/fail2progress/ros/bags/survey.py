"""What a bag holds, in one pass over it: topics, rates, gaps, pixels, frames. Imports no ROS."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from fail2progress.perception.frames.distortion import Lens, lens_of
from fail2progress.ros.bags import pictures
from fail2progress.ros.bags.cdr import Cdr, DamagedError, header_stamp, stamped_transforms, transforms
from fail2progress.ros.bags.layout import check, layout
from fail2progress.ros.bags.pictures import COMPRESSED
from fail2progress.ros.bags.recorded import CDR, Recorded

IMAGE = "sensor_msgs/msg/Image"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TRANSFORM = "tf2_msgs/msg/TFMessage"
SEGMENTS, STEP, LOOK, NAMES = (f"fail2progress_msgs/msg/{kind}" for kind in ("Segments", "Step", "Look", "LabelNames"))
STAMPED = (IMAGE, COMPRESSED, CAMERA_INFO, SEGMENTS, STEP, LOOK, NAMES)
"""Types whose messages go by the stamp that they begin with."""
MOST_TRANSFORMS = 500
"""Messages of a topic of transforms that are looked into: a tree of frames does not change later."""
LONGEST_NAME = 256
NO_STAMP = "no stamp that says when things were seen"


@dataclass
class Topic:
    """One topic: its messages, when they came (ns), and what those of a camera and of transforms hold."""

    name: str
    type: str
    serialization: str = CDR
    """How its messages are encoded; only CDR is looked into and played."""
    count: int = 0
    first: int = 0
    last: int = 0
    gap: int = 0
    """Longest time between two messages, ns."""
    back: int = 0
    """Longest time by which a message came before the one that was written before it, ns: a clock that was set back."""
    encodings: set[str] = field(default_factory=set)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    """(width, height) of images and of what camera infos speak of, px."""
    focal: set[tuple[float, ...]] = field(default_factory=set)
    """fx, fy, cx, cy of camera infos, px."""
    lens: Lens | None = None
    """That the last of them speaks of."""
    frames: set[str] = field(default_factory=set)
    edges: set[tuple[str, str]] = field(default_factory=set)
    """(parent, child) of transforms."""
    stamps: list[int] = field(default_factory=list)
    """Of whole messages that go by theirs, ns; times of arrival where a driver leaves them at 0, but none for names of labels."""
    unstamped: bool = False
    """Whether a driver does."""
    jump: int = 0
    """Longest time by which a stamp is before that of the message before it, ns."""
    depths: list[float] = field(default_factory=list)
    """Median readings of depth images, as they stand in them, of ever fewer as there are more; NaN for images without any."""
    damaged: int = 0
    """Messages that are not what their type says."""
    damage: str = ""
    """What is wrong with the first of them."""

    def add(self, item: Recorded) -> None:
        """Count a message."""
        if self.count:
            self.gap = max(self.gap, item.time - self.last)
            self.back = max(self.back, self.last - item.time)
        else:
            self.first = item.time
        self.last, self.count = item.time, self.count + 1
        if item.encoding != CDR:
            self.serialization = item.encoding
            return
        try:
            self._look_into(item.data)
            if self.type in (SEGMENTS, STEP, LOOK) and item.definition:
                check(item.data, layout(item.type, item.definition))
            if self.type in STAMPED:
                self._take_stamp(header_stamp(item.data), item.time)
        except DamagedError as error:
            self.damaged, self.damage = self.damaged + 1, self.damage or str(error)

    @property
    def whole(self) -> bool:
        """Whether a message of it can be read."""
        return self.damaged < self.count

    def _take_stamp(self, stamp: int, time: int) -> None:
        """A message's own (ns), or that of its arrival. DamagedError for segments without: these arrive long after the image that
        they were seen in, and would pass for what was seen after a step that had not ended by then."""
        if not stamp and self.type == SEGMENTS:
            raise DamagedError(NO_STAMP)
        self.unstamped = self.unstamped or not stamp
        if not stamp and self.type == NAMES:
            return
        self.jump = max(self.jump, self.stamps[-1] - (stamp or time)) if self.stamps else 0
        self.stamps.append(stamp or time)

    def _look_into(self, data: bytes) -> None:
        if self.type == IMAGE:
            self._add_image(data)
        elif self.type == COMPRESSED:
            self.frames.add(Cdr(data).header()[1])
            self.encodings.add(pictures.describe(data))
            if not any(map(pictures.unknown, self.encodings)):
                self.sizes.add(pictures.size(data))
        elif self.type == CAMERA_INFO:
            self._add_info(data)
        elif self.type == TRANSFORM and self.count <= MOST_TRANSFORMS:
            self.edges.update(transforms(data))
            self.unstamped = self.unstamped or stamped_transforms(data, 1) != data

    def _add_image(self, data: bytes) -> None:
        cdr = Cdr(data)
        self.frames.add(cdr.header()[1])
        height, width = cdr.numbers("I", 2)
        name = cdr.text()
        if len(name) > LONGEST_NAME:
            raise DamagedError(f"an encoding of {len(name)} characters")
        self.encodings.add(name)
        self.sizes.add((width, height))
        _, step = cdr.number("B"), cdr.number("I")
        if len(content := cdr.content()) < step * height:
            raise DamagedError(f"an image of {width} x {height} pixels with {len(content)} bytes")
        if self.encodings <= set(pictures.DEEP) and self.count & (self.count - 1) == 0:
            readings = pictures.depths(data)
            self.depths.append(float(np.median(readings)) if readings.size else math.nan)

    def _add_info(self, data: bytes) -> None:
        cdr = Cdr(data)
        self.frames.add(cdr.header()[1])
        height, width = cdr.numbers("I", 2)
        self.lens = lens_of(cdr.text(), cdr.numbers("d", cdr.number("I")))
        k = cdr.numbers("d", 9)
        self.sizes.add((width, height))
        self.focal.add((k[0], k[4], k[2], k[5]))

    def to_dict(self) -> dict[str, object]:
        """For --json; seconds."""
        seconds = (self.last - self.first) / 1e9
        return {
            "topic": self.name,
            "type": self.type,
            "serialization": self.serialization,
            "messages": self.count,
            "rate_hz": (self.count - 1) / seconds if seconds > 0 else None,
            "longest_gap_s": self.gap / 1e9,
            "encodings": sorted(self.encodings),
            "sizes_px": sorted(self.sizes),
        }


def survey(items: Iterable[Recorded]) -> tuple[tuple[Topic, ...], int]:
    """All topics, in the order in which they first appear; and by how much messages come before earlier ones at most, ns."""
    found: dict[str, Topic] = {}
    newest = disorder = 0
    for item in items:
        found.setdefault(item.topic, Topic(item.topic, item.type)).add(item)
        newest, disorder = max(newest, item.time), max(disorder, newest - item.time)
    return tuple(found.values()), disorder
