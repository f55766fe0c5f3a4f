"""Records of MCAP files, each whole, or told as lost. Imports no ROS.

A record is its kind, its length and its content, one after the other in a file and so in a chunk, which may be compressed.
Where a kind is damaged, what is there instead may be a kind, too; but the end of a file says how many messages it has.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import zstandard
from lz4.frame import LZ4FrameDecompressor
from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Footer, Message, Schema, Statistics
from mcap.writer import MCAP0_MAGIC

LARGEST_RECORD = 512 * 1024 * 1024
"""Bytes that a record has at most, and a chunk once it is unpacked: a damaged or hostile one may speak of any number."""
_HEAD, _SPAN, _MESSAGE, _FOOTER, _INDEX = (struct.Struct(form) for form in ("<BQ", "<QQ", "<HIQQ", "<QQI", "<HI"))
_BLOCK = 1 << 20
"""Bytes that are read at a time of what may be large."""
_PARTS = (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE)
_READ = frozenset(range(1, 0x100)) - {Opcode.ATTACHMENT, Opcode.METADATA}
"""Kinds that are looked at among the data."""
_UNKNOWN = range(0x10, 0x80)
"""Kinds that no file has: MCAP does not define them, and leaves those above to people's own."""
_ENDS = ((Opcode.DATA_END, 4), (Opcode.FOOTER, _FOOTER.size))
"""Kinds and lengths of what ends the data, and the file: an index that is damaged costs no message."""


@dataclass(frozen=True)
class Lost:
    """A part of a file that was left out as it is damaged, or a whole file."""

    file: str
    begin: int
    end: int | None
    """Times between which its messages came, ns; None for all that follows, up to the end of the file."""
    why: str = ""
    """Of a whole file: what is wrong with it."""


Part = Schema | Channel | Message


def parts(path: Path) -> Iterator[Part | Lost]:
    """Of an MCAP file's data, in the order in which they were written: each that is whole, or that something was lost.

    What is lost by a damaged kind is told behind all others. What is missing at the end of a file that was cut short is not
    told. OSError where the file cannot be read.
    """
    strange, seen, told = list[tuple[int, Lost]](), 0, False
    for part in _data(path, strange):
        seen, told = seen + isinstance(part, Message), told or isinstance(part, Lost)
        yield part
    said = _counted(path)
    if said is None:
        yield from (lost for kind, lost in strange if kind in _UNKNOWN)
    elif seen < said.message_count:
        yield from (lost for _, lost in strange)
        if not strange and not told:
            yield Lost(path.name, said.message_start_time, said.message_end_time)


def _data(path: Path, strange: list[tuple[int, Lost]]) -> Iterator[Part | Lost]:
    """See parts; what may be a part whose kind is damaged is put into `strange`, with its kind."""
    size, last = path.stat().st_size, 0
    with path.open("rb") as file:
        file.seek(len(MCAP0_MAGIC))
        try:
            for number, (kind, content) in enumerate(_framed(file, size, _READ)):
                if kind != Opcode.CHUNK and kind not in _PARTS:
                    if _strange(kind, content, number):
                        strange.append((kind, Lost(path.name, last, last)))
                    continue
                try:
                    found = list(_parsed(kind, content))
                except Exception:  # mcap, struct and the decompressors each have their own errors for damaged input
                    yield Lost(path.name, *_span(kind, content, last))
                    continue
                last = max((part.log_time for part in found if isinstance(part, Message)), default=last)
                yield from found
        except EndOfFile:
            # Of a file that has its end, a damaged record claims to be longer than what follows it.
            if size > len(MCAP0_MAGIC) and not cut_short(path):
                yield Lost(path.name, last, None)


def _strange(kind: int, content: bytes, number: int) -> bool:
    """Whether a record among the data, the so-and-so-many-th of those that are looked at, is not what its kind says, or no kind
    that belongs there."""
    if kind == Opcode.HEADER:
        return number > 0
    return (
        kind != Opcode.MESSAGE_INDEX or len(content) < _INDEX.size or _INDEX.unpack_from(content)[1] != len(content) - _INDEX.size
    )


def announced(path: Path) -> Iterator[Schema | Channel]:
    """Types and topics that the end of an MCAP file names once more, as where a part is lost. What is damaged is left out."""
    try:
        with path.open("rb") as file:
            end, _ = _to_summary(file, path)
            for kind, content in _framed(file, end, (Opcode.SCHEMA, Opcode.CHANNEL)):
                yield from (part for part in _parsed(kind, content) if not isinstance(part, Message))
    except Exception:  # see _data
        return


def _counted(path: Path) -> Statistics | None:
    """What the end of an MCAP file says of its data; None where it does not, or is damaged as far as can be told."""
    try:
        with path.open("rb") as file:
            end, footer = _to_summary(file, path)
            if not footer.summary_start or not _as_written(file, end - 4, footer.summary_crc):
                return None
            file.seek(footer.summary_start)
            (found,) = (content for _, content in _framed(file, end, (Opcode.STATISTICS,)))
            return Statistics.read(ReadDataStream(_Whole(found)))
    except Exception:  # see _data
        return None


def _to_summary(file: IO[bytes], path: Path) -> tuple[int, Footer]:
    """Go to where the end of a file says what is in it: where that ends, and the last record. Errors where there is none."""
    end = path.stat().st_size - len(MCAP0_MAGIC)
    file.seek(end - _HEAD.size - _FOOTER.size)
    ((_, content),) = _framed(file, end, (Opcode.FOOTER,), ())
    footer = Footer.read(ReadDataStream(BytesIO(content)))
    file.seek(footer.summary_start)
    return end, footer


def _as_written(file: IO[bytes], end: int, said: int) -> bool:
    """Whether what follows in a file up to a place has a checksum, or was written without one."""
    found = 0
    while said and (block := file.read(min(_BLOCK, end - file.tell()))):
        found = zlib.crc32(block, found)
    return found == said


def cut_short(file: Path) -> bool:
    """Whether it is an MCAP file that has begun and whose end is missing."""
    if file.suffix != ".mcap" or not (size := file.stat().st_size):
        return False
    with file.open("rb") as opened:
        opened.seek(-min(len(MCAP0_MAGIC), size), os.SEEK_END)
        return opened.read() != MCAP0_MAGIC


def inflated(data: bytes, most: int) -> bytes:
    """What was compressed by zstd. zstandard.ZstdError or ValueError where it is damaged, or says that it has more bytes."""
    said = zstandard.frame_content_size(data)
    if said > most:
        raise ValueError(f"it has {said} bytes, at most {most} are read")
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=max(most, 1))


def _framed(
    file: IO[bytes],
    end: int,
    kinds: Collection[int],
    ends: tuple[tuple[int, int], ...] = _ENDS,
) -> Iterator[tuple[int, bytes]]:
    """Kinds and contents of the records of some kinds, up to one that ends the data; of those that are too large the beginning.

    EndOfFile where one claims to be longer than what is left, or where there is none.
    """
    while file.tell() < end:
        head = file.read(_HEAD.size)
        kind, length = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0)
        if (kind, length) in ends:
            return
        behind = file.tell() + length
        if not kind or behind > end:
            raise EndOfFile
        if kind in kinds:
            yield kind, file.read(length if length <= LARGEST_RECORD else _SPAN.size)
        file.seek(behind)


def _parsed(kind: int, content: bytes) -> Iterator[Part]:
    """A record, or those of a chunk. Errors of mcap, struct and the decompressors where it is damaged."""
    if kind == Opcode.CHUNK:
        unpacked = _unpacked(Chunk.read(ReadDataStream(_Whole(content))))
        for inside, part in _framed(BytesIO(unpacked), len(unpacked), _PARTS, ()):
            yield from _parsed(inside, part)
    elif kind == Opcode.MESSAGE:
        channel, sequence, logged, published = _MESSAGE.unpack_from(content)
        yield Message(
            channel_id=channel, sequence=sequence, log_time=logged, publish_time=published, data=content[_MESSAGE.size :]
        )
    else:
        yield (Schema if kind == Opcode.SCHEMA else Channel).read(ReadDataStream(_Whole(content)))


class _Whole(BytesIO):
    """Reads as much as was asked for, or says that there is less: mcap takes the rest of a cut record for a whole one."""

    def read(self, size: int | None = -1, /) -> bytes:
        """EndOfFile where there is less."""
        found = super().read(size)
        if size is not None and len(found) < size:
            raise EndOfFile
        return found


def _unpacked(chunk: Chunk) -> bytes:
    """Its records. Errors where it is damaged, or larger than it says or than what is read."""
    size, data = chunk.uncompressed_size, chunk.data
    if size > LARGEST_RECORD:
        raise McapError(f"a chunk of {size} bytes")
    if chunk.compression == "zstd":
        data = inflated(data, size)
    elif chunk.compression == "lz4":
        data = LZ4FrameDecompressor().decompress(data, max_length=size)
    elif chunk.compression:
        raise McapError(f"a chunk compressed by {chunk.compression!r}")
    if len(data) != size or chunk.uncompressed_crc not in (0, zlib.crc32(data)):
        raise McapError("a chunk that is not what it says")
    return data


def _span(kind: int, content: bytes, last: int) -> tuple[int, int]:
    """Between which times a record's messages came (ns): a chunk says so, others came after the last one."""
    known = kind == Opcode.CHUNK and len(content) >= _SPAN.size
    begin, end = _SPAN.unpack_from(content) if known else (last, last)
    return int(begin), int(end)
