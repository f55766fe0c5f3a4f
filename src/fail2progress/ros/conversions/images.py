"""Camera messages to RGB-D frames and back, with the names and units of the usual RealSense driver."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from fail2progress_msgs.msg import LabelNames
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, Imu

from fail2progress.core.objects import CATEGORIES
from fail2progress.core.rgbd import Intrinsics, Labels, RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.perception.frames.distortion import lens_of, straight
from fail2progress.ros.bags.encodings import ENCODINGS, as_rgb
from fail2progress.ros.conversions.values import MOST_SEGMENTS, Refused, check_texts, header, stamp_of

OPTICAL_FRAME = "camera_color_optical_frame"
IMU_FRAME = "camera_imu_optical_frame"
GRAVITY = 9.81
"""m/s^2."""
LARGEST_SIDE = 4096
FARTHEST = 1e3
"""Metres beyond which a depth is no reading."""


def image_msg(pixels: NDArray[Any], encoding: str, stamp: int, frame: str = OPTICAL_FRAME) -> Image:
    """An image message; pixels (H, W) or (H, W, C)."""
    data = array("B")
    data.frombytes(np.ascontiguousarray(pixels).tobytes())
    height, width = pixels.shape[:2]
    step = len(data) // max(height, 1)
    return Image(header=header(stamp, frame), height=height, width=width, encoding=encoding, step=step, data=data)


def imu_msg(up: Array, stamp: int) -> Imu:
    """What an accelerometer at rest reads: up (3,) in the optical frame, times the acceleration of gravity."""
    message = Imu(header=header(stamp, IMU_FRAME))
    force = message.linear_acceleration
    force.x, force.y, force.z = (GRAVITY * float(value) for value in up)
    return message


def pixels_of(message: Image) -> NDArray[Any]:
    """(H, W) depth or labels, or (H, W, 3) uint8 RGB; Refused for unknown encodings and sizes that do not fit the data."""
    if message.encoding not in ENCODINGS:
        raise Refused("encoding", f"{message.encoding!r}; known: {', '.join(ENCODINGS)}")
    kind, channels = ENCODINGS[message.encoding]
    height, width = int(message.height), int(message.width)
    row = width * channels * np.dtype(kind).itemsize
    if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
        raise Refused("size", f"an image of {width} x {height} pixels")
    if message.step < row or len(message.data) < message.step * (height - 1) + row:
        raise Refused("size", f"{len(message.data)} bytes, step {message.step}, for {width} x {height} {message.encoding}")
    content = np.frombuffer(message.data, np.uint8)[: message.step * height]
    rows = np.lib.stride_tricks.as_strided(content, (height, row), (int(message.step), 1))
    order = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    pixels = np.ascontiguousarray(rows).view(order).astype(kind, copy=False).reshape(height, width, channels)
    try:
        return as_rgb(pixels, message.encoding)
    except ValueError as error:
        raise Refused("size", str(error)) from error


def info_msg(camera: Intrinsics, stamp: int, frame: str = OPTICAL_FRAME) -> CameraInfo:
    """A camera info without distortion."""
    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    unit = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    return CameraInfo(
        header=header(stamp, frame),
        width=camera.width,
        height=camera.height,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=k,
        p=p,
        r=unit,
    )


def intrinsics_of(message: CameraInfo) -> Intrinsics:
    """The pinhole without distortion."""
    try:
        k = [float(value) for value in message.k]
        if not all(1e-3 <= abs(f) <= 1e6 for f in (k[0], k[4])) or max(abs(k[2]), abs(k[5])) > 1e6:
            raise ValueError(f"fx, fy, cx, cy = {k[0]:g}, {k[4]:g}, {k[2]:g}, {k[5]:g} px belong to no camera")
        return Intrinsics(int(message.width), int(message.height), k[0], k[4], k[2], k[5])
    except ValueError as error:
        raise Refused("camera", str(error)) from error


def depth_image(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Metres to whole millimetres, 0 for no reading."""
    return np.asarray(np.clip(np.round(np.nan_to_num(depth) * 1000.0), 0, 65535), np.uint16)


def metres(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """(H, W) depth in metres: 16-bit images are millimetres, float images metres (REP-118)."""
    if pixels.ndim != 2:
        raise Refused("encoding", "a depth image has one channel")
    if pixels.dtype == np.uint16:
        return np.asarray(np.round(pixels * 1e-3, 3), np.float32)
    return np.where((pixels > 0) & (pixels <= FARTHEST), pixels, np.float32(0.0))


def frame_of(
    colour: Image,
    depth: Image,
    info: CameraInfo,
    pose: Array | None,
    frame: str,
    labels: tuple[Image, LabelNames] | None = None,
) -> RgbdFrame:
    """One RGB-D frame from its messages, as a pinhole shows it; Refused where they do not fit together."""
    rgb = pixels_of(colour)
    if rgb.ndim != 3:
        raise Refused("encoding", f"a colour image has three channels, {colour.encoding} has one")
    named = None
    try:
        if labels is not None:
            named = _labels(*labels)
        found = RgbdFrame(rgb, metres(pixels_of(depth)), intrinsics_of(info), pose, named, frame, stamp_of(depth.header.stamp))
        return straight(found, lens_of(info.distortion_model, info.d))
    except Refused:
        raise
    except ValueError as error:
        raise Refused("size", str(error)) from error


def _labels(image: Image, names: LabelNames) -> Labels:
    if len(names.names) > MOST_SEGMENTS:
        raise Refused("count", f"{len(names.names)} labels")
    check_texts(*names.names)
    unknown = [kind for kind in names.categories if kind not in CATEGORIES]
    if unknown:
        raise Refused("name", f"unknown category {unknown[0][:40]!r}; known: {', '.join(sorted(CATEGORIES))}")
    pixels = pixels_of(image)
    if pixels.dtype != np.uint16:
        raise Refused("encoding", f"labels come as 16UC1, not {image.encoding}")
    return Labels(pixels, tuple(names.names), tuple(names.categories))
