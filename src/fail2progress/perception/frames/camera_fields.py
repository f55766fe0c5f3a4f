"""A camera's numbers as a pinhole: the size of its image, the part of the sensor that it shows, and what cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fail2progress.core.rgbd import Intrinsics
from fail2progress.perception.frames.array_files import MAX_PIXELS
from fail2progress.perception.frames.camera_keys import joined, number, numbers
from fail2progress.perception.frames.camera_search import Found
from fail2progress.perception.segmentation.base import PerceptionError

EXPECTED = "expected fx, fy, cx and cy, or a matrix of nine numbers under k, K, cam_K, camera_matrix or intrinsic_matrix"
_OF_IMAGE = (
    "image|images|img|im|calib|calibration|frame|captured|capture|camera|cam|sensor|native|photo|picture|raw|orig|original"
)
_SIDE = re.compile(rf"(?:{_OF_IMAGE})*(?:(width|w|cols)|(height|h|rows))")
"""Names of width and of height, the words of a key joined; ..."""
_SIZE = re.compile(rf"(?:{_OF_IMAGE})*(size|resolution|dimensions|dims?|(shape))")
"""... of both, of which a shape is by rows first."""
_FEWEST = 2
"""Pixels of a side, at least."""
_SECTIONS = {"2k": (2208, 1242), "fhd": (1920, 1080), "hd": (1280, 720), "vga": (672, 376)}
"""Sizes that the sections of ZED's calibration are called after."""


def stated_size(found: Found, source: str) -> tuple[int, int] | None:
    """Width and height of the image that a file states for a camera, nearest to its numbers; None where it does not."""
    sides = sides_of(found, source)
    width, height = (number(sides.get(name)) for name in ("width", "height"))
    if width is None or height is None or not np.isfinite((width, height)).all():
        return None
    return int(width), int(height)


def sides_of(found: Found, source: str) -> dict[str, Any]:
    """The same as fields. PerceptionError where what stands together contradicts itself."""
    for level in reversed(found.levels):
        sizes = [_ordered(*size, found) for size in (_pair(key, value) for key, value in level.items()) if size is not None]
        sides = {("width" if side[1] else "height"): value for side, value in _sides(level)}
        sizes += [(sides["width"], sides["height"])] if len(sides) == 2 else []
        if any(size != sizes[0] for size in sizes):
            told = " and ".join(f"{width:g} x {height:g}" for width, height in dict.fromkeys(sizes))
            raise PerceptionError(f"{source}: it states several sizes of the image: {told}; leave the right one")
        if sizes or sides:
            return dict(zip(("width", "height"), sizes[0], strict=True)) if sizes else sides
    size = re.search(r"(\d{2,})\s*x\s*(\d{2,})", " ".join(found.keys))
    named = re.search(r"_CAM_(\w+)$", " ".join(found.keys))
    if size is not None:
        return {"width": int(size[1]), "height": int(size[2])}
    known = _SECTIONS.get(named[1].lower()) if named is not None else None
    return {} if known is None else dict(zip(("width", "height"), known, strict=True))


def _sides(level: Mapping[str, Any]) -> list[tuple[re.Match[str], Any]]:
    sides = ((_SIDE.fullmatch(joined(key)), value) for key, value in level.items())
    return [(side, value if (exact := number(value)) is None else exact) for side, value in sides if side is not None]


def _pair(key: str, value: object) -> tuple[float, float, bool] | None:
    """Two sides under a name of both, the first one first, and whether it is certain which they are."""
    if (named := _SIZE.fullmatch(joined(key))) is None:
        return None
    if isinstance(value, Mapping):
        sides = {bool(side[1]): number(one) for side, one in _sides(value)}
        first, second = sides.get(True), sides.get(False)
        return None if first is None or second is None else (first, second, True)
    texts = re.fullmatch(r"\s*(\d+)\s*[x×,]\s*(\d+)\s*", value) if isinstance(value, str) else None
    found = [float(text) for text in texts.groups()] if texts is not None else numbers(value) or []
    if len(found) not in (2, 3) or not all(float(side).is_integer() for side in found) or min(found[:2]) < _FEWEST:
        return None
    return (found[1], found[0], False) if named[2] else (found[0], found[1], False)


def _ordered(width: float, height: float, certain: bool, found: Found) -> tuple[float, float]:
    """Width and height; the other way round where only so the middle of the lens is near that of the image."""
    _, _, cx, cy = found.values
    if certain or cx is None or cy is None:
        return width, height
    aside = [max(abs(cx / one - 0.5), abs(cy / other - 0.5)) for one, other in ((width, height), (height, width))]
    return (height, width) if aside[1] < 0.2 < aside[0] else (width, height)


def pinhole(found: Found, source: str, size: tuple[int, int] | None) -> Intrinsics:
    """The camera; size: width and height of the image, for files that do not say. PerceptionError names what is wrong."""
    if found.problem:
        raise PerceptionError(f"{source}: {found.problem}")
    fields = {**found.given, **sides_of(found, source)}
    if size is not None and "width" not in fields and "height" not in fields:
        fields["width"], fields["height"] = size
    values = [_number(fields, key, source) for key in ("width", "height", "fx", "fy", "cx", "cy")]
    if values[2] == 0 and values[3] == 0:
        raise PerceptionError(
            f"{source}: all focal lengths are 0, so this camera was never calibrated; write its fx, fy, cx and cy"
        )
    if values[0] * values[1] > MAX_PIXELS:
        raise PerceptionError(f"{source}: {values[0]:g} x {values[1]:g} pixels are too many (at most {MAX_PIXELS})")
    try:
        return _region(found.fields, Intrinsics(int(values[0]), int(values[1]), *values[2:]), size)
    except ValueError as error:
        raise PerceptionError(f"{source}: {error}") from error


def _region(content: Mapping[str, Any], whole: Intrinsics, size: tuple[int, int] | None) -> Intrinsics:
    """The camera of the part of the sensor that ROS calls `roi`, which images show that are not of the whole size."""
    roi = content.get("roi")
    if not isinstance(roi, dict) or size in (None, (whole.width, whole.height)):
        return whole
    x, y, width, height = (roi.get(key, 0) for key in ("x_offset", "y_offset", "width", "height"))
    if not all(isinstance(value, int) and value >= 0 for value in (x, y, width, height)) or 0 in (width, height):
        return whole
    return replace(whole, width=width, height=height, cx=whole.cx - x, cy=whole.cy - y)


def _number(fields: Mapping[str, Any], key: str, source: str) -> float:
    value = fields.get(key)
    found = number(value)
    if found is None or not abs(found) < 1e9:
        text = f"the text {value[:40]!r}" if isinstance(value, str) else str(value)[:40]
        raise PerceptionError(f"{source}: {key} must be a number below 1e9, got {text}; {EXPECTED}")
    return found


def by_number(content: Mapping[str, Any], image: str, source: str, told: Any) -> Mapping[str, Any]:
    """Of a file by image (BOP's scene_camera.json), the entry of the number in the image's name; any, where all say the same of
    the camera, told by a function. PerceptionError where that number has none."""
    keys = list(content)
    if not keys or not all(re.fullmatch(r"\d+", key) and isinstance(content[key], dict) for key in keys):
        return content
    found = [int(one) for one in reversed(re.findall(r"\d+", image.rpartition("/")[2]))]
    key = next((key for one in found for key in keys if int(key) == one), None)
    if key is None and found and any(told(content[other]) != told(content[keys[0]]) for other in keys):
        known = f"{len(keys)} images, {min(map(int, keys))} to {max(map(int, keys))}"
        raise PerceptionError(f"{source} has no camera for image {found[0]}: it lists those of {known}")
    return dict(content[keys[0] if key is None else key])
