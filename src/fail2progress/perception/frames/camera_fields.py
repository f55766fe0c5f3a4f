"""A camera's numbers as a pinhole: the size of its image, the part of the sensor that it shows, and what cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import numpy as np

from fail2progress.core.rgbd import Intrinsics
from fail2progress.perception.frames.array_files import MAX_PIXELS
from fail2progress.perception.frames.camera_keys import joined, number, numbers
from fail2progress.perception.frames.camera_search import Found
from fail2progress.perception.segmentation.base import PerceptionError

EXPECTED = "expected fx, fy, cx and cy, or a matrix of nine numbers under k, K, cam_K, camera_matrix or intrinsic_matrix"
_OF_IMAGE = "image|images|img|im|calib|calibration|frame|captured|camera|cam|picture"
_OF_ELSE = "capture|sensor|native|photo|raw|orig|original"
"""Words of a size that may be another image's, or the sensor's: they count where nothing plainer is said."""
_SIDE = re.compile(rf"((?:{_OF_IMAGE}|{_OF_ELSE})*)(?:(width|w)|(height|h)|(cols)|(rows))")
"""Names of width and of height, the words of a key joined; ..."""
_SIZE = re.compile(rf"((?:{_OF_IMAGE}|{_OF_ELSE})*)(?:size|resolution|dimensions|dims?|(shape))")
"""... of both, of which a shape is by rows first."""
_FEWEST = 16
"""Pixels of a side, at least: a chessboard has fewer corners, and a sensor fewer millimetres."""
_CHANNELS = (1, 3, 4)
_SECTIONS = {"2k": (2208, 1242), "fhd": (1920, 1080), "hd": (1280, 720), "vga": (672, 376)}
"""Sizes that the sections of ZED's calibration are called after."""
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".npy")


@dataclass(frozen=True)
class _Size:
    """Width and height as they are stated. rank: the lower, the plainer its name; certain: whether it is known which is which."""

    width: Any
    height: Any
    rank: int
    certain: bool = True


def stated_size(found: Found, source: str, size: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """Width and height of the image that a file states for a camera, nearest to its numbers; None where it does not.

    size: of the image that is asked about, which decides between several, and what of two numbers is the width.
    """
    sides = sides_of(found, source, size)
    width, height = (number(sides.get(name)) for name in ("width", "height"))
    if width is None or height is None or not np.isfinite((width, height)).all():
        return None
    return int(width), int(height)


def sides_of(found: Found, source: str, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """The same as fields. PerceptionError where what stands together contradicts itself."""
    for level in reversed(found.levels):
        stated = [_ordered(one, found, level, size) for one in _sizes(level) if _plausible(one, found)]
        best = [(one.width, one.height) for one in stated if one.rank == min(other.rank for other in stated)]
        if any(one != best[0] for one in best) and size not in best:
            told = " and ".join(dict.fromkeys(_said(*one) for one in best))
            raise PerceptionError(f"{source}: it states several sizes of the image: {told}; leave the right one")
        if best:
            return dict(zip(("width", "height"), size if size is not None and size in best else best[0], strict=True))
        alone = {key: level[key] for key in ("width", "height") if key in level}
        if alone:
            return alone
    named = re.search(r"(\d{2,})\s*x\s*(\d{2,})", " ".join(found.keys))
    section = re.search(r"_CAM_(\w+)$", " ".join(found.keys))
    if named is not None:
        return {"width": int(named[1]), "height": int(named[2])}
    known = _SECTIONS.get(section[1].lower()) if section is not None else None
    return {} if known is None else dict(zip(("width", "height"), known, strict=True))


def _said(width: object, height: object) -> str:
    return " x ".join(f"{side:g}" if isinstance(side, float) else str(side)[:40] for side in (width, height))


def _sizes(level: Mapping[str, Any]) -> Iterator[_Size]:
    """All that may be the size of an image, by its names."""
    sides: dict[tuple[str, bool], dict[bool, Any]] = {}
    for key, value in level.items():
        if (side := _SIDE.fullmatch(joined(key))) is not None:
            exact = number(value)
            sides.setdefault((side[1], bool(side[4] or side[5])), {})[bool(side[2] or side[4])] = (
                value if exact is None else exact
            )
        elif (both := _SIZE.fullmatch(joined(key))) is not None and (pair := _pair(value, bool(both[2]))) is not None:
            yield replace(pair, rank=_rank(both[1], True))
    for (before, by_rows), pairs in sides.items():
        if len(pairs) == 2:
            yield _Size(pairs[True], pairs[False], _rank(before, by_rows))


def _rank(before: str, doubtful: bool) -> int:
    """0 of plain sides of an image, 1 of what is only likely to be its size, 2 of what may be another one's."""
    return 2 if re.search(_OF_ELSE, before) else int(doubtful and not before)


def _pair(value: object, by_rows: bool) -> _Size | None:
    """Two numbers under a name of both; by_rows: the height first."""
    if isinstance(value, Mapping):
        return next(_sizes(value), None)
    texts = re.fullmatch(r"\s*(\d+)\s*[x×,]\s*(\d+)\s*", value) if isinstance(value, str) else None
    found = [float(text) for text in texts.groups()] if texts is not None else numbers(value) or []
    if len(found) == 3:
        found = found[1:] if found[0] in _CHANNELS else found[:2] if found[2] in _CHANNELS else []
    if len(found) != 2:
        return None
    width, height = reversed(found) if by_rows else found
    return _Size(width, height, 1, certain=False)


def _plausible(size: _Size, found: Found) -> bool:
    """Whether it is an image's, with the lens's middle within; what is plainly called so is told where it is none."""
    if size.rank == 0 and size.certain:
        return True
    sides = [number(size.width), number(size.height)]
    if any(side is None or not side.is_integer() or not _FEWEST <= side < MAX_PIXELS for side in sides):
        return False
    return _aside(found, size.width, size.height) < 0.5 or (not size.certain and _aside(found, size.height, size.width) < 0.5)


def _aside(found: Found, width: float, height: float) -> float:
    """By how much of an image of that size the middle of the lens lies aside."""
    _, _, cx, cy = found.values
    return 0.0 if cx is None or cy is None else max(abs(cx / width - 0.5), abs(cy / height - 0.5))


def _ordered(one: _Size, found: Found, level: Mapping[str, Any], size: tuple[int, int] | None) -> _Size:
    """The same, of two numbers the width first: as the image has it, as is said beside it, or by the middle of the lens."""
    if one.certain:
        return one
    turned = replace(one, width=one.height, height=one.width)
    for known in (size, (number(level.get("width")), number(level.get("height")))):
        for way in (one, turned):
            if known == (way.width, way.height):
                return way
    return min((one, turned), key=lambda way: _aside(found, way.width, way.height))


def pinhole(found: Found, source: str, size: tuple[int, int] | None) -> Intrinsics:
    """The camera; size: width and height of the image, for files that do not say. PerceptionError names what is wrong."""
    if found.problem:
        raise PerceptionError(f"{source}: {found.problem}")
    fields = {**found.given, **sides_of(found, source, size)}
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
    """Of a file by image, the entry under its name, or (BOP's scene_camera.json) of the number in its name; any, where all say
    the same of the camera, told by a function. PerceptionError where that number has none."""
    keys = list(content)
    if keys and all(PurePath(key).suffix.lower() in _PICTURES and isinstance(content[key], dict) for key in keys):
        own = [key for key in keys if PurePath(key).stem == PurePath(image).name]
        return dict(content[own[0]]) if len(own) == 1 else content
    if not keys or not all(re.fullmatch(r"\d+", key) and isinstance(content[key], dict) for key in keys):
        return content
    found = [int(one) for one in reversed(re.findall(r"\d+", image.rpartition("/")[2]))]
    key = next((key for one in found for key in keys if int(key) == one), None)
    if key is None and found and any(told(content[other]) != told(content[keys[0]]) for other in keys):
        known = f"{len(keys)} images, {min(map(int, keys))} to {max(map(int, keys))}"
        raise PerceptionError(f"{source} has no camera for image {found[0]}: it lists those of {known}")
    return dict(content[keys[0] if key is None else key])
