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


def start(bag: Path, out: Path, variables: dict[str, str]) -> subprocess.Popen[str]:
    words = command("up", "replay", str(bag), "--out", str(out))
    return subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def replayed(bag: Path, out: Path, variables: dict[str, str]) -> str:
    with start(bag, out, variables) as process:
        said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said
    return said


def test_two_replays_at_once_in_one_domain_do_not_mix(variables: dict[str, str], tmp_path: Path) -> None:
    """One has compressed topics of a Kinect only, in compressed messages; depth is stamped 5 ms after colour, one camera info
    comes at the start, and the clock is set back by an hour. The other one has one reading: only looking at it tells."""
    names = ("/rgb/image_raw/compressed", "/depth_to_rgb/image_raw/compressedDepth", "/rgb/camera_info")
    rig = Rig(names, "rgb8; jpeg compressed bgr8", "16UC1; compressedDepth png", late=5_000_000, infos=1)
    frames = simulated(3)
    said = chain(rig.say(frames), rig.say(frames, BEGIN - 3600 * SECOND))
    blind = replace(frames[0], depth=np.zeros_like(frames[0].depth))
    blind.depth[0, 0] = 1.0
    bags = (write(tmp_path / "bag", said, "sqlite3", "message"), write(tmp_path / "blind", Rig().say([blind])))
    processes = [start(bag, tmp_path / f"out{number}", variables) for number, bag in enumerate(bags)]
    told = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 2], told
    assert "6 observations, 6 of them with relations" in told[0], told[0]
    for note in ("a clock was set back by 3600", "the camera's place is worked out", "/rgb/image_raw/compressed is decoded"):
        assert note in told[0]
    assert "nothing could be looked at: refused by segmentation" in told[1] and "a node cannot run" not in told[1]
    domains = {text.partition(" in ROS domain ")[2].partition(";")[0] for text in told}
    assert len(domains) == 2 and "has a stack already" in "".join(told)


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
