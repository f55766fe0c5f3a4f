"""Reading bags of the rosbag2 layout, to the last whole message of those that were cut short. Imports no ROS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mcap.records import Channel, Message, Schema
from mcap.writer import MCAP0_MAGIC

from fail2progress.ros.bags.bag_files import CONVERTER, bag_files, check_content, metadata, unpacked
from fail2progress.ros.bags.mcap_records import LARGEST_RECORD, Lost, announced, inflated, parts
from fail2progress.ros.bags.recorded import CDR, BagError, Recorded, full_type
from fail2progress.ros.bags.sqlite_records import read_sqlite

__all__ = ["BagError", "Recorded", "read"]

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MISSING = "not there, though it belongs to the recording"
STRANGE = "not listed in metadata.yaml"


def read(path: Path, lost: list[Lost] | None = None) -> Iterator[Recorded]:
    """All whole messages of a bag (folder or file) in the order in which they were written. BagError where none can be read.

    A file that was cut short ends where its last whole message ends; damaged parts are left out, and files that are missing or
    cannot be read, which is told in `lost`. What is compressed, as files or message by message, is unpacked.
    """
    _check_compression(path)
    lost = [] if lost is None else lost
    held, newest, refused, seen = bag_files(path), 0, list[BagError](), False
    for file in held.files:
        if file in held.missing:
            lost.append(Lost(file.name, newest, None, MISSING))
            continue
        try:
            for item in _read_file(file, lost):
                newest, seen = max(newest, item.time), True
                yield item
        except BagError as error:
            refused.append(error)
            lost.append(Lost(file.name, newest, None, str(error).removeprefix(f"{file}: ")))
    if refused and not seen:
        raise refused[0]
    lost += [Lost(file.name, newest, newest, STRANGE) for file in held.strange]


def _read_file(file: Path, lost: list[Lost]) -> Iterator[Recorded]:
    """The whole messages of one file of a bag. BagError, that names it, where it cannot be read."""
    try:
        check_content(file)
        with unpacked(file) as plain:
            found = _read_mcap(plain, lost) if plain.suffix == ".mcap" else read_sqlite(plain, lost)
            try:
                yield from _unpacked_messages(found, plain.name, lost)
            except BagError as error:
                raise BagError(str(error).replace(str(plain), str(file), 1)) from error
    except OSError as error:
        raise BagError(f"{file}: cannot be read ({error})") from error


def _check_compression(path: Path) -> None:
    """BagError where the metadata name a compression that is not known here."""
    about = metadata(path if path.is_dir() else path.parent)
    mode, kind = str(about.get("compression_mode") or "").upper(), str(about.get("compression_format") or "")
    if mode in ("MESSAGE", "FILE") and kind != "zstd":
        raise BagError(f"{path}: compressed by {kind!r}; known: zstd")


def _unpacked_messages(items: Iterator[Recorded], file: str, lost: list[Lost]) -> Iterator[Recorded]:
    """Messages as they were on the wire; those that do not decompress are lost. BagError where none does."""
    seen, refused = False, list[BagError]()
    for item in items:
        try:
            whole = _unpacked_message(item)
        except BagError as error:
            refused.append(error)
            lost.append(Lost(file, item.time, item.time))
            continue
        seen = True
        yield whole
    if refused and not seen:
        raise refused[0]


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


def _read_mcap(path: Path, lost: list[Lost]) -> Iterator[Recorded]:
    with path.open("rb") as file:
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
                raise BagError(f"{path}: holds messages of ROS 1; convert the bag that it was made of: {CONVERTER}")
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
    encoding = channel.message_encoding or CDR
    if schema is None:
        return Recorded(channel.topic, "", message.data, message.log_time, encoding=encoding)
    text = schema.data.decode("utf-8", "replace") if schema.encoding == "ros2msg" else ""
    return Recorded(channel.topic, full_type(schema.name, encoding), message.data, message.log_time, text, encoding)
