"""Camera messages to RGB-D frames and back, with the names and units of the usual RealSense driver."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from fail2progress_msgs.msg import LabelNames
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image

from fail2progress.core.objects import CATEGORIES
from fail2progress.core.rgbd import Intrinsics, Labels, RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.ros.conversions.values import MOST_SEGMENTS, Refused, check_texts, header, stamp_of

OPTICAL_FRAME = "camera_color_optical_frame"
LARGEST_SIDE = 4096
FARTHEST = 1e3
"""Metres beyond which a depth is no reading."""
_TYPES: dict[str, tuple[type[np.generic], int]] = {
    "rgb8": (np.uint8, 3),
    "bgr8": (np.uint8, 3),
    "rgba8": (np.uint8, 4),
    "bgra8": (np.uint8, 4),
    "16UC1": (np.uint16, 1),
    "mono16": (np.uint16, 1),
    "32FC1": (np.float32, 1),
    "mono8": (np.uint8, 1),
    "8UC1": (np.uint8, 1),
    "8UC3": (np.uint8, 3),
    "8UC4": (np.uint8, 4),
    "rgb16": (np.uint16, 3),
    "bgr16": (np.uint16, 3),
    "yuv422": (np.uint8, 2),
    "uyvy": (np.uint8, 2),
    "yuv422_yuy2": (np.uint8, 2),
    "yuyv": (np.uint8, 2),
}
_YUV = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], np.float32)
"""Full-range BT.601 (JPEG): rows give red, green, blue from Y, Cb - 128, Cr - 128."""


def image_msg(pixels: NDArray[Any], encoding: str, stamp: int, frame: str = OPTICAL_FRAME) -> Image:
    """An image message; pixels (H, W) or (H, W, C)."""
    data = array("B")
    data.frombytes(np.ascontiguousarray(pixels).tobytes())
    height, width = pixels.shape[:2]
    step = len(data) // max(height, 1)
    return Image(header=header(stamp, frame), height=height, width=width, encoding=encoding, step=step, data=data)


def pixels_of(message: Image) -> NDArray[Any]:
    """(H, W) depth or labels, or (H, W, 3) uint8 RGB; Refused for unknown encodings and sizes that do not fit the data."""
    if message.encoding not in _TYPES:
        raise Refused("encoding", f"{message.encoding!r}; known: {', '.join(_TYPES)}")
    kind, channels = _TYPES[message.encoding]
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
    return _as_rgb(pixels, message.encoding)


def _as_rgb(pixels: NDArray[Any], encoding: str) -> NDArray[Any]:
    """Colours of an encoding as (H, W, 3) uint8 RGB, others as (H, W)."""
    if encoding in ("mono8", "8UC1"):
        return np.repeat(pixels, 3, axis=2)
    if pixels.shape[2] == 1:
        return pixels[..., 0]
    if pixels.shape[2] == 2:
        return _from_yuv(pixels, luma_first=encoding in ("yuv422_yuy2", "yuyv"))
    colours = pixels[..., 2::-1] if encoding.startswith("bgr") else pixels[..., :3]
    return (colours >> 8).astype(np.uint8) if colours.dtype == np.uint16 else colours


def _from_yuv(pixels: NDArray[np.uint8], luma_first: bool) -> NDArray[np.uint8]:
    """(H, W, 2) with a chroma pair for every two pixels to (H, W, 3); Refused for an odd width."""
    height, width = pixels.shape[:2]
    if width % 2:
        raise Refused("size", f"{width} pixels in a row of pairs")
    luma, chroma = (pixels[..., 0], pixels[..., 1]) if luma_first else (pixels[..., 1], pixels[..., 0])
    parts = np.repeat(chroma.reshape(height, width // 2, 2), 2, axis=1).astype(np.float32) - 128
    yuv = np.concatenate([luma[..., None].astype(np.float32), parts], axis=2)
    return np.clip(np.round(yuv @ _YUV.T), 0, 255).astype(np.uint8)


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
    """The pinhole; distortion, which is small on aligned RealSense images, is left out."""
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
    """One RGB-D frame from its messages; Refused where they do not fit together."""
    rgb = pixels_of(colour)
    if rgb.ndim != 3:
        raise Refused("encoding", f"a colour image has three channels, {colour.encoding} has one")
    named = None
    try:
        if labels is not None:
            named = _labels(*labels)
        return RgbdFrame(rgb, metres(pixels_of(depth)), intrinsics_of(info), pose, named, frame, stamp_of(depth.header.stamp))
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
