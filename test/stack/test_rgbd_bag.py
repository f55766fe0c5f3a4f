"""A bag with nothing but the images of an RGB-D camera, as `ros2 bag record` makes it beside a RealSense driver."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph
from fail2progress.tasks.registry import task
from support.processes import command

FRAMES = os.environ.get("FAIL2PROGRESS_FRAMES", "")
"""Folder with NNNNNN-color.png, NNNNNN-depth.png (mm) and NNNNNN.json, for a bag of a real camera."""


def write_bag(folder: Path, frames: list[RgbdFrame], late: float = 0.0, infos: int = 1000, encoding: str = "rgb8") -> None:
    """`late`: seconds by which depth is stamped after colour; `infos`: camera infos at the start of the bag."""
    pytest.importorskip("rclpy")
    pytest.importorskip("fail2progress_msgs")
    from rclpy.serialization import serialize_message

    from fail2progress.ros.bags.writer import BagWriter
    from fail2progress.ros.conversions.images import depth_image, image_msg, info_msg
    from fail2progress.ros.graph import CAMERA

    colour, depth, info = (f"/camera/{name}" for name in CAMERA)
    writer = BagWriter(folder)
    for topic, kind in ((colour, "Image"), (depth, "Image"), (info, "CameraInfo")):
        writer.add_topic(topic, f"sensor_msgs/msg/{kind}")
    for number, frame in enumerate(frames):
        stamp = 100.0 + number / 5
        for topic, message in (
            (colour, image_msg(frame.colour, encoding, stamp)),
            (depth, image_msg(depth_image(frame.depth), "16UC1", stamp + late)),
            (info, info_msg(frame.intrinsics, stamp)),
        ):
            if topic == info and number >= infos:
                continue
            writer.write(topic, serialize_message(message), int(stamp * 1e9))
    writer.close()


def replayed(bag: Path, out: Path, variables: dict[str, str]) -> str:
    words = command("up", "replay", str(bag), "--out", str(out))
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_bag_as_drivers_write_it_is_played(variables: dict[str, str], tmp_path: Path) -> None:
    """Depth stamped 5 ms after colour, and one camera info at the start."""
    write_bag(tmp_path / "bag", simulated(3), late=0.005, infos=1)
    assert "3 observations, 3 of them with relations" in replayed(tmp_path / "bag", tmp_path / "out", variables)


def test_a_bag_in_which_nothing_can_be_looked_at_ends_with_the_reason(variables: dict[str, str], tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", simulated(1), encoding="bayer_rggb16")
    words = command("up", "replay", str(tmp_path / "bag"), "--out", str(tmp_path / "out"))
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=200)
    assert done.returncode == 2, done.stderr
    assert "'bayer_rggb16'; known: rgb8" in done.stderr and "nothing could be looked at" in done.stderr


def simulated(count: int) -> list[RgbdFrame]:
    scene = task("hierarchical-tabletop").trial(3, 5).scene
    bodies, rng = compile_scene(scene), np.random.default_rng(0)
    import mujoco

    mujoco.mj_forward(bodies.model, bodies.data)
    camera = Camera(eye=(-0.1, 0.35, 1.1), target=(0.6, 0.4, 0.5), focal=520.0)
    return [photograph(bodies, scene, camera, DepthNoise(0.001, 0.005), rng) for _ in range(count)]


def test_images_of_a_simulated_camera_become_relations(variables: dict[str, str], tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", simulated(3))
    said = replayed(tmp_path / "bag", tmp_path / "out", variables)
    assert "9 messages played, 3 observations, 3 of them with relations" in said


@pytest.mark.skipif(not FRAMES, reason="FAIL2PROGRESS_FRAMES names no folder with real frames")
def test_images_of_a_real_camera_become_relations(variables: dict[str, str], tmp_path: Path) -> None:
    frames = [real(path) for path in sorted(Path(FRAMES).glob("*.json"))]
    write_bag(tmp_path / "bag", frames)
    said = replayed(tmp_path / "bag", tmp_path / "out", variables)
    assert f"{len(frames)} observations, {len(frames)} of them with relations" in said


def real(path: Path) -> RgbdFrame:
    from PIL import Image

    k = json.loads(path.read_text())
    k = k.get("camera", k)
    colour = np.asarray(Image.open(path.with_name(f"{path.stem}-color.png")).convert("RGB"), np.uint8)
    depth = np.asarray(Image.open(path.with_name(f"{path.stem}-depth.png")), np.float32) / 1000
    return RgbdFrame(colour, depth, Intrinsics(depth.shape[1], depth.shape[0], k["fx"], k["fy"], k["cx"], k["cy"]))
