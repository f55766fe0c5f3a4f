"""recorder: everything on the wire into a bag."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fail2progress_msgs.msg import Step
from rclpy.serialization import deserialize_message

from fail2progress.core.files import remove_abandoned
from fail2progress.ros import graph as table
from fail2progress.ros.bags.cdr import DamagedError, header_stamp
from fail2progress.ros.bags.pictures import COMPRESSED, Packer
from fail2progress.ros.bags.writer import METADATA, BagWriter
from fail2progress.ros.conversions.values import Refused, stamp_of, uuid_text
from fail2progress.ros.delivery import message_type, offered, subscribe
from fail2progress.ros.image_throttle import Thinning
from fail2progress.ros.lifecycle import StackNode

SAVE = 5.0


class RecorderNode(StackNode):
    """Messages are taken as bytes, images are thinned out and compressed."""

    def start(self) -> None:
        """See StackNode. BagError (a ValueError) where the bag exists."""
        named = str(self.param("bag"))
        self.writer = BagWriter(Path(named) if named else _next(self.state_dir / "bags"))
        self.made.callback(self._finish)
        self.facts["bag"] = str(self.writer.folder)
        self.packers = {name: Packer() for name in (*table.CAMERA, table.LABELS[0])}
        self.thinning: Thinning[tuple[str, str, bytes]] = Thinning(float(self.param("image_rate")))
        for name in self.entry.subscribes:
            topic = table.TOPICS[name]
            full = self.resolve_topic_name(name)
            package, kind = topic.type.split("/")
            images = name in (*table.CAMERA, table.LABELS[0])
            if not images:
                self.writer.add_topic(full, f"{package}/msg/{kind}", profile(topic))
            keep = partial(self._keep_image if images else self._keep, name, full)
            subscribe(self, topic, keep, raw=True, callback_group=self.alone)
        self.repeat(SAVE, self._save)

    def _keep(self, name: str, topic: str, data: bytes) -> None:
        if self.active:
            self.guarded(name, partial(self._keep_own, name, topic), data)

    def _keep_own(self, name: str, topic: str, data: bytes) -> None:
        """What this run says; Refused for another's, and for what is no such message."""
        kind = table.TOPICS[name]
        message: Any = _read(data, message_type(kind.type)) if kind.own else None
        self.others.check(kind, message.run if kind.own else "")
        self._write(topic, data)
        if name == "steps":
            self._follow_step(message)
        elif name == "looks" and message.when:
            for of, place, image in self.thinning.looks(stamp_of(message.header.stamp)):
                self._write_image(of, place, image)
        elif name == "verdicts":
            self._follow_verdict(message)

    def _write(self, topic: str, data: bytes) -> None:
        with self.lock:
            self.writer.write(topic, data, self.get_clock().now().nanoseconds)

    def _follow_step(self, step: Any) -> None:
        if step.phase == Step.FINISHED:
            key = (uuid_text(step.episode), int(step.step))
            for name, topic, image in self.thinning.finished(key, stamp_of(step.header.stamp)):
                self._write_image(name, topic, image)

    def _follow_verdict(self, verdict: Any) -> None:
        self.thinning.judged((uuid_text(verdict.episode), int(verdict.step)), stamp_of(verdict.header.stamp))

    def _keep_image(self, name: str, topic: str, data: bytes) -> None:
        if self.active:
            self.guarded(name, partial(self._choose_image, name, topic), data)

    def _choose_image(self, name: str, topic: str, data: bytes) -> None:
        self.others.check(table.TOPICS[name], "")
        try:
            stamp = header_stamp(data)
        except DamagedError as error:
            raise Refused("bytes", str(error)) from error
        if self.thinning.keeps(stamp, (name, topic, data)):
            self._write_image(name, topic, data)

    def _write_image(self, name: str, topic: str, data: bytes) -> None:
        """Compressed, as image_transport does it, so that others read it; as it came where that cannot be."""
        made = self.packers[name](data) if name != table.CAMERA[2] else None
        package, kind = table.TOPICS[name].type.split("/")
        full, of = (topic, f"{package}/msg/{kind}") if made is None else (topic + made[0], COMPRESSED)
        with self.lock:
            if not self.writer.has(full):
                self.writer.add_topic(full, of, profile(table.TOPICS[name]))
        self._write(full, data if made is None else made[1])

    def _save(self) -> None:
        self.guarded("bag", self._save_metadata, None)

    def _save_metadata(self, _: None) -> None:
        with self.lock:
            self.writer.save_metadata()

    def _finish(self) -> None:
        with self.lock:
            if self.active or (self.writer.folder / METADATA).exists():
                self.active = False
                self.writer.close()


def _read(data: bytes, kind: Any) -> Any:
    """Refused where the bytes are no such message."""
    try:
        return deserialize_message(data, kind)
    except RuntimeError as error:
        raise Refused("bytes", str(error)) from error


def _next(folder: Path) -> Path:
    """bag_0000, bag_0001, ...: a recorder that was restarted begins a new bag; what the one before was packing goes."""
    for file in folder.glob("bag_*/*.mcap"):
        remove_abandoned(file)
    taken = [int(path.name[4:]) for path in folder.glob("bag_*") if path.name[4:].isdecimal()]
    return folder / f"bag_{max(taken, default=-1) + 1:04d}"


def profile(topic: table.Topic) -> str:
    """How a topic is published, in the middleware's numbers, as rosbag2 writes it; it reads only profiles that are complete."""
    found = offered(topic)
    reliability, durability = found.reliability.value, found.durability.value
    for_ever = "{sec: 9223372036, nsec: 854775807}"
    return (
        f"- history: 1\n  depth: {found.depth}\n  reliability: {reliability}\n  durability: {durability}\n"
        f"  deadline: {for_ever}\n  lifespan: {for_ever}\n  liveliness: 1\n  liveliness_lease_duration: {for_ever}\n"
        "  avoid_ros_namespace_conventions: false\n"
    )
