"""MCAP files with damaged bytes and with chunks made to harm: what is whole is read, in bounded memory."""

import os
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from mcap.writer import CompressionType, Writer

from fail2progress.ros.bags import mcap_records
from fail2progress.ros.bags.mcap_records import Lost
from fail2progress.ros.bags.reader import BagError, Recorded, read

TIMES = range(10, 60, 10)
MESSAGES = [Recorded("/topic", "pkg/msg/Type", bytes([time]) * 40, time) for time in TIMES]
CHUNK = 6


def written(path: Path, compression: CompressionType = CompressionType.ZSTD, chunks: bool = True) -> Path:
    """One message a chunk, or none in any."""
    with path.open("wb") as out:
        writer = Writer(out, chunk_size=1, compression=compression, use_chunking=chunks)
        writer.start(profile="ros2", library="test")
        channel = writer.register_channel("/topic", "cdr", writer.register_schema("pkg/msg/Type", "ros2msg", b"uint8[] data"))
        for message in MESSAGES:
            writer.add_message(channel, message.time, message.data, message.time)
        writer.finish()
    return path


def damaged(path: Path, places: range, masks: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Place and mask of each damaged byte, one at a time, while the file has it. Only that byte is written: the whole file so
    many thousand times would be most of a test's time."""
    content = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for at in places:
            for mask in masks:
                os.pwrite(file.fileno(), bytes([content[at] ^ mask]), at)
                yield at, mask
            os.pwrite(file.fileno(), content[at : at + 1], at)


def place_of_the_index(path: Path) -> int:
    """Behind the record that ends the data."""
    end = struct.pack("<BQ", 15, 4)
    return path.read_bytes().index(end) + len(end) + 4


@pytest.mark.parametrize("chunks", [True, False])
def test_no_byte_of_the_index_is_needed(chunks: bool, tmp_path: Path) -> None:
    path, lost = written(tmp_path / "bag.mcap", chunks=chunks), list[Lost]()
    for at, _ in damaged(path, range(place_of_the_index(path), path.stat().st_size), (0xFF,)):
        assert list(read(path, lost)) == MESSAGES and not lost, at


@pytest.mark.parametrize("compression", list(CompressionType))
def test_whatever_byte_is_damaged_what_is_whole_is_read(compression: CompressionType, tmp_path: Path) -> None:
    """Beyond the first eight, which say what it is. A message is in a chunk with a checksum: as it was, or not there."""
    path = written(tmp_path / "bag.mcap", compression)
    those = {message.time: message.data for message in MESSAGES}
    fewest = len(MESSAGES)
    for at, _ in damaged(path, range(8, path.stat().st_size), (0x41,)):
        found = list(read(path))
        assert [message.time for message in found] == sorted({message.time for message in found})
        assert all(those[message.time] == message.data for message in found), at
        fewest = min(fewest, len(found))
    assert fewest == 0, "as where the length of the first chunk is damaged"


@pytest.mark.parametrize("compression", [*CompressionType, None])
def test_whatever_bit_is_damaged_no_message_is_lost_without_a_note(compression: CompressionType | None, tmp_path: Path) -> None:
    """A kind may turn into any other, one that does not exist or one of which no message is read. Without chunks nothing tells
    that a message is not what it was; nothing is compressed then."""
    path = written(tmp_path / "bag.mcap", compression or CompressionType.NONE, chunks=compression is not None)
    places = range(8, path.stat().st_size - 8)  # without its last eight bytes a file is cut short, which is told by itself
    for at, mask in damaged(path, places, (0xFF, 0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01)):
        lost = list[Lost]()
        assert len(list(read(path, lost))) >= len(MESSAGES) or lost, (at, mask)


@pytest.mark.parametrize("chunks", [True, False])
def test_a_part_of_a_damaged_kind_is_told_by_the_time_before_it(chunks: bool, tmp_path: Path) -> None:
    path = written(tmp_path / "bag.mcap", chunks=chunks)
    content = path.read_bytes()
    third = struct.pack("<QQ", TIMES[2], TIMES[2])  # of a chunk, or the two times of a message
    at = content.index(third) - (9 if chunks else 15)
    for kind in (0x45, 0x85, 7, 1, 14):
        lost = list[Lost]()
        path.write_bytes(content[:at] + bytes([kind]) + content[at + 1 :])
        assert list(read(path, lost)) == [*MESSAGES[:2], *MESSAGES[3:]] and lost == [Lost(path.name, TIMES[1], TIMES[1])], kind


def test_where_the_end_does_not_say_how_many_there_are_kinds_that_no_file_has_are_told(tmp_path: Path) -> None:
    """And the records of people's own are not: their kinds are theirs, and nothing is missing."""
    path = written(tmp_path / "bag.mcap", chunks=False)
    content = path.read_bytes()
    at, end = content.index(struct.pack("<QQ", TIMES[2], TIMES[2])) - 15, place_of_the_index(path)
    damaged = content[:at] + b"\x45" + content[at + 1 : end]
    own = content[:at] + struct.pack("<BQ", 0x85, 3) + b"own" + content[at:]
    for data, missing in ((damaged, 1), (own, 0), (own[: end + 12], 0)):
        lost = list[Lost]()
        path.write_bytes(data)
        assert len(list(read(path, lost))) == len(MESSAGES) - missing
        assert lost == [Lost(path.name, TIMES[1], TIMES[1])] * missing


def test_what_is_lost_without_chunks_is_told(tmp_path: Path) -> None:
    path, lost = written(tmp_path / "bag.mcap", chunks=False), list[Lost]()
    content = path.read_bytes()
    at = content.index(b"pkg/msg/Type")
    path.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    assert list(read(path, lost)) == MESSAGES and lost == [Lost(path.name, 0, 0)], "the end of the file names the type once more"
    last = content.rindex(b"pkg/msg/Type")
    path.write_bytes(content[:at] + b"\xff" + content[at + 1 : last] + b"\xff" + content[last + 1 :])
    lost.clear()
    assert list(read(path, lost)) == [] and lost == [Lost(path.name, 0, 0), *(Lost(path.name, time, time) for time in TIMES)]


def with_chunk(path: Path, compression: str, data: bytes, size: int) -> Path:
    """A chunk ahead of those of a file, that says to have so many bytes."""
    written(path)
    content, name = path.read_bytes(), compression.encode()
    chunk = struct.pack("<QQQI", 1, 2, size, 0) + struct.pack("<I", len(name)) + name + struct.pack("<Q", len(data)) + data
    at = content.index(struct.pack("<QQ", TIMES[0], TIMES[0])) - 9
    path.write_bytes(content[:at] + struct.pack("<BQ", CHUNK, len(chunk)) + chunk + content[at:])
    return path


ZEROS = bytes(1 << 26)
KNOWN = zstandard.compress(ZEROS)
UNKNOWN = zstandard.ZstdCompressor(write_content_size=False).compress(ZEROS)


@pytest.mark.parametrize(
    ("compression", "data", "size"),
    [
        ("zstd", KNOWN, mcap_records.LARGEST_RECORD + 1),
        ("zstd", KNOWN, 100),
        ("zstd", UNKNOWN, 100),
        ("lz4", lz4.frame.compress(ZEROS), 100),
        ("zstd", zstandard.compress(bytes(1 << 20)), 1 << 20),
        ("bz2", b"BZh9", 100),
    ],
)
def test_a_chunk_unpacks_to_no_more_than_it_says_and_no_more_than_is_read(
    compression: str, data: bytes, size: int, tmp_path: Path
) -> None:
    """Nor is a row of zeros taken for records without a length."""
    path, lost = with_chunk(tmp_path / "bag.mcap", compression, data, size), list[Lost]()
    tracemalloc.start()
    try:
        assert list(read(path, lost)) == MESSAGES and lost == [Lost(path.name, 1, 2)]
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


def test_a_record_that_is_too_large_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, lost = with_chunk(tmp_path / "bag.mcap", "", bytes(5000), 5000), list[Lost]()
    monkeypatch.setattr(mcap_records, "LARGEST_RECORD", 2000)
    assert list(read(path, lost)) == MESSAGES and lost == [Lost(path.name, 1, 2)]


@pytest.mark.parametrize("data", [KNOWN, UNKNOWN])
def test_a_compressed_message_has_a_limit_too(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bag.mcap"
    with path.open("wb") as out:
        writer = Writer(out)
        writer.start()
        writer.add_message(writer.register_channel("/topic", "cdr", 0), 1, data, 1)
        writer.finish()
    monkeypatch.setattr("fail2progress.ros.bags.reader.LARGEST_RECORD", 1 << 20)
    with pytest.raises(BagError, match="a message that does not decompress"):
        list(read(path))
