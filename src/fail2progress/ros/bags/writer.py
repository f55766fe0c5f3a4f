"""Writing bags in the rosbag2 layout: MCAP, each message written out as it comes, so that a crash loses none of them."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader
from mcap.writer import CompressionType, Writer

from fail2progress.core.files import whole_file, write_whole
from fail2progress.ros.bags.mcap_file import LIBRARY, PROFILE, Announcement, McapFile
from fail2progress.ros.bags.recorded import BagError

METADATA = "metadata.yaml"
LARGEST = 32 * 1024 * 1024
"""Bytes of messages from which on a bag goes on in another file: packing one must not hold up the end of a stack."""


@cache
def definition(kind: str) -> str:
    """The text of a message type with everything that it contains, as MCAP wants it ("ros2msg")."""
    parts, seen, todo = [], {kind}, [kind]
    while todo:
        name = todo.pop(0)
        text = _interface(name, ".msg")
        parts.append(text if name == kind else f"{'=' * 80}\nMSG: {name.replace('/msg/', '/')}\n{text}")
        for inner in _contained(text, name.split("/")[0]):
            if inner not in seen:
                seen.add(inner)
                todo.append(inner)
    return "\n".join(parts)


def _interface(kind: str, suffix: str) -> str:
    package, _, name = kind.split("/")
    share = import_module("ament_index_python.packages").get_package_share_directory(package)
    return (Path(share) / "msg" / f"{name}{suffix}").read_text()


def _contained(text: str, package: str) -> list[str]:
    """Message types of the fields of a definition."""
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if len(words) < 2 or "=" in line.split("#")[0]:
            continue
        base = words[0].split("[")[0].split("<")[0]
        if base[0].isupper():
            found.append(f"{package}/msg/{base}")
        elif "/" in base:
            found.append(base.replace("/", "/msg/") if "/msg/" not in base else base)
    return found


def _hash(kind: str) -> str:
    """The type's hash where this ROS version knows hashes."""
    try:
        found = json.loads(_interface(kind, ".json"))["type_hashes"]
        return str(next(item["hash_string"] for item in found if item["type_name"] == kind))
    except (OSError, KeyError, StopIteration):
        return ""


@dataclass
class _Part:
    """One file of a bag: its name, how many messages it holds, when the first and the last came (ns)."""

    name: str
    count: int = 0
    first: int = 0
    last: int = 0
    size: int = 0

    def add(self, time: int, size: int) -> None:
        self.first = time if self.count == 0 else min(self.first, time)
        self.last, self.count, self.size = max(self.last, time), self.count + 1, self.size + size

    def to_dict(self) -> dict[str, object]:
        begin, span = {"nanoseconds_since_epoch": self.first}, {"nanoseconds": self.last - self.first}
        return {"path": self.name, "starting_time": begin, "duration": span, "message_count": self.count}


class BagWriter:
    """One folder with MCAP files and their metadata.

    What is being written is not chunked: what was written is whole after kill -9. A file that is full, or the last one when the
    bag is closed, is written once more in compressed chunks and takes the first one's place.
    """

    def __init__(self, folder: Path, largest: int = LARGEST) -> None:
        if (folder / METADATA).exists():
            raise BagError(f"{folder}: there is a bag already")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.largest = folder, largest
        self._topics: dict[str, tuple[str, str]] = {}
        self._counts: dict[str, int] = {}
        self._parts: list[_Part] = []
        self._packing: list[threading.Thread] = []
        self._file: McapFile | None = None
        """The last one; None where it is finished and the next one could not be begun."""
        self._begin()
        self.save_metadata()

    def add_topic(self, topic: str, kind: str, qos: str = "") -> None:
        """Announce a topic before its first message. qos: the offered profile as YAML."""
        self._topics[topic], self._counts[topic] = (kind, qos), 0
        if self._file is not None:
            self._file.announce(self._announcement(topic))

    def has(self, topic: str) -> bool:
        """Whether a topic was announced."""
        return topic in self._topics

    def write(self, topic: str, data: bytes, time: int) -> None:
        """Append one message; it is with the operating system when this returns. OSError where it is left out, as for a full
        disk; what comes later is written once there is room again."""
        if self._file is not None and self._parts[-1].size > self.largest:
            self._end(self._file)
        file = self._file or self._begin()
        file.write(topic, data, time)
        self._counts[topic] += 1
        self._parts[-1].add(time, len(data))

    def _begin(self) -> McapFile:
        """The next file; OSError where there is no room for it."""
        part = _Part(f"{self.folder.name}_{len(self._parts)}.mcap")
        file = McapFile(self.folder / part.name)
        self._parts.append(part)
        for topic in self._topics:
            file.announce(self._announcement(topic))
        self._file = file
        return file

    def _announcement(self, topic: str) -> Announcement:
        kind, qos = self._topics[topic]
        return Announcement(topic, kind, definition(kind), {"offered_qos_profiles": qos, "topic_type_hash": _hash(kind)})

    def _end(self, file: McapFile) -> None:
        """Finish the file; pack it while others go on. Where there is no room for its end, it is read without."""
        self._file = None
        with suppress(OSError):
            file.end()
        file.close()
        packing = threading.Thread(target=pack, args=(self.folder / self._parts[-1].name,))
        packing.start()
        self._packing.append(packing)

    def save_metadata(self) -> None:
        """What rosbag2 reads first; rewritten from time to time, since a crash leaves no time for it."""
        held = [part for part in self._parts if part.count]
        first, last = min((part.first for part in held), default=0), max((part.last for part in held), default=0)
        topics = [
            {
                "topic_metadata": {
                    "name": name,
                    "type": kind,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": qos,
                    "type_description_hash": _hash(kind),
                },
                "message_count": self._counts[name],
            }
            for name, (kind, qos) in self._topics.items()
        ]
        content = {
            "version": 5,
            "storage_identifier": "mcap",
            "duration": {"nanoseconds": last - first},
            "starting_time": {"nanoseconds_since_epoch": first},
            "message_count": sum(self._counts.values()),
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [part.name for part in self._parts],
            "files": [part.to_dict() for part in self._parts],
        }
        # JSON is YAML, and needs no library for it.
        write_whole(self.folder / METADATA, json.dumps({"rosbag2_bagfile_information": content}, indent=1) + "\n")

    def close(self) -> None:
        """Finish the last file."""
        if self._file is not None:
            self._end(self._file)
        for packing in self._packing:
            packing.join()
        self.save_metadata()


def pack(file: Path) -> None:
    """Write an MCAP file once more, in compressed chunks; it stays as it was where there is no room for that."""
    try:
        with whole_file(file) as packed, file.open("rb") as source, packed.open("wb") as target:
            writer = Writer(target, compression=CompressionType.ZSTD)
            writer.start(PROFILE, LIBRARY)
            schemas, channels = dict[int, int](), dict[int, int]()
            for schema, channel, message in NonSeekingReader(source).iter_messages(log_time_order=False):
                if schema is not None and schema.id not in schemas:
                    schemas[schema.id] = writer.register_schema(schema.name, schema.encoding, schema.data)
                if channel.id not in channels:
                    of = schemas[schema.id] if schema is not None else 0
                    known = writer.register_channel(channel.topic, channel.message_encoding, of, channel.metadata)
                    channels[channel.id] = known
                writer.add_message(channels[channel.id], message.log_time, message.data, message.publish_time)
            writer.finish()
    except (OSError, McapError):
        return
