"""RGB-D frames out of recordings, without ROS."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fail2progress.perception.frames.distortion import Lens, straight
from fail2progress.ros.bags.frames import Passed, frames
from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.topics import INFO
from support import recordings
from support.recordings import Rig


@pytest.mark.parametrize(
    ("colour", "depth", "blur"),
    [
        ("rgb8", "16UC1", 0.0),
        ("bgra8", "32FC1", 0.0),
        ("rgb8; jpeg compressed bgr8", "16UC1; compressedDepth png", 6.0),
    ],
)
def test_frames_of_a_recording_are_those_of_the_camera(colour: str, depth: str, blur: float, tmp_path: Path) -> None:
    (true,) = recordings.simulated(1)
    rig = Rig(colour=colour, depth=depth, late=5_000_000)
    bag = info(recordings.write(tmp_path / "bag", rig.say([true] * 4)), source="camera")
    found = list(frames(bag.require()))
    assert len(found) == bag.moments == 4 and len(list(frames(bag, every=3))) == 2
    assert [frame.stamp for frame in found] == [recordings.BEGIN + n * recordings.PERIOD for n in range(4)]
    for frame in found:
        assert frame.pose is None and frame.intrinsics == true.intrinsics
        assert np.abs(frame.colour.astype(float) - true.colour).mean() <= blur
        assert np.abs(frame.depth - true.depth).max() < 1e-3


def test_distortion_is_undone_but_in_images_that_were_rectified(tmp_path: Path) -> None:
    (true,) = recordings.simulated(1)
    bent = (-0.28, 0.07, 0.001, -0.002, 0.0)
    rectified = ("/camera/color/image_rect_color", *recordings.REALSENSE[1:])
    for folder, names, expected in (
        ("raw", recordings.REALSENSE, straight(true, Lens("plumb_bob", bent))),
        ("rectified", rectified, true),
    ):
        bag = info(recordings.write(tmp_path / folder, Rig(names=names, d=bent).say([true])), source="camera").require()
        (found,) = frames(bag)
        assert np.abs(found.depth - expected.depth).max() < 1e-3 and (found.colour == expected.colour).all()
        said = [note for note in bag.warnings() if "distortion" in note]
        note = f"{recordings.REALSENSE[2]}: the lens's distortion is undone (plumb_bob, 5 coefficients)"
        assert said == ([note] if folder == "raw" else [])


def test_what_gives_no_frame_is_counted_with_the_reason(tmp_path: Path) -> None:
    """Of ten moments one lacks its colour, two their depth, one has an image of no known encoding, and one comes twice."""
    (true,) = recordings.simulated(1)
    said = list(Rig().say([true] * 10))
    colour, depth, _ = recordings.REALSENSE
    of = {name: [item for item in said if item[0] == name] for name in (colour, depth)}
    of[colour][6][3].encoding = "mono64"
    gone = [of[colour][2], of[depth][4], of[depth][8]]
    twice = of[depth][9]
    kept = [item for item in said if not any(item is one for one in gone)]
    bag = info(recordings.write(tmp_path / "bag", [*kept, twice]), source="camera").require()
    passed = Passed()
    found = list(frames(bag, passed=passed))
    assert len(found) == 6
    unread = [why for what, why in passed if "cannot be read" in why]
    assert len(unread) == 1 and "mono64" in unread[0]
    assert passed.pop(("colour", unread[0])) == 1
    assert passed == {
        ("colour", "no depth image within 0.02 s of it"): 2,
        ("depth", "no colour image within 0.02 s of it"): 3,
    }


def test_of_many_kinds_of_damage_a_few_are_told(tmp_path: Path) -> None:
    (true,) = recordings.simulated(1)
    said = list(Rig().say([true] * 9))
    for number, (_, _, _, message) in enumerate(item for item in said if item[0] == recordings.REALSENSE[0]):
        message.encoding = f"strange{number % 6}" if number else message.encoding
    bag = info(recordings.write(tmp_path / "bag", said), source="camera").require()
    passed = Passed()
    assert len(list(frames(bag, passed=passed))) == 1
    unread = {why: count for (what, why), count in passed.items() if what == "colour"}
    assert len(unread) == 4 and sum(unread.values()) == 8 and unread["cannot be read, each for another reason"] == 3


def test_the_same_damage_is_told_in_the_same_words(tmp_path: Path) -> None:
    (true,) = recordings.simulated(1)
    said = list(Rig(colour="rgb8; png compressed bgr8").say([true] * 4))
    for _, _, _, message in said[2:]:
        if hasattr(message, "format"):
            message.data = np.frombuffer(b"\x89PNG\r\n\x1a\nnothing more", np.uint8)
    bag = info(recordings.write(tmp_path / "bag", said), source="camera").require()
    passed = Passed()
    list(frames(bag, passed=passed))
    assert passed["colour", "cannot be read: a damaged picture (PNG by its first bytes alone)"] >= 3


def test_images_of_a_camera_that_nothing_is_told_of_are_counted(tmp_path: Path) -> None:
    (true,) = recordings.simulated(1)
    bag = info(recordings.write(tmp_path / "bag", Rig().say([true] * 3)), source="camera").require()
    unknown, passed = replace(bag, played={topic: name for topic, name in bag.played.items() if name != INFO}), Passed()
    assert list(frames(unknown, passed=passed)) == []
    assert passed == {("colour", "no camera info"): 3, ("depth", "no camera info"): 3}
