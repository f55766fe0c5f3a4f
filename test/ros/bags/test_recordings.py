"""Recordings as others write them: read, or refused in one line with exit code 2 before anything starts."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.core.observation import SECOND
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.ros.bags.info import BagInfo, info
from fail2progress.ros.bags.pictures import COMPRESSED, decoded, in_metres
from fail2progress.ros.bags.playback import messages
from fail2progress.ros.bags.reader import BagError
from fail2progress.ros.bags.topics import Choice
from fail2progress.ros.conversions.images import frame_of, metres, pixels_of
from fail2progress.ros.conversions.values import stamp_of
from fail2progress.ros.graph import CAMERA
from support import recordings as of
from support.recordings import REALSENSE, Rig, simulated, write

COLOUR, DEPTH, INFO = CAMERA
KINECT = ("/rgb/image_raw", "/depth_to_rgb/image_raw", "/rgb/camera_info")
PACKED = ("/camera/color/image_raw/compressed", "/camera/aligned_depth_to_color/image_raw/compressedDepth", REALSENSE[2])
PNGS = (PACKED[0], f"{REALSENSE[1]}/compressed", REALSENSE[2])
JPEG, DEPTH_PNG = "rgb8; jpeg compressed bgr8", "16UC1; compressedDepth png"


def frames(bag: BagInfo) -> list[RgbdFrame]:
    """What segmentation would be given: the newest camera info with the pairs of images."""
    found, kept = [], {}
    for item in messages(bag.require()):
        name = bag.played[item.topic]
        if name in CAMERA:
            data = decoded(item.data) if item.type == COMPRESSED else item.data
            kept[name] = deserialize_message(data, CameraInfo if name == INFO else Image)
        if name == DEPTH:
            found.append(frame_of(kept[COLOUR], kept[DEPTH], kept[INFO], None, "planning"))
    return found


READ: list[tuple[str, Rig, dict[str, str], float]] = [
    ("as a RealSense driver sends it", Rig(), {}, 0),
    ("stamps 5 ms apart", Rig(late=5_000_000), {}, 0),
    ("one camera info at the start", Rig(infos=1), {}, 0),
    ("SQLite", Rig(), {"storage": "sqlite3"}, 0),
    ("messages compressed, MCAP", Rig(), {"compress": "message"}, 0),
    ("messages compressed, SQLite", Rig(), {"compress": "message", "storage": "sqlite3"}, 0),
    ("file compressed, MCAP", Rig(), {"compress": "file"}, 0),
    ("file compressed, SQLite", Rig(), {"compress": "file", "storage": "sqlite3"}, 0),
    ("chunks compressed, MCAP", Rig(), {"compress": "storage"}, 0),
    ("bgr8", Rig(colour="bgr8"), {}, 0),
    ("bgra8", Rig(colour="bgra8"), {}, 0),
    ("rgba8", Rig(colour="rgba8"), {}, 0),
    ("yuv422_yuy2", Rig(colour="yuv422_yuy2"), {}, 90),
    ("mono16", Rig(depth="mono16"), {}, 0),
    ("big-endian", Rig(depth="16UC1>"), {}, 0),
    ("depth in metres", Rig(depth="32FC1"), {}, 0),
    ("names of an Azure Kinect", Rig(KINECT), {}, 0),
    ("names of OpenNI", Rig(("/c/rgb/image_rect_color", "/c/depth_registered/image_raw", "/c/rgb/camera_info")), {}, 0),
    ("JPEG and PNG only", Rig(PACKED, JPEG, DEPTH_PNG), {}, 60),
    ("PNG of both", Rig(PNGS, "bgr8; png compressed bgr8", "16UC1; png compressed "), {}, 0),
    ("8UC3 under the name of rgb", Rig(("/cam/rgb/image", "/cam/depth/image", "/cam/rgb/camera_info"), "8UC3"), {}, 0),
    ("8UC4", Rig(colour="8UC4"), {}, 0),
    ("BGRA with rows that are padded", Rig(colour="bgra8", padded=20), {}, 0),
    ("big-endian depth in metres", Rig(depth="32FC1>"), {"storage": "sqlite3", "compress": "message"}, 0),
    ("frames that nobody knows", Rig(frame="/wrong/frame"), {}, 0),
    ("no frames", Rig(frame=""), {}, 0),
    ("compressed inverse depth", Rig(PACKED, JPEG, "32FC1; compressedDepth png"), {}, 60),
    ("depth by run lengths", Rig(PACKED, JPEG, "16UC1; compressedDepth rvl"), {}, 60),
    ("inverse depth by run lengths", Rig(PACKED, JPEG, "32FC1; compressedDepth rvl"), {"storage": "sqlite3"}, 60),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rig", "options", "colours"), READ, ids=[row[0] for row in READ])
def test_what_drivers_record_is_read(name: str, rig: Rig, options: dict[str, str], colours: float, tmp_path: Path) -> None:
    (real,) = simulated()
    bag = info(write(tmp_path / "bag", rig.say([real, real]), **options))
    assert bag.source == "camera" and bag.moments == 2 and not bag.problem
    first, second = frames(bag)
    assert (first.stamp, second.stamp) == (of.BEGIN + rig.late, of.BEGIN + of.PERIOD + rig.late)
    assert first.intrinsics == real.intrinsics
    np.testing.assert_allclose(first.colour.astype(int), real.colour, atol=colours)
    np.testing.assert_allclose(first.depth, real.depth, atol=0.002)
    assert np.array_equal(first.depth > 0, real.depth > 0)


REFUSED: list[tuple[str, Callable[[RgbdFrame], Iterable[of.Said]], str]] = [
    ("K of zeros", lambda f: Rig(k=(0.0,) * 9).say([f]), "fx and fy are 0"),
    ("K of no numbers", lambda f: Rig(k=(float("nan"),) * 9).say([f]), "camera_info: fx = nan and fy = nan are no focal lengths"),
    ("depth of another size", lambda f: Rig(shrink=2).say([f]), "record depth aligned to colour"),
    ("unknown pixels", lambda f: Rig(colour="bayer_rggb16").say([f]), "encoding 'bayer_rggb16'; known: rgb8"),
    ("unknown depth", lambda f: Rig(depth="64FC1").say([f]), "encoding '64FC1'; known: 16UC1"),
    ("no camera info", lambda f: Rig(infos=0).say([f]), "no camera/color/camera_info); its topics: /camera/color/image_raw (sen"),
    ("no depth", lambda f: (s for s in Rig().say([f]) if s[0] != REALSENSE[1]), "--topic NAME:=NAME"),
    ("stamps far apart", lambda f: Rig(late=90_000_000).say([f]), "the nearest are 0.090 s apart: --slop"),
    ("infos of other images", lambda f: Rig(size=(9, 7)).say([f]), "speaks of 9 x 7 pixels"),
    ("two robots", lambda f: two(f, "/a", "/b"), "say which: --robot a or --robot b"),
    ("two cameras", lambda f: two(f, "/robot/front", "/robot/wrist"), "say which: --camera front or --camera wrist"),
    ("tenths of millimetres", lambda f: Rig(scale=10).say([f]), "if 1 stands for 0.001 m; say what it stands for: --topic dep"),
    ("metres in millimetres", lambda f: Rig(depth="32FC1", scale=1000).say([f]), "if 1 stands for 1 m; say what it stands for"),
    ("no reading", lambda f: Rig().say([replace(f, depth=np.zeros_like(f.depth))]), "no reading in any of 1 depth images"),
    ("parts of a film", lambda f: film(f), "encoding 'h264'; known: png, jpeg"),
    ("an empty bag", lambda f: [], "an empty recording, no message is in it"),
    ("nothing of a camera", lambda f: [("/tf", "tf2_msgs/msg/TFMessage", 5, of.transforms(5))], "/tf (tf2_msgs/msg/TFMessage)"),
]  # fmt: skip


def film(frame: RgbdFrame) -> Iterable[of.Said]:
    for topic, kind, time, message in Rig(PACKED, JPEG, DEPTH_PNG).say([frame]):
        yield topic, kind, time, replace(message, format="h264") if topic == PACKED[0] else message


def two(frame: RgbdFrame, *prefixes: str) -> Iterable[of.Said]:
    rigs = [Rig(tuple(prefix + name for name in REALSENSE)) for prefix in prefixes]  # type: ignore[arg-type]
    return chain(*(rig.say([frame]) for rig in rigs))


@pytest.mark.parametrize(("name", "said", "reason"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_looked_at_is_refused_in_one_line_before_anything_starts(
    name: str, said: Callable[[RgbdFrame], Iterable[of.Said]], reason: str, tmp_path: Path
) -> None:
    bag, out = write(tmp_path / "bag", said(simulated()[0])), tmp_path / "out"
    for words in (["up", "replay", str(bag), "--out", str(out)], ["bag", "info", str(bag), "--json"]):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 2
        last = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
        assert len(last) == 1 and reason in last[0], result.stderr
    assert not out.exists()


def test_a_robot_a_camera_or_topics_can_be_named(tmp_path: Path) -> None:
    real = simulated()[0]
    bag = write(tmp_path / "bag", chain(two(real, "/a", "/b"), Rig(KINECT, late=1).say([real])))
    assert info(bag, Choice.parse(robot="b")).played == dict(zip((f"/b{name}" for name in REALSENSE), CAMERA, strict=True))
    given = ["color:=/rgb/image_raw", "/depth_to_rgb/image_raw:=depth", "camera/color/camera_info:=rgb/camera_info"]
    assert info(bag, Choice.parse(given)).played == dict(zip(KINECT, CAMERA, strict=True))
    assert info(bag, Choice.parse(robot="c")).problem.endswith("begins so; there are: a, b, depth_to_rgb, rgb")
    assert "not in the bag; its topics: /a/camera" in info(bag, Choice.parse(["depth:=/nowhere"])).problem
    wrong = info(bag, Choice.parse(["depth:=/rgb/camera_info"])).problem
    assert "holds sensor_msgs/msg/CameraInfo, not sensor_msgs/msg/Image" in wrong
    with pytest.raises(BagError, match=r"--topic color: name the stack's topic and the recorded one"):
        Choice.parse(["color"])
    wrist = write(tmp_path / "wrist", two(real, "/robot/front", "/robot/wrist"))
    assert set(info(wrist, Choice.parse(camera="wrist")).played) == {f"/robot/wrist{name}" for name in REALSENSE}


def test_plain_images_are_preferred_to_the_same_compressed(tmp_path: Path) -> None:
    real = simulated()[0]
    bag = info(write(tmp_path / "bag", chain(Rig(PACKED, JPEG, DEPTH_PNG).say([real]), Rig().say([real]))))
    assert set(bag.played) == set(REALSENSE) and bag.moments == 1


def test_a_clock_that_jumps_back_loses_nothing(tmp_path: Path) -> None:
    """Stamps and times of arrival, an hour."""
    real = [simulated()[0]] * 3
    for storage in ("mcap", "sqlite3"):
        said = [*Rig().say(real), *Rig().say(real, of.BEGIN - 3600 * SECOND)]
        bag = info(write(tmp_path / storage, said, storage))
        assert [frame.stamp for frame in frames(bag)] == [
            begin + number * of.PERIOD for begin in (of.BEGIN, of.BEGIN - 3600 * SECOND) for number in range(3)
        ]
        assert any("a clock was set back by 3600" in said for said in bag.warnings())


def test_the_unit_of_depth_can_be_named(tmp_path: Path) -> None:
    real = simulated()[0]
    for name, rig, unit in (("tenths", Rig(scale=10), 0.0001), ("millimetres", Rig(depth="32FC1", scale=1000), 0.001)):
        bag = info(write(tmp_path / name, rig.say([real])), Choice.parse([f"depth:={REALSENSE[1]}@{unit}"]))
        assert bag.moments == 1 and bag.unit == unit and not bag.problem
        (depth,) = (item.data for item in messages(bag) if bag.played[item.topic] == DEPTH)
        found = metres(pixels_of(deserialize_message(in_metres(depth, unit), Image)))
        near = real.depth < 6.5
        np.testing.assert_allclose(found[near], real.depth[near], atol=0.001)
    for wrong in ("depth:=/d@x", "depth:=/d@0", "color:=/c@0.001"):
        with pytest.raises(BagError, match="after @ stand the metres"):
            Choice.parse([wrong])


@pytest.mark.parametrize("rig", [Rig(period=-of.PERIOD), Rig(unstamped=True, late=3_000_000)], ids=["backwards", "none"])
def test_moments_are_kept_where_stamps_run_backwards_or_are_missing(rig: Rig, tmp_path: Path) -> None:
    bag = info(write(tmp_path / "bag", rig.say([simulated()[0]] * 5)))
    assert bag.moments == 5 and len({frame.stamp for frame in frames(bag)}) == 5


def test_a_split_bag_of_which_files_are_packed_and_one_is_cut_is_read_to_its_end(tmp_path: Path) -> None:
    whole, real = tmp_path / "bag", [simulated()[0]] * 2
    whole.mkdir()
    for number in range(3):
        compress = "file" if number == 1 else ""
        part = write(tmp_path / f"part{number}", Rig().say(real, of.BEGIN + number * SECOND), compress=compress)
        (file,) = (file for file in part.iterdir() if file.name != "metadata.yaml")
        data = file.read_bytes()
        plain = zstandard.ZstdDecompressor().stream_reader(data).read() if compress else data
        (whole / f"bag_{9 + number}.mcap").write_bytes(plain[: int(len(plain) * 0.4)] if number == 2 else plain)
    found = [frame.stamp for frame in frames(info(whole))]
    assert found[:4] == [of.BEGIN + n * SECOND + k * of.PERIOD for n in range(2) for k in range(2)] and len(found) < 6


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_that_was_killed_while_it_packed_its_files_is_read_whole(storage: str, tmp_path: Path) -> None:
    whole, real = tmp_path / "bag", [simulated()[0]] * 2
    whole.mkdir()
    for number in range(3):
        part = write(tmp_path / f"part{number}", Rig().say(real, of.BEGIN + number * SECOND), storage)
        (file,) = (file for file in part.iterdir() if file.name != "metadata.yaml")
        packed = zstandard.ZstdCompressor().compress(file.read_bytes())
        if number > 0:
            (whole / f"bag_{9 + number}{file.suffix}").write_bytes(file.read_bytes())
        if number < 2:
            (whole / f"bag_{9 + number}{file.suffix}.zstd").write_bytes(packed if number == 0 else packed[:100])
    found = [frame.stamp for frame in frames(info(whole))]
    assert found == [of.BEGIN + n * SECOND + k * of.PERIOD for n in range(3) for k in range(2)]


def test_a_bag_that_was_written_topic_by_topic_is_played_by_time(tmp_path: Path) -> None:
    said = sorted(Rig().say([simulated()[0]] * 4), key=lambda item: item[0])
    assert [frame.stamp for frame in frames(info(write(tmp_path / "bag", said)))] == [of.BEGIN + k * of.PERIOD for k in range(4)]


def test_stamps_of_another_clock_pair_images_that_come_late(tmp_path: Path) -> None:
    """Depth comes 0.3 s after its colour, and stamps count from the camera's start."""
    said = [
        (topic, kind, time + (300_000_000 if topic == REALSENSE[1] else 0), message)
        for topic, kind, time, message in Rig(late=1_000_000).say([simulated()[0]] * 4, 7 * SECOND)
    ]
    shifted = sorted(((t, k, of.BEGIN + time, m) for t, k, time, m in said), key=lambda item: item[2])
    played = [(bag.played[item.topic], item.time) for bag in [info(write(tmp_path / "bag", shifted))] for item in messages(bag)]
    order = [name for name, _ in played if name != INFO]
    assert order == [COLOUR, DEPTH] * 4


@pytest.mark.parametrize(
    ("edges", "known"),
    [
        ([], False),
        ([("base_link", "link_head"), ("link_head", "camera_color_optical_frame")], False),
        ([("planning", "base_link"), ("base_link", "camera_color_optical_frame")], True),
    ],
)
def test_a_camera_whose_place_is_guessed_is_said_so(edges: list[tuple[str, str]], known: bool, tmp_path: Path) -> None:
    said = [("/tf", "tf2_msgs/msg/TFMessage", of.BEGIN, of.transforms(of.BEGIN, *edges))] if edges else []
    bag = info(write(tmp_path / "bag", chain(said, Rig().say(simulated()))))
    assert any("no transforms from camera to planning frame" in said for said in bag.warnings()) is not known


def test_a_bag_of_ros_1_is_recognised(tmp_path: Path) -> None:
    rosbag1 = pytest.importorskip("rosbags.rosbag1")
    from rosbags.typesys import Stores, get_typestore

    old = get_typestore(Stores.ROS1_NOETIC)
    with rosbag1.Writer(tmp_path / "old.bag") as writer:
        connection = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=old)
        writer.write(connection, 5, old.serialize_ros1(old.types["std_msgs/msg/String"](data="x"), "std_msgs/msg/String"))
    for path in (tmp_path / "old.bag", tmp_path):
        result = CliRunner().invoke(app, ["up", "replay", str(path)])
        assert result.exit_code == 2 and "a ROS 1 bag; convert it first: rosbags-convert --src" in result.stderr


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data[:20], lambda data: b"x" * len(data)])
def test_damaged_pictures_are_told_and_not_played(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    from fail2progress.ros.bags.cdr import DamagedError

    message: Any = of.compressed(of.BEGIN, simulated()[0].colour, JPEG)
    broken = replace(message, data=np.frombuffer(damage(message.data.tobytes()), np.uint8))
    with pytest.raises(DamagedError):
        decoded(bytes(of.store().serialize_cdr(broken, of.COMPRESSED)))


def test_stamps_are_whole_nanoseconds(tmp_path: Path) -> None:
    stamp = 1_700_000_000_300_000_001
    bag = info(write(tmp_path / "bag", Rig(PACKED, JPEG, DEPTH_PNG).say(simulated(), stamp)))
    found = [deserialize_message(decoded(item.data), Image) for item in messages(bag) if item.type == COMPRESSED]
    assert [stamp_of(message.header.stamp) for message in found] == [stamp, stamp]
