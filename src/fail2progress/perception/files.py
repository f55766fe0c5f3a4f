"""RGB-D from files: a colour image, a depth image aligned to it, and the camera's intrinsics as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.perception.segmentation.base import PerceptionError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 4096 * 4096
DEFAULT_UNIT = 0.001
"""Metres of one step of an integer depth image, where the camera's file does not say."""
_UNIT_KEYS = ("depth_unit_m", "depth_scale")
_NEAR, _FAR = 0.15, 8.0


def read_frame(colour: Path, depth: Path, camera: Path) -> RgbdFrame:
    """One image pair. PerceptionError says which file is wrong and how; OSError where one cannot be opened."""
    intrinsics, unit = read_camera(camera)
    rgb, raw = _image(colour), _image(depth)
    if rgb.mode.startswith(("I", "F")):
        raise PerceptionError(f"{colour}: a {rgb.mode} image is no colour image; the order is COLOR DEPTH")
    if raw.mode not in ("I;16", "I;16B", "I;16L", "I", "F", "L"):
        raise PerceptionError(f"{depth}: a {raw.mode} image is no depth image; 16-bit grey (PNG) or 32-bit float (TIFF) is")
    for path, image in ((colour, rgb), (depth, raw)):
        if image.size != (intrinsics.width, intrinsics.height):
            raise PerceptionError(
                f"{path} is {image.size[0]} x {image.size[1]}, but {camera} says {intrinsics.width} x {intrinsics.height}"
            )
    metres = _metres(np.asarray(raw), unit, depth)
    return RgbdFrame(np.asarray(rgb.convert("RGB"), np.uint8), metres, intrinsics)


def _image(path: Path) -> Image.Image:
    """The decoded image, refused before decoding where it is too large."""
    _check_size(path)
    try:
        image = Image.open(path)
        if image.size[0] * image.size[1] > MAX_PIXELS:
            raise PerceptionError(f"{path}: {image.size[0]} x {image.size[1]} pixels are too many (at most {MAX_PIXELS})")
        image.load()
    except UnidentifiedImageError as error:
        raise PerceptionError(f"{path} is not an image") from error
    except PerceptionError:
        raise
    except (OSError, SyntaxError, ValueError, IndexError, MemoryError, Image.DecompressionBombError) as error:
        raise PerceptionError(f"{path} is damaged: {error}") from error
    return image


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise PerceptionError(f"{path} has {size} bytes; expected between 1 and {MAX_BYTES}")


def _metres(raw: NDArray[Any], unit: float, path: Path) -> NDArray[np.float32]:
    """Depth in metres; PerceptionError where it is empty or cannot be of a table."""
    metres = raw.astype(np.float32) * np.float32(unit)
    known = metres[np.isfinite(metres) & (metres > 0)]
    if len(known) < 0.01 * metres.size:
        raise PerceptionError(f"{path} is empty: {len(known)} of {metres.size} pixels have a reading")
    middle = float(np.median(known))
    if not _NEAR < middle < _FAR:
        raise PerceptionError(
            f"{path}: with {unit:g} m a step its median is {middle:.3g} m, which no depth camera reads;"
            f" set {_UNIT_KEYS[0]} in the camera's file (0.001 for millimetres)"
        )
    return np.asarray(np.where(np.isfinite(metres), metres, 0.0), np.float32)


def read_camera(path: Path) -> tuple[Intrinsics, float]:
    """Intrinsics, and metres of one step of depth. Takes {"camera": {...}}, plain keys, or the fields of a ROS CameraInfo."""
    _check_size(path)
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise PerceptionError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise PerceptionError(f"{path}: expected an object with fx, fy, cx, cy, width and height")
    return parse_camera(content.get("camera", content), str(path))


def parse_camera(content: object, source: str) -> tuple[Intrinsics, float]:
    """The same from decoded JSON; PerceptionError names the source and the key that is missing or wrong."""
    if not isinstance(content, dict):
        raise PerceptionError(f"{source}: expected an object with fx, fy, cx, cy, width and height")
    fields = {**content, **_matrix(content, source)}
    values = [_number(fields, key, source) for key in ("width", "height", "fx", "fy", "cx", "cy")]
    unit = next((_number(fields, key, source) for key in _UNIT_KEYS if key in fields), DEFAULT_UNIT)
    # A scale is given as metres a step (RealSense) or as steps a metre (TUM, BOP).
    unit = 1 / unit if unit >= 1 and "depth_unit_m" not in fields else unit
    if not 0 < unit <= 1:
        raise PerceptionError(f"{source}: one step of depth must be between 0 and 1 m, got {unit:g}")
    if values[0] * values[1] > MAX_PIXELS:
        raise PerceptionError(f"{source}: {values[0]:g} x {values[1]:g} pixels are too many (at most {MAX_PIXELS})")
    try:
        return Intrinsics(int(values[0]), int(values[1]), *values[2:]), unit
    except ValueError as error:
        raise PerceptionError(f"{source}: {error}") from error


def _matrix(content: Mapping[str, object], source: str) -> dict[str, object]:
    """fx, fy, cx, cy of a calibration matrix under k, K or cam_K: nine numbers, or three rows."""
    for key in ("k", "K", "cam_K", "camera_matrix"):
        if key in content and "fx" not in content:
            try:
                matrix = np.array(content[key], np.float64).reshape(3, 3)
            except (TypeError, ValueError) as error:
                raise PerceptionError(f"{source}: {key} must be nine numbers") from error
            names = (("fx", (0, 0)), ("fy", (1, 1)), ("cx", (0, 2)), ("cy", (1, 2)))
            return {name: float(matrix[at]) for name, at in names}
    return {}


def _number(fields: Mapping[str, object], key: str, source: str) -> float:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:
        raise PerceptionError(f"{source}: {key} must be a number, got {str(value)[:40]}")
    return float(value)
