"""MCAP files that are damaged in the middle: what is whole of them is read."""

from itertools import groupby
from pathlib import Path

import pytest
from mcap.writer import CompressionType

from fail2progress.core.observation import SECOND
from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.mcap_records import Lost
from fail2progress.ros.bags.reader import BagError, read
from support import recordings
from support.recordings import BEGIN, PERIOD, Rig, damage, in_chunks


def chunked(folder: Path, compression: CompressionType = CompressionType.ZSTD) -> Path:
    """Three moments of a camera, each message a chunk of its own."""
    bag = recordings.write(folder, Rig().say(recordings.simulated(1) * 3))
    (file,) = bag.glob("*.mcap")
    return in_chunks(file, compression=compression)


@pytest.mark.parametrize("compression", [CompressionType.ZSTD, CompressionType.NONE])
def test_damaged_chunks_are_left_out_and_told(compression: CompressionType, tmp_path: Path) -> None:
    """Also the first one, which alone says what its topics are, but for the end of the file."""
    file = chunked(tmp_path / "bag", compression)
    whole, lost = list(read(file)), list[Lost]()
    damage(file, BEGIN)
    assert list(read(file, lost)) == [item for item in whole if item.time != BEGIN]
    assert lost == [Lost(file.name, BEGIN, BEGIN)] * 3
    found = info(file)
    assert found.moments == 2 and f"{file.name}: 3 damaged part(s) left out, recorded in 0.0 s" in found.warnings()


def test_the_time_of_what_is_lost_is_told(tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1) * 16))
    (file,) = bag.glob("*.mcap")
    in_chunks(file, size=8 << 20)
    begins = [next(group).time for _, group in groupby(read(file), key=lambda item: (item.time - BEGIN) // SECOND)]
    damage(file, begins[0])
    lost = list[Lost]()
    list(read(file, lost))
    (part,) = lost
    assert part.begin == BEGIN and part.end is not None and part.end > part.begin
    assert f"{file.name}: 1 damaged part(s) left out, recorded in {(part.end - BEGIN) / SECOND:.1f} s" in info(file).warnings()


def test_a_recording_without_a_whole_part_is_no_empty_one(tmp_path: Path) -> None:
    file = chunked(tmp_path / "bag")
    damage(file, *(BEGIN + number * PERIOD for number in range(3)))
    with pytest.raises(BagError, match="damaged, no part of it can be read"):
        info(file)


@pytest.mark.parametrize("length", [1 << 28, 1 << 62])
def test_what_follows_a_record_of_a_false_length_is_told_as_lost(length: int, tmp_path: Path) -> None:
    file = chunked(tmp_path / "bag")
    content = bytearray(file.read_bytes())
    at = content.index((BEGIN + PERIOD).to_bytes(8, "little")) - 8  # a chunk begins with its length, and its first message's time
    content[at : at + 8] = length.to_bytes(8, "little")
    file.write_bytes(content)
    found = info(file)
    assert found.moments == 1 and found.lost == (Lost(file.name, BEGIN, None),)
    assert (
        f"{file.name}: damaged in the middle, and left out from there on; `mcap recover` may keep more of it" in found.warnings()
    )
