"""A bag with nothing but the images of an RGB-D camera, as `ros2 bag record` makes it beside a RealSense driver."""

import json
import os
import subprocess
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.observation import SECOND
from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from support.processes import command
from support.recordings import BEGIN, Rig, simulated, write

FRAMES = os.environ.get("FAIL2PROGRESS_FRAMES", "")
"""Folder with NNNNNN-color.png, NNNNNN-depth.png (mm) and NNNNNN.json, for a bag of a real camera."""


def replayed(bag: Path, out: Path, variables: dict[str, str]) -> str:
    words = command("up", "replay", str(bag), "--out", str(out))
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_bag_as_drivers_write_it_is_played(variables: dict[str, str], tmp_path: Path) -> None:
    """Compressed topics of a Kinect only, in compressed messages; depth stamped 5 ms after colour, one camera info at the start;
    then the clock is set back by an hour."""
    names = ("/rgb/image_raw/compressed", "/depth_to_rgb/image_raw/compressedDepth", "/rgb/camera_info")
    rig = Rig(names, "rgb8; jpeg compressed bgr8", "16UC1; compressedDepth png", late=5_000_000, infos=1)
    frames = simulated(3)
    said = chain(rig.say(frames), rig.say(frames, BEGIN - 3600 * SECOND))
    bag = write(tmp_path / "bag", said, "sqlite3", "message")
    told = replayed(bag, tmp_path / "out", variables)
    assert "6 observations, 6 of them with relations" in told
    for note in ("a clock was set back by 3600", "the camera's place is worked out", "/rgb/image_raw/compressed is decoded"):
        assert note in told


def test_a_bag_in_which_nothing_can_be_looked_at_ends_with_the_reason(variables: dict[str, str], tmp_path: Path) -> None:
    """A table without an end, as a wall before the camera: only looking at it tells."""
    (frame,) = simulated(1)
    wall = replace(frame, depth=np.zeros_like(frame.depth))
    words = command("up", "replay", str(write(tmp_path / "bag", Rig().say([wall]))), "--out", str(tmp_path / "out"))
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=200)
    assert done.returncode == 2, done.stderr
    assert "refused by segmentation" in done.stderr and "nothing could be looked at" in done.stderr


@pytest.mark.skipif(not FRAMES, reason="FAIL2PROGRESS_FRAMES names no folder with real frames")
def test_images_of_a_real_camera_become_relations(variables: dict[str, str], tmp_path: Path) -> None:
    frames = [real(path) for path in sorted(Path(FRAMES).glob("*.json"))]
    write(tmp_path / "bag", Rig().say(frames))
    said = replayed(tmp_path / "bag", tmp_path / "out", variables)
    assert f"{len(frames)} observations, {len(frames)} of them with relations" in said


def real(path: Path) -> RgbdFrame:
    from PIL import Image

    k = json.loads(path.read_text())
    k = k.get("camera", k)
    colour = np.asarray(Image.open(path.with_name(f"{path.stem}-color.png")).convert("RGB"), np.uint8)
    depth = np.asarray(Image.open(path.with_name(f"{path.stem}-depth.png")), np.float32) / 1000
    return RgbdFrame(colour, depth, Intrinsics(depth.shape[1], depth.shape[0], k["fx"], k["fy"], k["cx"], k["cy"]))
