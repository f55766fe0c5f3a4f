"""Depth of another lens than colour's is refused, wherever its camera info is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fail2progress.ros.bags.info import info
from support import recordings
from support.recordings import Rig

VIEWER = tuple(f"/device_0/{name}" for name in ("sensor_1/Color_0/image/data", "sensor_0/Depth_0/image/data"))


def written(folder: Path, colour: str, depth: str, about: str, own: str, factor: float) -> Path:
    """A recording with a second camera info, whose focal length is so many times that of colour; all are of one frame."""
    said: list[Any] = []
    for topic, kind, time, message in Rig((colour, depth, about), frame="0").say(recordings.simulated(1) * 2):
        said.append((topic, kind, time, message))
        if topic == about:
            k = np.array(message.k) * np.array([factor, 1, 1, 1, factor, 1, 1, 1, 1])
            said.append((own, kind, time, replace(message, k=k)))
    return recordings.write(folder, said)


@pytest.mark.parametrize(
    ("colour", "depth", "about", "own"),
    [
        (*VIEWER, "/device_0/sensor_1/Color_0/info/camera_info", "/device_0/sensor_0/Depth_0/info/camera_info"),
        ("/cam/color/image_raw", "/cam/depth/image_rect_raw", "/cam/color/camera_info", "/cam/depth/camera_info"),
        ("/cam/rgb/image", "/cam/depth/image/plain", "/cam/rgb/camera_info", "/cam/depth/info/camera_info"),
    ],
)
def test_depth_of_another_lens_is_refused(colour: str, depth: str, about: str, own: str, tmp_path: Path) -> None:
    found = info(written(tmp_path / "other", colour, depth, about, own, 0.63))
    assert f"{depth}: another lens (fx " in found.problem and f", as {own} says) than {colour}" in found.problem
    assert "record depth aligned to colour" in found.problem
    same = info(written(tmp_path / "same", colour, depth, about, own, 1.001))
    assert not same.problem and same.played[about].endswith("camera_info")


def test_aligned_depth_has_colours_lens_though_the_depth_cameras_info_is_nearer(tmp_path: Path) -> None:
    """Of a RealSense camera and of OpenNI: the info of raw depth is not that of aligned depth."""
    for number, (colour, depth) in enumerate(
        (
            ("/camera/color/image_raw", "/camera/aligned_depth_to_color/image_raw"),
            ("/rgb/image_raw", "/camera/depth_registered/image_raw"),
        )
    ):
        about = f"{colour.rpartition('/')[0]}/camera_info"
        found = info(written(tmp_path / str(number), colour, depth, about, "/camera/depth/camera_info", 0.63))
        assert not found.problem and found.played[depth].endswith("aligned_depth_to_color/image_raw")
