"""Reading bags of the rosbag2 layout, to the last whole message of those that were cut short. Imports no ROS."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
from mcap.records import Channel, Message, Schema
from mcap.writer import MCAP0_MAGIC

from fail2progress.ros.bags.mcap_records import LARGEST_RECORD, Lost, announced, inflated, parts

ROS1_MAGIC = b"#ROSBAG V"
SQLITE_MAGIC = b"SQLite format 3\0"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
KINDS = (".mcap", ".db3")
PACKED = ".zstd"


class BagError(ValueError):
    """A bag that cannot be used, and why."""


@dataclass(frozen=True)
class Recorded:
    """One message as it was on the wire: topic with its slash, type as "package/msg/Name", CDR bytes, time of arrival (ns)."""

    topic: str
    type: str
    data: bytes
    time: int
    definition: str = field(default="", compare=False)
    """Of the type, as the bag has it ("ros2msg"); empty where it has none."""


def read(path: Path, lost: list[Lost] | None = None) -> Iterator[Recorded]:
    """All whole messages of a bag (folder or file) in the order in which they were written. BagError where none can be read.

    A file that was cut short ends where its last whole message ends; damaged chunks are left out, and told in `lost`. What is
    compressed, as files or message by message, is unpacked.
    """
    _check_compression(path)
    lost = [] if lost is None else lost
    for file in files(path):
        try:
            with unpacked(file) as plain:
                found = _read_mcap(plain, lost) if plain.suffix == ".mcap" else _read_sqlite(plain)
                yield from map(_unpacked_message, found)
        except OSError as error:
            raise BagError(f"{file}: cannot be read ({error})") from error


def files(path: Path) -> list[Path]:
    """The files of a bag in their order; BagError where there is none.

    A recorder that is killed leaves its last files unpacked beside the packed ones, and perhaps a part of what it was packing.
    """
    if path.is_dir():
        for kind in KINDS:
            parts = {file.name.removesuffix(PACKED): file for end in (PACKED, "") for file in path.glob(f"*{kind}{end}")}
            if parts:
                return sorted(parts.values(), key=_number)
        found = sorted(path.glob("*.bag"))
        if found:
            raise BagError(_old(found[0]))
        raise BagError(f"{path}: no bag there (a folder with .mcap or .db3 files, or one such file)")
    if not path.is_file():
        raise BagError(f"{path}: no bag there (a folder with .mcap or .db3 files, or one such file)")
    return [path]


def _old(path: Path) -> str:
    return f"{path}: a ROS 1 bag; convert it first: rosbags-convert --src {path} --dst {path.with_suffix('')}"


@contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """A file of a bag; one that is compressed as a whole is unpacked beside the system's temporary files meanwhile."""
    if file.suffix != PACKED:
        yield file
        return
    import zstandard

    with tempfile.TemporaryDirectory(prefix="fail2progress-") as folder:
        plain = Path(folder) / file.stem
        try:
            with file.open("rb") as packed, plain.open("wb") as out:
                zstandard.ZstdDecompressor().copy_stream(packed, out)
        except zstandard.ZstdError as error:
            raise BagError(f"{file}: damaged (it does not decompress: {error})") from error
        except OSError as error:
            raise BagError(f"{file}: cannot be unpacked into {folder} ({error}): unpack it yourself: zstd -d {file}") from error
        yield plain


def _check_compression(path: Path) -> None:
    """BagError where the metadata name a compression that is not known here; bags that were cut short have no metadata."""
    place = (path if path.is_dir() else path.parent) / "metadata.yaml"
    try:
        about = yaml.safe_load(place.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
        mode, kind = str(about.get("compression_mode") or "").upper(), str(about.get("compression_format") or "")
    except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError, RecursionError):
        return
    if mode in ("MESSAGE", "FILE") and kind != "zstd":
        raise BagError(f"{path}: compressed by {kind!r}; known: zstd")


def _unpacked_message(item: Recorded) -> Recorded:
    """A message as it was on the wire. No serialised message begins as a compressed one does, so no metadata are needed."""
    if not item.data.startswith(ZSTD_MAGIC):
        return item
    import zstandard

    try:
        return replace(item, data=inflated(item.data, LARGEST_RECORD))
    except (zstandard.ZstdError, ValueError, MemoryError) as error:
        why = str(error) or "it is too large"
        raise BagError(f"{item.topic}: damaged (a message that does not decompress: {why})") from error


def _number(path: Path) -> tuple[int, str]:
    """Splits of a bag are numbered: 10 comes after 9."""
    last = path.name.removesuffix(PACKED).rpartition(".")[0].rsplit("_", 1)[-1]
    return int(last) if last.isdigit() else 0, path.name


def _read_mcap(path: Path, lost: list[Lost]) -> Iterator[Recorded]:
    with path.open("rb") as file:
        if file.read(len(ROS1_MAGIC)) == ROS1_MAGIC:
            raise BagError(_old(path))
        file.seek(0)
        if not MCAP0_MAGIC.startswith(file.read(len(MCAP0_MAGIC))):
            raise BagError(f"{path}: damaged (it does not begin as an MCAP file)")
    schemas, channels = dict[int, Schema](), dict[int, Channel]()
    asked = False
    for part in parts(path):
        if isinstance(part, Lost):
            lost.append(part)
        elif not isinstance(part, Message):
            _know(part, schemas, channels)
        else:
            if not _known(part, schemas, channels) and not asked:
                asked = True
                for each in announced(path):
                    _know(each, schemas, channels)
            if not _known(part, schemas, channels):
                lost.append(Lost(path.name, part.log_time, part.log_time))
                continue
            channel = channels[part.channel_id]
            if channel.message_encoding == "ros1":
                raise BagError(f"{path}: holds messages of ROS 1; convert the bag that it was made of: rosbags-convert")
            yield _recorded(schemas.get(channel.schema_id), channel, part)


def _know(part: Schema | Channel, schemas: dict[int, Schema], channels: dict[int, Channel]) -> None:
    """Take in a type or a topic."""
    if isinstance(part, Schema):
        schemas[part.id] = part
    else:
        channels[part.id] = part


def _known(message: Message, schemas: dict[int, Schema], channels: dict[int, Channel]) -> bool:
    """Whether the topic of a message and its type are known."""
    channel = channels.get(message.channel_id)
    return channel is not None and (not channel.schema_id or channel.schema_id in schemas)


def _recorded(schema: Schema | None, channel: Channel, message: Message) -> Recorded:
    if schema is None:
        return Recorded(channel.topic, "", message.data, message.log_time)
    text = schema.data.decode("utf-8", "replace") if schema.encoding == "ros2msg" else ""
    return Recorded(channel.topic, schema.name, message.data, message.log_time, text)


def _read_sqlite(path: Path) -> Iterator[Recorded]:
    """A rosbag2 database, read only."""
    from contextlib import closing

    with path.open("rb") as file:
        head = file.read(len(SQLITE_MAGIC))
    if head.startswith(ROS1_MAGIC):
        raise BagError(_old(path))
    if head != SQLITE_MAGIC and path.suffix not in KINDS:
        raise BagError(f"{path}: not a recording (a folder with .mcap or .db3 files, or one such file)")
    query = "SELECT topics.name, topics.type, messages.data, messages.timestamp FROM messages JOIN topics ON topics.id = topic_id"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            texts = _definitions(connection)
            for name, kind, data, time in connection.execute(query + " ORDER BY messages.id"):
                if not isinstance(data, bytes) or not isinstance(time, int):
                    raise BagError(f"{path}: damaged (a message of {type(data).__name__} at {time!r})")
                yield Recorded(str(name), str(kind), data, time, texts.get(str(kind), ""))
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise BagError(f"{path}: damaged ({error})") from error


def _definitions(connection: sqlite3.Connection) -> dict[str, str]:
    """Definitions by type, which databases have since ROS 2 Iron."""
    try:
        rows = connection.execute("SELECT topic_type, encoded_message_definition, encoding FROM message_definitions").fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return {}
    return {str(kind): str(text) for kind, text, encoding in rows if encoding == "ros2msg"}
