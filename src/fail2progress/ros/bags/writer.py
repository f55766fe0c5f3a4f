"""Writing bags in the rosbag2 layout: MCAP, each message written out as it comes, so that a crash loses none of them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from mcap.writer import CompressionType, Writer

from fail2progress.core.files import write_whole
from fail2progress.ros.bags.reader import BagError

METADATA = "metadata.yaml"


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


class BagWriter:
    """One folder with one MCAP file and its metadata. Not chunked: what was written is whole after kill -9."""

    def __init__(self, folder: Path) -> None:
        if (folder / METADATA).exists():
            raise BagError(f"{folder}: there is a bag already")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = (folder / f"{folder.name}_0.mcap").open("wb")
        self._writer = Writer(self._file, use_chunking=False, compression=CompressionType.NONE)
        self._writer.start(profile="ros2", library="fail2progress")
        self._channels: dict[str, tuple[int, str, str]] = {}
        self._counts: dict[str, int] = {}
        self._first, self._last = 0, 0
        self.save_metadata()

    def add_topic(self, topic: str, kind: str, qos: str = "") -> None:
        """Announce a topic before its first message. qos: the offered profile as YAML."""
        schema = self._writer.register_schema(kind, "ros2msg", definition(kind).encode())
        about = {"offered_qos_profiles": qos, "topic_type_hash": _hash(kind)}
        self._channels[topic] = (self._writer.register_channel(topic, "cdr", schema, about), kind, qos)
        self._counts[topic] = 0

    def write(self, topic: str, data: bytes, time: int) -> None:
        """Append one message; it is with the operating system when this returns."""
        self._writer.add_message(self._channels[topic][0], time, data, time)
        self._file.flush()
        self._counts[topic] += 1
        self._first, self._last = self._first or time, max(self._last, time)

    def save_metadata(self) -> None:
        """What rosbag2 reads first; rewritten from time to time, since a crash leaves no time for it."""
        span = {"nanoseconds": self._last - self._first}
        begin = {"nanoseconds_since_epoch": self._first}
        total, file = sum(self._counts.values()), Path(self._file.name).name
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
            for name, (_, kind, qos) in self._channels.items()
        ]
        files = [{"path": file, "starting_time": begin, "duration": span, "message_count": total}]
        content = {
            "version": 5,
            "storage_identifier": "mcap",
            "duration": span,
            "starting_time": begin,
            "message_count": total,
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [file],
            "files": files,
        }
        # JSON is YAML, and needs no library for it.
        write_whole(self.folder / METADATA, json.dumps({"rosbag2_bagfile_information": content}, indent=1) + "\n")

    def close(self) -> None:
        """Finish the file."""
        self._writer.finish()
        self._file.close()
        self.save_metadata()
