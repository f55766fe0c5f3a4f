"""Pixels as image messages hold them, by the names of their encodings. Imports no ROS."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ENCODINGS: dict[str, tuple[type[np.generic], int]] = {
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
"""Kinds of numbers, and channels, by encoding."""
_YUV = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], np.float32)
"""Full-range BT.601 (JPEG): rows give red, green, blue from Y, Cb - 128, Cr - 128."""


def as_rgb(pixels: NDArray[Any], encoding: str) -> NDArray[Any]:
    """Colours of an encoding as (H, W, 3) uint8 RGB, others as (H, W). ValueError for an odd width of pairs."""
    if encoding in ("mono8", "8UC1"):
        return np.repeat(pixels, 3, axis=2)
    if pixels.shape[2] == 1:
        return pixels[..., 0]
    if pixels.shape[2] == 2:
        return _from_yuv(pixels, luma_first=encoding in ("yuv422_yuy2", "yuyv"))
    colours = pixels[..., 2::-1] if encoding.startswith("bgr") else pixels[..., :3]
    return (colours >> 8).astype(np.uint8) if colours.dtype == np.uint16 else colours


def _from_yuv(pixels: NDArray[np.uint8], luma_first: bool) -> NDArray[np.uint8]:
    """(H, W, 2) with a chroma pair for every two pixels to (H, W, 3); ValueError for an odd width."""
    height, width = pixels.shape[:2]
    if width % 2:
        raise ValueError(f"{width} pixels in a row of pairs")
    luma, chroma = (pixels[..., 0], pixels[..., 1]) if luma_first else (pixels[..., 1], pixels[..., 0])
    parts = np.repeat(chroma.reshape(height, width // 2, 2), 2, axis=1).astype(np.float32) - 128
    yuv = np.concatenate([luma[..., None].astype(np.float32), parts], axis=2)
    return np.clip(np.round(yuv @ _YUV.T), 0, 255).astype(np.uint8)
