"""An MCAP file that is written message by message: what was written is whole after kill -9 and after a full disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcap.data_stream import RecordBuilder
from mcap.records import Channel, DataEnd, Footer, Header, McapRecord, Message, Schema, Statistics
from mcap.writer import MCAP0_MAGIC

PROFILE, LIBRARY = "ros2", "fail2progress"


@dataclass(frozen=True)
class Announcement:
    """What a file says of a topic before its first message. about: what rosbag2 wants to know beside that."""

    topic: str
    kind: str
    definition: str
    about: Mapping[str, str]

    def records(self, number: int) -> bytes:
        """The topic's type and the topic, by its number in the file."""
        schema = Schema(id=number, data=self.definition.encode(), encoding="ros2msg", name=self.kind)
        channel = Channel(id=number, topic=self.topic, message_encoding="cdr", schema_id=number, metadata=dict(self.about))
        return _packed((schema, channel))


class McapFile:
    """Not chunked. Each write is done as a whole or not at all; OSError where there is no room for it.

    Topics are announced with the first message after them that there is room for.
    """

    def __init__(self, path: Path) -> None:
        """Begin the file; where there is no room for that, none is left."""
        self._file = path.open("wb", buffering=0)
        self._numbers: dict[str, int] = {}
        self._announcements: list[bytes] = []
        """Of all topics, as they stand in the file or will."""
        self._told = 0
        """How many of them are in the file."""
        self._counts: Counter[int] = Counter()
        self._first, self._last = 0, 0
        try:
            self._append(MCAP0_MAGIC + _packed((Header(PROFILE, LIBRARY),)))
        except OSError:
            self._file.close()
            path.unlink()
            raise

    def announce(self, announcement: Announcement) -> None:
        """Once for each topic, before its first message."""
        self._numbers[announcement.topic] = len(self._numbers) + 1
        self._announcements.append(announcement.records(len(self._numbers)))

    def write(self, topic: str, data: bytes, time: int) -> None:
        """Append a message that came at a time (ns)."""
        number = self._numbers[topic]
        message = Message(channel_id=number, log_time=time, data=data, publish_time=time, sequence=0)
        self._append(b"".join((*self._announcements[self._told :], _packed((message,)))))
        self._told = len(self._announcements)
        self._first = min(self._first, time) if self._counts else time
        self._last = max(self._last, time)
        self._counts[number] += 1

    def end(self) -> None:
        """Append what ends the data, all announcements once more, and what is in the file."""
        head, told = _packed((DataEnd(0),)), b"".join(self._announcements)
        counted = Statistics(
            attachment_count=0,
            channel_count=len(self._numbers),
            channel_message_counts=dict(self._counts),
            chunk_count=0,
            message_count=self._counts.total(),
            metadata_count=0,
            message_start_time=self._first,
            message_end_time=self._last,
            schema_count=len(self._numbers),
        )
        footer = Footer(summary_start=self._file.tell() + len(head), summary_offset_start=0, summary_crc=0)
        self._append(head + told + _packed((counted, footer)) + MCAP0_MAGIC)

    def close(self) -> None:
        """Let go of the file, whether it was ended or not."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        """All of it; where there is no room, the file ends where it ended before: half a record would hide all after it."""
        end, rest = self._file.tell(), memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(end)
            self._file.seek(end)
            raise


def _packed(records: Iterable[McapRecord]) -> bytes:
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    return builder.end()
