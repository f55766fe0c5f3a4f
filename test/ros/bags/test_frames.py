"""RGB-D frames out of recordings, without ROS."""

from pathlib import Path

import numpy as np
import pytest

from fail2progress.perception.distortion import Lens, straight
from fail2progress.ros.bags.frames import frames
from fail2progress.ros.bags.info import info
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
