"""Recordings as drivers and `ros2 bag record` write them, of simulated frames; `rosbags` writes them."""

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import NonSeekingReader, make_reader
from mcap.writer import CompressionType, Writer
from PIL import Image as Picture

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SECOND
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph
from fail2progress.tasks.registry import task
from support.run_lengths import encode

BEGIN = 1_700_000_000 * SECOND + 300_000_000
PERIOD = SECOND // 5
_KINDS = ("Image", "CompressedImage", "CameraInfo", "Imu", "JointState")
IMAGE, COMPRESSED, INFO, IMU, JOINTS = (f"sensor_msgs/msg/{kind}" for kind in _KINDS)
REALSENSE = ("/camera/color/image_raw", "/camera/aligned_depth_to_color/image_raw", "/camera/color/camera_info")
Said = tuple[str, str, int, Any]
"""Topic, type, time of arrival (ns) and message."""


@cache
def store() -> Any:
    """Message types of ROS 2 Jazzy."""
    typesys = pytest.importorskip("rosbags.typesys")
    return typesys.get_typestore(typesys.Stores.ROS2_JAZZY)


@cache
def simulated(count: int = 1) -> list[RgbdFrame]:
    """Frames of a tabletop with a camera's noise."""
    scene = task("hierarchical-tabletop").trial(3, 5).scene
    bodies, rng = compile_scene(scene), np.random.default_rng(0)
    import mujoco

    mujoco.mj_forward(bodies.model, bodies.data)
    camera = Camera(eye=(-0.1, 0.35, 1.1), target=(0.6, 0.4, 0.5), focal=520.0)
    return [photograph(bodies, scene, camera, DepthNoise(0.001, 0.005), rng) for _ in range(count)]


def header(stamp: int, frame: str = "camera_color_optical_frame") -> Any:
    types = store().types
    time = types["builtin_interfaces/msg/Time"](*divmod(stamp, SECOND))
    return types["std_msgs/msg/Header"](stamp=time, frame_id=frame)


def image(stamp: int, pixels: np.ndarray[Any, Any], encoding: str, big: bool = False, **options: Any) -> Any:
    data = np.frombuffer(np.ascontiguousarray(pixels).tobytes(), np.uint8)
    height, width = pixels.shape[:2]
    of = {"height": height, "width": width, "encoding": encoding, "is_bigendian": int(big), "step": data.size // height}
    return store().types[IMAGE](header=header(stamp, **options), data=data, **of)


def compressed(stamp: int, pixels: np.ndarray[Any, Any], form: str, ahead: bytes = b"") -> Any:
    """By the kind of picture that the format names."""
    out = io.BytesIO()
    if "rvl" in form:
        out.write(encode(pixels))
    else:
        Picture.fromarray(pixels).save(out, "JPEG" if "jpeg" in form else "PNG", **({"quality": 95} if "jpeg" in form else {}))
    data = np.frombuffer(ahead + out.getvalue(), np.uint8)
    return store().types[COMPRESSED](header=header(stamp), format=form, data=data)


def info(
    stamp: int,
    frame: RgbdFrame,
    k: Iterable[float] | None = None,
    size: tuple[int, int] | None = None,
    d: Iterable[float] = (0.0,) * 5,
) -> Any:
    types, of = store().types, frame.intrinsics
    matrix = np.array(list(k) if k is not None else [of.fx, 0, of.cx, 0, of.fy, of.cy, 0, 0, 1], float)
    width, height = size or (of.width, of.height)
    region = types["sensor_msgs/msg/RegionOfInterest"](x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return types[INFO](
        header=header(stamp), height=height, width=width, distortion_model="plumb_bob", d=np.array(list(d)), k=matrix,
        r=np.eye(3).ravel(), p=np.zeros(12), binning_x=0, binning_y=0, roi=region,
    )  # fmt: skip


def imu(stamp: int, acceleration: Iterable[float], frame: str = "camera_imu_optical_frame") -> Any:
    """What an accelerometer reads; it knows no orientation."""
    types, (x, y, z) = store().types, acceleration
    vector, turn = types["geometry_msgs/msg/Vector3"], types["geometry_msgs/msg/Quaternion"]
    return types[IMU](
        header=header(stamp, frame), orientation=turn(x=0.0, y=0.0, z=0.0, w=1.0),
        orientation_covariance=np.array([-1.0] + [0.0] * 8), angular_velocity=vector(x=0.01, y=0.0, z=-0.02),
        angular_velocity_covariance=np.zeros(9), linear_acceleration=vector(x=x, y=y, z=z),
        linear_acceleration_covariance=np.zeros(9),
    )  # fmt: skip


def joints(stamp: int, **positions: float) -> tuple[str, str, int, Any]:
    """What a robot says of its joints."""
    types, values = store().types, np.array(list(positions.values()))
    message = types[JOINTS](
        header=header(stamp, ""), name=list(positions), position=values, velocity=np.zeros(len(values)), effort=np.zeros(0)
    )
    return "/joint_states", JOINTS, stamp, message


def transforms(stamp: int, *edges: tuple[str, str]) -> Any:
    types, items = store().types, []
    for parent, child in edges:
        move = types["geometry_msgs/msg/Vector3"](x=0.0, y=0.0, z=1.0)
        turn = types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0)
        transform = types["geometry_msgs/msg/Transform"](translation=move, rotation=turn)
        of = header(stamp, parent)
        items.append(types["geometry_msgs/msg/TransformStamped"](header=of, child_frame_id=child, transform=transform))
    return types["tf2_msgs/msg/TFMessage"](transforms=items)


def millimetres(frame: RgbdFrame) -> np.ndarray[Any, Any]:
    return np.round(frame.depth * 1000).astype(np.uint16)


def in_pairs(colour: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(H, W, 2) as yuv422_yuy2."""
    yuv = np.asarray(Picture.fromarray(colour).convert("YCbCr"))
    return np.stack([yuv[..., 0], np.where((np.arange(yuv.shape[1]) % 2 == 0)[None], yuv[..., 1], yuv[..., 2])], axis=2)


def inverse_depth(frame: RgbdFrame) -> tuple[bytes, np.ndarray[Any, Any]]:
    """Depth in metres as compressedDepth sends it: what stands before the picture, and the picture."""
    a, b = 100.0 * 101.0, 1.0 - 101.0 / 10.0 * 10.0
    there = frame.depth > 0
    return struct.pack("<iff", 0, a, b), np.where(there, np.round(a / np.where(there, frame.depth, 1) + b), 0).astype(np.uint16)


@dataclass(frozen=True)
class Rig:
    """A camera's driver: how it calls its topics, and how it sends what."""

    names: tuple[str, str, str] = REALSENSE
    colour: str = "rgb8"
    depth: str = "16UC1"
    late: int = 0
    """Nanoseconds by which depth is stamped after colour."""
    infos: int = 1000
    k: tuple[float, ...] | None = None
    size: tuple[int, int] | None = None
    """Of which images the camera infos speak, px."""
    d: tuple[float, ...] = (0.0,) * 5
    """Coefficients of distortion."""
    shrink: int = 1
    """By which depth is smaller than colour."""
    scale: int = 1
    """By which whole depths are larger than millimetres."""
    period: int = PERIOD
    """Nanoseconds between the stamps of two moments; these come in PERIOD."""
    frame: str = "camera_color_optical_frame"
    unstamped: bool = False
    padded: int = 0
    """Bytes behind every row of colours."""

    def say(self, frames: list[RgbdFrame], begin: int = BEGIN) -> Iterator[Said]:
        """What it sends."""
        for number, frame in enumerate(frames):
            time, stamp = begin + number * PERIOD, 0 if self.unstamped else begin + number * self.period
            if number < self.infos:
                yield self.names[2], INFO, time, info(stamp, frame, self.k, self.size, self.d)
            for name, of, late in ((self.names[0], self._colour, 0), (self.names[1], self._depth, self.late)):
                kind, _, message = of(0 if self.unstamped else stamp + late, frame)
                yield name, kind, time + late, message

    def _colour(self, stamp: int, frame: RgbdFrame) -> tuple[str, int, Any]:
        if "compressed" in self.colour:
            return COMPRESSED, stamp, compressed(stamp, frame.colour, self.colour)
        alpha = np.dstack([frame.colour, np.full(frame.colour.shape[:2], 255, np.uint8)])
        pixels = {
            "rgb8": frame.colour, "bgr8": frame.colour[..., ::-1], "rgba8": alpha, "bgra8": alpha[..., [2, 1, 0, 3]],
            "8UC4": alpha, "mono8": frame.colour[..., 1], "yuv422_yuy2": in_pairs(frame.colour),
        }.get(self.colour, frame.colour)  # fmt: skip
        message = image(stamp, pixels, self.colour, frame=self.frame)
        if self.padded:
            rows = np.asarray(message.data).reshape(message.height, message.step)
            message.data = np.pad(rows, ((0, 0), (0, self.padded)), constant_values=7).ravel()
            message.step += self.padded
        return IMAGE, stamp, message

    def _depth(self, stamp: int, frame: RgbdFrame) -> tuple[str, int, Any]:
        pixels = millimetres(frame)[:: self.shrink, :: self.shrink]
        if self.depth.startswith("32FC1; compressedDepth"):
            return COMPRESSED, stamp, compressed(stamp, inverse_depth(frame)[1], self.depth, inverse_depth(frame)[0])
        if "compressed" in self.depth:
            return COMPRESSED, stamp, compressed(stamp, pixels, self.depth, bytes(12) if "Depth" in self.depth else b"")
        big = self.depth.endswith(">")
        if self.depth.startswith("32FC1"):
            pixels = frame.depth * np.float32(self.scale if self.scale > 1 else 1)
        else:
            pixels = (pixels * self.scale).astype(np.uint16)
        content = pixels.astype(pixels.dtype.newbyteorder(">")) if big else pixels
        return IMAGE, stamp, image(stamp, content, self.depth.rstrip(">"), big, frame=self.frame)


def write(folder: Path, said: Iterable[Said], storage: str = "mcap", compress: str = "") -> Path:
    """storage: mcap or sqlite3; compress: message, file, or storage (MCAP's own)."""
    rosbag2 = pytest.importorskip("rosbags.rosbag2")
    plugin = rosbag2.StoragePlugin.SQLITE3 if storage == "sqlite3" else rosbag2.StoragePlugin.MCAP
    writer = rosbag2.Writer(folder, version=9, storage_plugin=plugin)
    if compress:
        writer.set_compression(rosbag2.CompressionMode[compress.upper()], rosbag2.CompressionFormat.ZSTD)
    connections: dict[str, Any] = {}
    with writer:
        for topic, kind, time, message in said:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=store())
            writer.write(connections[topic], time, store().serialize_cdr(message, kind))
    return folder


def in_chunks(file: Path, size: int = 1, compression: CompressionType = CompressionType.ZSTD) -> Path:
    """An MCAP file once more, in chunks that end when they are larger than so many bytes: by default one for each message."""
    with file.open("rb") as opened:
        held = list(NonSeekingReader(opened).iter_messages(log_time_order=False))
    with file.open("wb") as out:
        writer, channels = Writer(out, chunk_size=size, compression=compression), dict[int, int]()
        writer.start(profile="ros2", library="test")
        for schema, channel, message in held:
            if channel.id not in channels:
                of = writer.register_schema(schema.name, schema.encoding, schema.data) if schema is not None else 0
                channels[channel.id] = writer.register_channel(channel.topic, channel.message_encoding, of)
            writer.add_message(channels[channel.id], message.log_time, message.data, message.publish_time)
        writer.finish()
    return file


def damage(file: Path, *times: int) -> None:
    """Overwrite the ends of the chunks of an MCAP file that begin at these times (ns): where their messages are."""
    with file.open("rb") as opened:
        summary = make_reader(opened).get_summary()
    assert summary is not None
    content = bytearray(file.read_bytes())
    for chunk in [chunk for chunk in summary.chunk_indexes if chunk.message_start_time in times]:
        end = chunk.chunk_start_offset + chunk.chunk_length
        content[end - 16 : end] = b"\xa5" * 16
    file.write_bytes(content)
