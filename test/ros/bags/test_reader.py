"""Recordings that are damaged in the middle, of which what is whole is read; and what is encoded as others do."""

import sqlite3
from contextlib import closing
from itertools import groupby
from pathlib import Path

import pytest
from mcap.reader import NonSeekingReader
from mcap.writer import CompressionType, Writer

from fail2progress.core.observation import SECOND
from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.mcap_records import Lost
from fail2progress.ros.bags.reader import BagError, read
from fail2progress.ros.bags.topics import Choice
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


def encoded_otherwise(
    file: Path, encoding: str = "cdr", slash: str = "/msg/", topics: tuple[str, ...] = recordings.REALSENSE
) -> None:
    """Say of an MCAP file's topics that they are encoded in another way, or name their types as ROS 1 does."""
    with file.open("rb") as opened:
        held = list(NonSeekingReader(opened).iter_messages(log_time_order=False))
    with file.open("wb") as out:
        writer, channels = Writer(out), dict[int, int]()
        writer.start(profile="", library="test")
        for schema, channel, message in held:
            if schema is not None and channel.id not in channels:
                of = writer.register_schema(schema.name.replace("/msg/", slash), schema.encoding, schema.data)
                how = encoding if channel.topic in topics else "cdr"
                channels[channel.id] = writer.register_channel(channel.topic, how, of)
            writer.add_message(channels[channel.id], message.log_time, message.data, message.publish_time)
        writer.finish()


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_types_that_are_named_as_in_ros_1_are_known(storage: str, tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1)), storage)
    whole = list(read(bag))
    (file,) = (file for file in bag.iterdir() if file.suffix in (".mcap", ".db3"))
    if storage == "mcap":
        encoded_otherwise(file, slash="/")
    else:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE topics SET type = replace(type, '/msg/', '/')")
    assert list(read(bag)) == whole and info(bag).moments == 1


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_what_is_not_encoded_as_cdr_is_said_and_not_advised(storage: str, tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1)), storage)
    (file,) = (file for file in bag.iterdir() if file.suffix in (".mcap", ".db3"))
    if storage == "mcap":
        encoded_otherwise(file, "json")
    else:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE topics SET serialization_format = 'json'")
    found = info(bag)
    assert "encoded as json; only CDR is read" in found.problem and "--topic" not in found.problem
    assert not any("damaged" in said for said in found.warnings())
    given = info(bag, Choice.parse([f"depth:={recordings.REALSENSE[1]}"])).problem
    assert given.endswith(f":={recordings.REALSENSE[1]}: encoded as json; only CDR is read")


def test_beside_topics_that_are_encoded_otherwise_others_are_played(tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1)))
    (file,) = bag.glob("*.mcap")
    encoded_otherwise(file, "protobuf", topics=(recordings.REALSENSE[1],))
    problem = info(bag).problem
    assert "no camera/aligned_depth_to_color/image_raw" in problem and "--topic NAME:=NAME" in problem
    assert problem.endswith(f"and {recordings.REALSENSE[1]} (sensor_msgs/msg/Image): encoded as protobuf; only CDR is read")
    encoded_otherwise(file, "cdr")
    assert info(bag).moments == 1


def test_messages_that_do_not_decompress_are_left_out(tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1) * 3), "sqlite3", compress="message")
    (file,) = bag.glob("*.db3")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE messages SET data = substr(data, 1, 40) WHERE id <= 3")
    found = info(bag)
    assert found.moments == 2 and f"{file.name}: 3 damaged part(s) left out, recorded in 0.0 s" in found.warnings()
