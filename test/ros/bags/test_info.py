"""What is said of a bag before anything starts; and bags that others compress, or that are none of ROS 2."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from fail2progress_msgs.msg import Segments
from rclpy.serialization import deserialize_message, serialize_message
from tf2_msgs.msg import TFMessage
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.core.observation import SECOND
from fail2progress.ros.bags.cdr import DamagedError, header_stamp
from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.playback import messages, said_now
from fail2progress.ros.bags.reader import BagError, Recorded, read
from fail2progress.ros.bags.survey import IMAGE, survey
from fail2progress.ros.bags.topics import Choice
from fail2progress.ros.bags.writer import BagWriter
from fail2progress.ros.conversions.values import SCHEMA, stamp_of
from fail2progress.ros.graph import CAMERA, LABELS
from support import recordings, traffic
from support.recordings import Rig


def write(folder: Path, *names: str, prefix: str = "/robot/", pack: bool = False, cut: Mapping[str, int] = {}) -> Path:
    """A bag with three messages of each topic, 0.1 and 0.4 s apart. cut: how many of them end after 60 bytes."""
    writer = BagWriter(folder)
    for name in names:
        message = traffic.VALID[name]()
        writer.add_topic(f"{prefix}{name}", f"{type(message).__module__.split('.')[0]}/msg/{type(message).__name__}")
        data = serialize_message(message)
        for number, time in enumerate((0, 100_000_000, 500_000_000)):
            kept = data[:60] if number < cut.get(name, 0) else data
            writer.write(f"{prefix}{name}", zstandard.compress(kept) if pack else kept, time)
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
    result = CliRunner().invoke(app, ["bag", "info", str(write(tmp_path / "bag", CAMERA[0], "joint_states")), "--json"])
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
    (tmp_path / "README.md").write_text("# Nothing of this kind\n")
    with pytest.raises(BagError, match=r"README\.md: not a recording"):
        info(tmp_path / "README.md")


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
    found = info(damaged(bag, "UPDATE messages SET data = ? WHERE id = 2", head))
    assert "bag.db3: 1 damaged part(s) left out, recorded in 0.0 s" in found.warnings() and "no camera/color" in found.problem
    with pytest.raises(BagError, match=r"color/camera_info: damaged \(a message that does not decompress"):
        info(damaged(bag, "UPDATE messages SET data = ?", head))


def test_definitions_that_are_no_text_harm_nobody(tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1)), "sqlite3")
    changed = "UPDATE message_definitions SET topic_type = cast(x'73ff' AS text)"
    assert info(damaged(bag, changed)).moments == 1


def restamped(rig: Rig, *stamps: int) -> list[recordings.Said]:
    """Moments of a camera, and the camera's place, with other stamps than the times at which they come."""
    said = []
    for number, stamp in enumerate(stamps):
        time = recordings.BEGIN + number * recordings.PERIOD
        place = recordings.transforms(stamp, ("planning", "camera_color_optical_frame"))
        said.append(("/tf", "tf2_msgs/msg/TFMessage", time, place))
        for topic, kind, _, message in rig.say(recordings.simulated(1), stamp or time):
            said.append((topic, kind, time, message))
    return said


def test_what_has_no_stamp_is_as_old_as_its_recording(tmp_path: Path) -> None:
    """The robot's frames, too: otherwise no image has a transform of its time."""
    bag = info(recordings.write(tmp_path / "bag", restamped(Rig(unstamped=True), 0, 0, 0)))
    names = ", ".join(sorted([*recordings.REALSENSE, "/tf"]))
    assert f"messages without a stamp are given the time at which they were recorded: {names}" in bag.warnings()
    times = [recordings.BEGIN + number * recordings.PERIOD for number in range(3)]
    assert bag.moments == 3
    played = list(messages(bag))
    for topic in recordings.REALSENSE:
        assert [header_stamp(item.data) for item in played if item.topic == topic] == times
    frames = [deserialize_message(item.data, TFMessage).transforms[0] for item in played if item.topic == "/tf"]
    assert [stamp_of(frame.header.stamp) for frame in frames] == times
    assert {(frame.header.frame_id, frame.child_frame_id) for frame in frames} == {("planning", "camera_color_optical_frame")}
    stamped = info(recordings.write(tmp_path / "stamped", restamped(Rig(), *times)))
    assert not any("stamp" in warning for warning in stamped.warnings())


def test_segments_that_nobody_knows_the_time_of_are_refused(tmp_path: Path) -> None:
    """They arrive long after what they show: before the end of a step, perhaps, when they arrive after it."""
    writer, message = BagWriter(tmp_path / "bag"), traffic.VALID["segments"]()
    writer.add_topic("/segments", "fail2progress_msgs/msg/Segments")
    for number, stamp in enumerate((0, 0, 2)):
        message.header.stamp.sec, message.header.stamp.nanosec = stamp, 0
        writer.write("/segments", serialize_message(message), number * 10**9)
    writer.close()
    found = info(tmp_path / "bag")
    why = "no stamp that says when things were seen"
    assert found.moments == 1 and f"/segments: 2 of 3 messages are damaged and left out ({why})" in found.warnings()
    with pytest.raises(DamagedError, match=why):
        said_now(next(read(tmp_path / "bag")), found, SCHEMA, "")


def test_stamps_that_jump_back_are_told(tmp_path: Path) -> None:
    times = [recordings.BEGIN + number * recordings.PERIOD for number in range(4)]
    bag = info(recordings.write(tmp_path / "bag", restamped(Rig(), *times[:2], *(time - 1000 * 10**9 for time in times[2:]))))
    (told,) = (warning for warning in bag.warnings() if "clock was set back" in warning)
    assert told.startswith("a clock was set back: stamps jump by 999.8 s, of ") and recordings.REALSENSE[1] in told


def test_damaged_messages_are_no_observations(tmp_path: Path) -> None:
    cut = info(write(tmp_path / "cut", "segments", "steps", cut={"segments": 2}))
    assert cut.moments == 1 and any(
        "/robot/segments: 2 of 3 messages are damaged and left out" in said for said in cut.warnings()
    )
    for name in ("segments", *CAMERA):
        others = [other for other in ((*CAMERA, "tf") if name in CAMERA else ()) if other != name]
        bag = info(write(tmp_path / name.replace("/", "_"), name, *others, cut={name: 3}))
        assert bag.source is None and f"/robot/{name}: all of its 3 messages are damaged (" in bag.problem
    seen = info(write(tmp_path / "both", "segments", *CAMERA, cut={"segments": 3}))
    assert seen.problem.endswith("; --source camera looks at the images instead")


@pytest.mark.parametrize("depth", ["16UC1", "16UC1; compressedDepth png"])
def test_images_without_their_last_pixels_are_damaged(tmp_path: Path, depth: str) -> None:
    name = "/camera/aligned_depth_to_color/image_raw" + ("/compressedDepth" if "Depth" in depth else "")
    rig = Rig((recordings.REALSENSE[0], name, recordings.REALSENSE[2]), depth=depth)
    bag = recordings.write(tmp_path / "bag", rig.say(recordings.simulated(1) * 3), "sqlite3")
    where = "FROM topics WHERE messages.topic_id = topics.id"
    shortened = f"UPDATE messages SET data = substr(data, 1, length(data) - 1000) {where} AND topics.name = ?"
    assert f"{name}: all of its 3 messages are damaged (" in info(damaged(bag, shortened, name)).problem


def test_whole_topics_are_preferred_to_damaged_ones(tmp_path: Path) -> None:
    one, other = (Rig((recordings.REALSENSE[0], f"/camera/depth{n}/image_raw", recordings.REALSENSE[2])) for n in (1, 2))
    said = [*one.say(recordings.simulated(1)), *(item for item in other.say(recordings.simulated(1)) if "depth" in item[0])]
    bag = recordings.write(tmp_path / "bag", said, "sqlite3")
    cut = "UPDATE messages SET data = substr(data, 1, 20) FROM topics WHERE messages.topic_id = topics.id AND topics.name = ?"
    assert info(damaged(bag, cut, "/camera/depth1/image_raw")).played["/camera/depth2/image_raw"] == CAMERA[1]


def test_messages_that_were_recorded_twice_count_once(tmp_path: Path) -> None:
    said = [item for item in Rig().say(recordings.simulated(1) * 3) for _ in range(2)]
    assert info(recordings.write(tmp_path / "bag", said)).moments == 3
    assert info(write(tmp_path / "segments", "segments")).moments == 1


def test_names_of_labels_are_seen_with_their_images_where_they_have_stamps(tmp_path: Path) -> None:
    """Without a stamp they count from then on, and get none."""
    for stamped in (True, False):
        names, folder = traffic.VALID[LABELS[1]](), tmp_path / f"bag {stamped}"
        names.header.stamp.sec = int(stamped)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(traffic.VALID, LABELS[1], lambda names=names: names)
            bag = info(write(folder, *CAMERA, *LABELS))
        assert bag.seen == {*CAMERA, LABELS[0], *((LABELS[1],) if stamped else ())} and not bag.unstamped
        told = {header_stamp(item.data) for item in messages(bag) if item.topic.endswith(LABELS[1])}
        assert told == {SECOND if stamped else 0}


def test_an_unknown_source_is_refused_as_a_replay_does(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", "segments")
    for words in (["bag", "info"], ["up", "replay"]):
        result = CliRunner().invoke(app, [*words, str(bag), "--source", "imu"])
        assert result.exit_code == 2 and "unknown source 'imu'; there are: segments, camera" in result.stderr
    with pytest.raises(BagError, match="unknown source 'imu'"):
        info(bag, source="imu")
