"""Where in a camera file's content the camera's numbers are: by image, under other keys, or by the names of other programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fail2progress.perception.depth_units import is_scale
from fail2progress.perception.segmentation.base import PerceptionError

MATRICES = ("k", "K", "cam_K", "camera_matrix", "CameraMatrix", "intrinsic_matrix", "Camera_matrix", "_K", "matrix")
_NESTED = ("camera", "color", "colour", "rgb", "intrinsic", "intrinsics", "cam0", "parameters", "camera_info")
_OTHERS = re.compile(r"depth|infra|\bir\b|^ir_|_ir$|right|left|extrinsic|pose", re.IGNORECASE)
"""Words of keys with *cam* in them that are not of the colour camera's numbers."""
_SYNONYMS = {
    "width": ("image_width", "w", "W", "_width", "Camera.width", "ImageWidth"),
    "height": ("image_height", "h", "H", "_height", "Camera.height", "ImageHeight"),
    "fx": ("fl_x", "_fx", "Camera.fx", "Camera1.fx", "focal_x", "f"),
    "fy": ("fl_y", "_fy", "Camera.fy", "Camera1.fy", "focal_y", "f"),
    "cx": ("ppx", "_cx", "Camera.cx", "Camera1.cx"),
    "cy": ("ppy", "_cy", "Camera.cy", "Camera1.cy"),
}
_LINKS = ("depth_to_color", "depth_to_colour", "extrinsics")
"""Motions between both cameras; the last one may as well be the camera's place in a room."""


def of_image(content: Mapping[Any, Any], image: str, source: str) -> dict[str, Any]:
    """Of a file by image (BOP's scene_camera.json), the entry of the number in the image's name; any, where all say the same of
    the camera. PerceptionError where that number has none."""
    keys = list(content)
    if not keys or not all(re.fullmatch(r"\d+", str(key)) and isinstance(content[key], dict) for key in keys):
        return {str(key): value for key, value in content.items()}
    numbers = [int(number) for number in reversed(re.findall(r"\d+", image))]
    chosen = next((key for number in numbers for key in keys if int(key) == number), None)
    if chosen is None and numbers and any(_told(content[key]) != _told(content[keys[0]]) for key in keys):
        known = f"{len(keys)} images, {min(map(int, keys))} to {max(map(int, keys))}"
        raise PerceptionError(f"{source} has no camera for image {numbers[0]}: it lists those of {known}")
    return dict(content[keys[0] if chosen is None else chosen])


def _told(entry: Mapping[Any, Any]) -> dict[str, Any]:
    """What an entry says of the camera itself, and not of its place."""
    names = {*MATRICES, *_SYNONYMS, *(other for others in _SYNONYMS.values() for other in others)}
    return {str(key): value for key, value in entry.items() if key in names or is_scale(str(key))}


def nested(content: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields of the camera itself, which may lie one or two keys down."""
    fields = {str(key): value for key, value in content.items()}
    for key in _NESTED:
        if isinstance(fields.get(key), dict) and "fx" not in fields:
            return _lifted(fields, key)
    if focal(fields) is None:
        inner = {key: nested(value) for key, value in fields.items() if isinstance(value, dict) and "cam" in key.lower()}
        found = [key for key, value in inner.items() if focal(value) is not None and not _OTHERS.search(key)]
        if len(found) == 1:
            return _lifted(fields, found[0])
    return fields


def _lifted(fields: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {**{other: value for other, value in fields.items() if other != key}, **nested(fields[key])}


def focal(content: Mapping[str, Any]) -> object:
    """What a camera's fields say of fx, under whatever name; None where they do not."""
    return next((content[key] for key in ("fx", *_SYNONYMS["fx"], *MATRICES) if key in content), None)


def renamed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Values under the names that other programs use; plain names go first."""
    found = {}
    for name, others in _SYNONYMS.items():
        for key in (name, *others):
            if key in content:
                found[name] = content[key]
                break
    return found


def resolution(content: Mapping[str, Any]) -> dict[str, Any]:
    """Kalibr's lists: resolution [width, height] and intrinsics [fx, fy, cx, cy]."""
    found: dict[str, Any] = {}
    for key, names in (("resolution", ("width", "height")), ("intrinsics", ("fx", "fy", "cx", "cy"))):
        values = content.get(key)
        if isinstance(values, list) and len(values) == len(names):
            found |= dict(zip(names, values, strict=True))
    return found


def link(outer: Mapping[str, Any]) -> tuple[str, Any]:
    """The key and the value of the motion from the depth camera to the colour camera; None where there is none."""
    return next(((key, outer[key]) for key in _LINKS if outer.get(key) is not None), ("", None))


def unlinked(outer: Mapping[str, Any], colour: Mapping[str, Any]) -> str:
    """What a file lacks to bring depth and colour together, where it tells of another camera for depth or where that is; colour:
    the fields of its camera."""
    depth, (key, motion) = outer.get("depth", outer.get("depth_camera")), link(outer)
    if isinstance(depth, dict):
        apart = motion is None and focal(nested(depth)) not in (None, focal(colour))
        return "depth_to_color for its other camera" if apart else ""
    if motion is None or key == _LINKS[-1] or np.array_equal(np.ravel(np.array(motion, object)), np.eye(4).ravel()):
        return ""
    return "depth, the other camera's own fx, fy, cx and cy"
