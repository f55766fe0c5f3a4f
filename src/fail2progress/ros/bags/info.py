"""What a bag holds and what of it would be played, without starting anything. Imports no ROS."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fail2progress.ros import graph as table
from fail2progress.ros.bags.playback import TRANSFORMS, relative
from fail2progress.ros.bags.reader import Recorded, read

IMAGE = "sensor_msgs/msg/Image"
LONGEST_NAME = 256


@dataclass
class TopicInfo:
    """One topic: its messages, when they came (ns), and for images what their pixels are."""

    name: str
    type: str
    count: int = 0
    first: int = 0
    last: int = 0
    gap: int = 0
    """Longest time between two messages, ns."""
    encodings: set[str] = field(default_factory=set)

    def add(self, item: Recorded) -> None:
        """Count a message."""
        self.gap = max(self.gap, item.time - self.last) if self.count else 0
        self.first = self.first if self.count else item.time
        self.last, self.count = item.time, self.count + 1
        if item.type == IMAGE and (found := encoding(item.data)) is not None:
            self.encodings.add(found)

    @property
    def stack_name(self) -> str | None:
        """What the stack calls it, if it is one that the stack knows."""
        return relative(self.name)

    def to_dict(self) -> dict[str, object]:
        """For --json; seconds."""
        seconds = (self.last - self.first) / 1e9
        return {
            "topic": self.name,
            "type": self.type,
            "messages": self.count,
            "rate_hz": (self.count - 1) / seconds if seconds > 0 else None,
            "longest_gap_s": self.gap / 1e9,
            "encodings": sorted(self.encodings),
            "played_as": self.stack_name,
        }


@dataclass(frozen=True)
class BagInfo:
    """All topics, in the order in which they first appear."""

    path: Path
    topics: tuple[TopicInfo, ...]

    @property
    def source(self) -> str | None:
        """Where a replay takes observations from: segments as they were at the time, else the camera; None where from nowhere."""
        there = {topic.stack_name for topic in self.topics if topic.count}
        if "segments" in there:
            return "segments"
        return "camera" if set(table.CAMERA) <= there else None

    def missing(self) -> str:
        """Why nothing can be replayed, with the topics that there are."""
        there = {topic.stack_name for topic in self.topics if topic.count}
        lacks = [name for name in table.CAMERA if name not in there]
        names = ", ".join(f"{topic.name} ({topic.type})" for topic in self.topics) or "none at all"
        why = f"neither segments nor a whole camera (no {', no '.join(lacks)})" if lacks else "what was asked for is not in it"
        return f"{self.path}: nothing to replay: {why}; its topics: {names}"

    def warnings(self) -> list[str]:
        """What people should know before they believe a replay."""
        names = [topic.stack_name for topic in self.topics if topic.stack_name in (*table.CAMERA, "segments", "steps")]
        several = sorted({name for name in names if name is not None and names.count(name) > 1})
        there = set(names)
        found = [f"{name} comes from several topics: more than one robot or camera" for name in several]
        transforms = {topic.stack_name for topic in self.topics if topic.count} & set(TRANSFORMS)
        if self.source == "camera" and not transforms:
            found.append("no transforms: the camera's place is worked out from the table in every frame")
        if "steps" not in there:
            found.append("no steps: there is nothing to judge, only segments and relations to see")
        return found

    def to_dict(self) -> dict[str, object]:
        """For --json."""
        return {
            "bag": str(self.path),
            "source": self.source,
            "topics": [topic.to_dict() for topic in self.topics],
            "warnings": self.warnings(),
        }


def info(path: Path) -> BagInfo:
    """Look through a bag; BagError where it cannot be read."""
    return BagInfo(path, tuple(_topics(read(path)).values()))


def _topics(items: Iterable[Recorded]) -> dict[str, TopicInfo]:
    found: dict[str, TopicInfo] = {}
    for item in items:
        found.setdefault(item.topic, TopicInfo(item.topic, item.type)).add(item)
    return found


def encoding(data: bytes) -> str | None:
    """The encoding of a serialised sensor_msgs/Image: header (stamp, frame_id), height, width, then it; None where damaged."""
    order = "<" if len(data) > 1 and data[1] & 1 else ">"
    try:
        (length,) = struct.unpack_from(f"{order}I", data, 12)
        place = 16 + length
        place += -(place - 4) % 4 + 8
        (size,) = struct.unpack_from(f"{order}I", data, place)
    except struct.error:
        return None
    text = data[place + 4 : place + 3 + size]
    return text.decode("ascii", "replace") if 0 < size <= LONGEST_NAME and len(text) == size - 1 else None
