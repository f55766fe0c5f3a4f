"""Bags in the rosbag2 layout: MCAP, each message written out as it comes, readable to the last whole one after a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from mcap.exceptions import EndOfFile, McapError
from mcap.reader import NonSeekingReader
from mcap.records import Channel, Message, Schema
from mcap.writer import CompressionType, Writer

METADATA = "metadata.yaml"
LARGEST_RECORD = 512 * 1024 * 1024


class BagError(ValueError):
    """A bag that cannot be used, and why."""


@dataclass(frozen=True)
class Recorded:
    """One message as it was on the wire: topic with its slash, type as "package/msg/Name", CDR bytes, time of arrival (ns)."""

    topic: str
    type: str
    data: bytes
    time: int


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
        """What rosbag2 reads first; written anew now and then, since a crash leaves no time for it."""
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
        unfinished = self.folder / f".{METADATA}.{os.getpid()}"
        # JSON is YAML, and needs no library for it.
        unfinished.write_text(json.dumps({"rosbag2_bagfile_information": content}, indent=1) + "\n")
        unfinished.replace(self.folder / METADATA)

    def close(self) -> None:
        """Finish the file."""
        self._writer.finish()
        self._file.close()
        self.save_metadata()


def read(path: Path) -> Iterator[Recorded]:
    """All whole messages of a bag (folder or file) in the order of arrival. BagError where there is none that can be read.

    A file that was cut short ends where its last whole message ends.
    """
    if path.is_dir():
        files = sorted(path.glob("*.mcap"), key=_number) or sorted(path.glob("*.db3"), key=_number)
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise BagError(f"{path}: no bag there (a folder with .mcap or .db3 files, or one such file)")
    for file in files:
        yield from _read_mcap(file) if file.suffix == ".mcap" else _read_sqlite(file)


def _number(path: Path) -> tuple[int, str]:
    """Splits of a bag are numbered: 10 comes after 9."""
    last = path.stem.rsplit("_", 1)[-1]
    return int(last) if last.isdigit() else 0, path.name


def _read_mcap(path: Path) -> Iterator[Recorded]:
    with path.open("rb") as file:
        try:
            reader = NonSeekingReader(file, record_size_limit=LARGEST_RECORD)
            for item in reader.iter_messages(log_time_order=False):
                yield _recorded(*item)
        except EndOfFile:
            return
        except (McapError, ValueError, KeyError, OverflowError, MemoryError) as error:
            raise BagError(f"{path}: damaged ({type(error).__name__}: {error})") from error


def _recorded(schema: Schema | None, channel: Channel, message: Message) -> Recorded:
    return Recorded(channel.topic, schema.name if schema is not None else "", message.data, message.log_time)


def _read_sqlite(path: Path) -> Iterator[Recorded]:
    """A rosbag2 database, read only."""
    import sqlite3
    from contextlib import closing

    query = "SELECT topics.name, topics.type, messages.data, messages.timestamp FROM messages JOIN topics ON topics.id = topic_id"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            for name, kind, data, time in connection.execute(query + " ORDER BY messages.timestamp, messages.id"):
                yield Recorded(str(name), str(kind), bytes(data), int(time))
    except sqlite3.Error as error:
        raise BagError(f"{path}: damaged ({error})") from error

