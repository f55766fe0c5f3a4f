"""Reading bags of the rosbag2 layout, to the last whole message of those that were cut short. Imports no ROS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

import yaml
from mcap.exceptions import EndOfFile
from mcap.reader import NonSeekingReader
from mcap.records import Channel, Message, Schema
from mcap.writer import MCAP0_MAGIC

ROS1_MAGIC = b"#ROSBAG V"
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


def read(path: Path) -> Iterator[Recorded]:
    """All whole messages of a bag (folder or file) in the order of arrival. BagError where there is none that can be read.

    A file that was cut short ends where its last whole message ends.
    """
    unpack = _unpacker(path)
    if path.is_dir():
        files = sorted(path.glob("*.mcap"), key=_number) or sorted(path.glob("*.db3"), key=_number)
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise BagError(_no_bag(path))
    for file in files:
        try:
            for item in _read_mcap(file) if file.suffix == ".mcap" else _read_sqlite(file):
                yield item if unpack is None else replace(item, data=unpack(item.data))
        except OSError as error:
            raise BagError(f"{file}: cannot be read ({error})") from error


def _no_bag(path: Path) -> str:
    packed = sorted(path.glob("*.zstd")) if path.is_dir() else [path] if path.suffix == ".zstd" else []
    if packed:
        return f"{packed[0]}: compressed as a whole file; unpack it and name the file that comes out: zstd -d {packed[0]}"
    return f"{path}: no bag there (a folder with .mcap or .db3 files, or one such file)"


def _unpacker(path: Path) -> Callable[[bytes], bytes] | None:
    """What unpacks single messages, where the metadata say that they are compressed; BagError for what is not known here."""
    place = (path if path.is_dir() else path.parent) / "metadata.yaml"
    if not place.is_file():
        return None
    try:
        about = yaml.safe_load(place.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
        mode, kind = str(about.get("compression_mode") or "").upper(), str(about.get("compression_format") or "")
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        return None  # a bag that was cut short has none, or half of it; its messages can be read all the same
    if mode != "MESSAGE":
        return None
    if kind != "zstd":
        raise BagError(f"{path}: messages are compressed by {kind!r}; known: zstd")
    import zstandard

    tool = zstandard.ZstdDecompressor()

    def unpack(data: bytes) -> bytes:
        try:
            return tool.decompress(data, max_output_size=LARGEST_RECORD)
        except zstandard.ZstdError as error:
            raise BagError(f"{path}: damaged (a message that does not decompress: {error})") from error

    return unpack


def _number(path: Path) -> tuple[int, str]:
    """Splits of a bag are numbered: 10 comes after 9."""
    last = path.stem.rsplit("_", 1)[-1]
    return int(last) if last.isdigit() else 0, path.name


class _Whole:
    """Reads as much as was asked for, or says that the file ends: mcap takes the rest of a cut message for a message."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """EndOfFile where there is less."""
        found = self._file.read(size)
        if len(found) < size:
            raise EndOfFile
        return found


def _read_mcap(path: Path) -> Iterator[Recorded]:
    with path.open("rb") as file:
        if file.read(len(ROS1_MAGIC)) == ROS1_MAGIC:
            raise BagError(f"{path}: a ROS 1 bag; convert it first: rosbags-convert --src {path} --dst {path.with_suffix('')}")
        file.seek(0)
        if not MCAP0_MAGIC.startswith(file.read(len(MCAP0_MAGIC))):
            raise BagError(f"{path}: damaged (it does not begin as an MCAP file)")
        file.seek(0)
        try:
            reader = NonSeekingReader(cast(IO[bytes], _Whole(file)), record_size_limit=LARGEST_RECORD)
            for item in reader.iter_messages(log_time_order=False):
                yield _recorded(*item)
        except EndOfFile:
            return
        except OSError:
            raise
        except Exception as error:  # mcap, struct and the decompressors each have their own errors for damaged input
            raise BagError(f"{path}: damaged ({type(error).__name__}: {error})") from error


def _recorded(schema: Schema | None, channel: Channel, message: Message) -> Recorded:
    return Recorded(channel.topic, schema.name if schema is not None else "", message.data, message.log_time)


def _read_sqlite(path: Path) -> Iterator[Recorded]:
    """A rosbag2 database, read only."""
    import sqlite3
    from contextlib import closing

    with path.open("rb") as file:
        if file.read(len(ROS1_MAGIC)) == ROS1_MAGIC:
            raise BagError(f"{path}: a ROS 1 bag; convert it first: rosbags-convert --src {path} --dst {path.with_suffix('')}")
    query = "SELECT topics.name, topics.type, messages.data, messages.timestamp FROM messages JOIN topics ON topics.id = topic_id"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            for name, kind, data, time in connection.execute(query + " ORDER BY messages.timestamp, messages.id"):
                if not isinstance(data, bytes) or not isinstance(time, int):
                    raise BagError(f"{path}: damaged (a message of {type(data).__name__} at {time!r})")
                yield Recorded(str(name), str(kind), data, time)
    except sqlite3.Error as error:
        raise BagError(f"{path}: damaged ({error})") from error
