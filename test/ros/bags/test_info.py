"""What is said of a bag before anything starts; and bags that others compress, or that are none of ROS 2."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from fail2progress_msgs.msg import Segments
from rclpy.serialization import deserialize_message, serialize_message
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.reader import BagError, Recorded, read
from fail2progress.ros.bags.survey import IMAGE, survey
from fail2progress.ros.bags.topics import Choice
from fail2progress.ros.bags.writer import BagWriter
from fail2progress.ros.graph import CAMERA
from support import recordings, traffic
from support.recordings import Rig


def write(folder: Path, *names: str, prefix: str = "/robot/", pack: bool = False) -> Path:
    """A bag with three messages of each topic, 0.1 and 0.4 s apart."""
    writer = BagWriter(folder)
    for name in names:
        message = traffic.VALID[name]()
        writer.add_topic(f"{prefix}{name}", f"{type(message).__module__.split('.')[0]}/msg/{type(message).__name__}")
        data = serialize_message(message)
        for stamp in (0, 100_000_000, 500_000_000):
            writer.write(f"{prefix}{name}", zstandard.compress(data) if pack else data, stamp)
    writer.close()
    return folder


def test_topics_are_counted_with_rates_gaps_and_encodings(tmp_path: Path) -> None:
    found = info(write(tmp_path / "bag", *CAMERA, "tf"))
    colour = found.to_dict()["topics"][0]  # type: ignore[index]
    assert (colour["messages"], colour["rate_hz"], colour["longest_gap_s"]) == (3, 4.0, 0.4)
    assert colour["played_as"] == CAMERA[0] and colour["encodings"] == [traffic.VALID[CAMERA[0]]().encoding]
    assert found.source == "camera"
    assert found.warnings()[-1] == "no steps: there is nothing to judge, only segments and relations to see"


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_cut_image_has_no_encoding_and_harms_nobody(cut: int) -> None:
    message = traffic.VALID[CAMERA[0]]()
    ((topic,), _) = survey([Recorded("/a", IMAGE, serialize_message(message)[:cut], 1)])
    assert topic.count == 1 and topic.encodings <= {message.encoding}


def test_a_bag_of_which_nothing_can_be_played_is_refused_with_its_topics(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", CAMERA[0], "joint_states")
    result = CliRunner().invoke(app, ["bag", "info", str(bag), "--json"])
    assert result.exit_code == 2 and json.loads(result.stdout)["source"] is None
    assert f"no {CAMERA[1]}, no {CAMERA[2]}" in result.stderr
    assert "/robot/joint_states (sensor_msgs/msg/JointState)" in result.stderr


def test_which_of_two_robots_in_one_bag_is_asked_for(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / "bag")
    data = serialize_message(traffic.VALID["segments"]())
    for robot in ("a", "b"):
        writer.add_topic(f"/{robot}/segments", "fail2progress_msgs/msg/Segments")
        writer.write(f"/{robot}/segments", data, 5)
    writer.close()
    assert "more than one robot or camera: /a/segments, /b/segments" in info(tmp_path / "bag").problem
    assert info(tmp_path / "bag", Choice.parse(robot="b")).played == {"/b/segments": "segments"}


def test_messages_that_are_compressed_are_unpacked(tmp_path: Path) -> None:
    packed = write(tmp_path / "packed", "segments", pack=True)
    assert [deserialize_message(item.data, Segments) for item in read(packed)] == [traffic.VALID["segments"]()] * 3
    about = packed / "metadata.yaml"
    written = json.loads(about.read_text())
    written["rosbag2_bagfile_information"] |= {"compression_mode": "MESSAGE", "compression_format": "lz77"}
    about.write_text(json.dumps(written))
    with pytest.raises(BagError, match="compressed by 'lz77'; known: zstd"):
        list(read(packed))


def test_what_is_damaged_or_must_be_converted_first_is_said(tmp_path: Path) -> None:
    (tmp_path / "bag_0.db3.zstd").write_bytes(b"x")
    with pytest.raises(BagError, match=r"bag_0\.db3\.zstd: damaged \(it does not decompress"):
        list(read(tmp_path))
    old = tmp_path / "old.bag"
    old.write_bytes(b"#ROSBAG V2.0\n" + bytes(100))
    with pytest.raises(BagError, match=r"a ROS 1 bag; convert it first: rosbags-convert"):
        list(read(old))


def test_a_bag_that_was_cut_in_its_first_chunk_is_not_called_empty(tmp_path: Path) -> None:
    (file,) = write(tmp_path / "bag", *CAMERA).glob("*.mcap")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(BagError, match="cut short before its first whole message"):
        info(tmp_path / "bag")


def test_a_topic_that_is_not_there_is_told_with_a_few_of_its_kind(tmp_path: Path) -> None:
    (frame,) = recordings.simulated(1)
    rigs = [Rig(names=(f"/c{n}/color/image_raw", f"/c{n}/depth/image_raw", f"/c{n}/color/camera_info")) for n in range(6)]
    bag = recordings.write(tmp_path / "bag", [said for rig in rigs for said in rig.say([frame])])
    found = info(bag, Choice.parse(["depth:=/nope"]))
    assert ":=/nope: not in the bag; its topics: /c0/color/image_raw" in found.problem
    assert "and 4 more" in found.problem and "camera_info" not in found.problem
    assert found.warnings() == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nope:=/camera/x", "--topic nope:=/camera/x: neither nope nor /camera/x is a topic of the stack"),
        ("nope", "--topic nope: name the stack's topic and the recorded one"),
    ],
)
def test_topics_that_the_stack_does_not_have_are_told_with_those_that_it_has(given: str, said: str) -> None:
    with pytest.raises(BagError) as told:
        Choice.parse([given])
    assert str(told.value).startswith(said) and "; there are: color, depth, camera_info, labels" in str(told.value)


def test_a_file_that_is_no_recording_is_told(tmp_path: Path) -> None:
    text = tmp_path / "README.md"
    text.write_text("# Nothing of this kind\n")
    with pytest.raises(BagError, match=r"README\.md: not a recording"):
        info(text)


def test_a_recording_whose_end_is_missing_says_so(tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1) * 2))
    assert not any("missing" in warning for warning in info(bag).warnings())
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:-30])
    found = info(bag)
    assert found.moments == 2 and f"{file.name}: the end is missing; what was recorded after that is lost" in found.warnings()


@pytest.mark.parametrize(
    ("k", "said"),
    [
        ([0.9, 0, 0.5, 0, 1.2, 0.5, 0, 0, 1], "camera_info: no camera with 640 x 480 pixels has fx = 0.9 and fy = 1.2"),
        ([float("inf"), 0, 320, 0, 600, 240, 0, 0, 1], "camera_info: (inf, 600.0, 320.0, 240.0) is no fx, fy, cx, cy"),
    ],
)
def test_a_camera_that_cannot_be_is_told(tmp_path: Path, k: list[float], said: str) -> None:
    found = info(recordings.write(tmp_path / "bag", Rig(k=tuple(k)).say(recordings.simulated(1))))
    assert found.source is None and said in found.problem


def test_a_camera_that_is_probably_of_other_images_is_told(tmp_path: Path) -> None:
    by_columns = (520.0, 0.0, 0.0, 0.0, 520.0, 0.0, 319.5, 239.5, 1.0)
    found = info(recordings.write(tmp_path / "bag", Rig(k=by_columns).say(recordings.simulated(1))))
    assert any("cx = 0 and cy = 0 are far from the middle of 640 x 480 pixels" in warning for warning in found.warnings())


@pytest.mark.parametrize("text", ["[" * 5000, "a: 2001-99-99\n", "a: \0", "3\n"])
def test_metadata_that_say_nothing_harm_nobody(tmp_path: Path, text: str) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1)))
    (bag / "metadata.yaml").write_text(text)
    assert info(bag).moments == 1


def damaged(bag: Path, statement: str, *values: object) -> Path:
    """A recording in SQLite with one thing changed."""
    (file,) = bag.glob("*.db3")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)
    return bag


def test_a_message_that_claims_to_hold_more_than_there_is_room_for_is_told(tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1)), "sqlite3")
    head = b"\x28\xb5\x2f\xfd\xe0" + (1 << 42).to_bytes(8, "little") + b"\1\0\0"
    with pytest.raises(BagError, match=r"color/image_raw: damaged \(a message that does not decompress"):
        info(damaged(bag, "UPDATE messages SET data = ? WHERE id = 2", head))


def test_definitions_that_are_no_text_harm_nobody(tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1)), "sqlite3")
    changed = "UPDATE message_definitions SET topic_type = cast(x'73ff' AS text)"
    assert info(damaged(bag, changed)).moments == 1
