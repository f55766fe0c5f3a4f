"""Camera files as other programs write them, and the way up that some of them state.

Read are JSON and YAML: plain keys, ROS CameraInfo (messages, `ros2 topic echo`, camera_calibration), RealSense, Open3D, BOP,
OpenCV, ORB-SLAM, Kalibr, perception.CameraIntrinsics (`.intr`), Nerfstudio and Record3D; a text file or `.npy` with the nine
numbers of a matrix, or with those of one of four columns; and the same under a name in a `.npz` or `.mat` file (GraspNet, YCB).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fail2progress.core.plain_yaml import NotPlainError, PlainLoader, once
from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.array_files import MAX_PIXELS, check_size, from_matlab, unpacked
from fail2progress.perception.camera_poses import linked, parse_up, rigid
from fail2progress.perception.distortion import Lens, lens_in
from fail2progress.perception.segmentation.base import PerceptionError

UNIT_KEY = "depth_unit_m"
_MATRICES = ("k", "K", "cam_K", "camera_matrix", "CameraMatrix", "intrinsic_matrix", "Camera_matrix", "_K", "matrix")
_ARRAYS = (*_MATRICES, "intrinsic", "intrinsics", "intrinsics_matrix", "camera_intrinsic", "cam_intrinsics", "cam_k")
_SCALES = ("depth_scale", "depth_factor", "factor_depth", "png_depth_scale", "depth_map_factor", "DepthMapFactor")
_NESTED = ("camera", "color", "colour", "rgb", "intrinsic", "intrinsics", "cam0", "parameters", "camera_info")
_SYNONYMS = {
    "width": ("image_width", "w", "_width", "Camera.width", "ImageWidth"),
    "height": ("image_height", "h", "_height", "Camera.height", "ImageHeight"),
    "fx": ("fl_x", "_fx", "Camera.fx", "Camera1.fx", "focal_x", "f"),
    "fy": ("fl_y", "_fy", "Camera.fy", "Camera1.fy", "focal_y", "f"),
    "cx": ("ppx", "_cx", "Camera.cx", "Camera1.cx"),
    "cy": ("ppy", "_cy", "Camera.cy", "Camera1.cy"),
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How texts begin that PowerShell writes."""
_EXPECTED = "expected fx, fy, cx and cy, or a matrix of nine numbers under k, K, cam_K, camera_matrix or intrinsic_matrix"


@dataclass(frozen=True)
class Calibration:
    """What a camera file says. intrinsics: of the colour image; unit: m of a step of depth, None where it does not say;
    up: (3,) in the optical frame, or None; pose: (4, 4) from the optical frame to a frame with z up, or None; depth: the depth
    camera where it is another one, and depth_to_colour (4, 4) between the optical frames, m; lens, depth_lens: of both images."""

    intrinsics: Intrinsics
    unit: float | None = None
    up: Array | None = None
    pose: Array | None = None
    depth: Intrinsics | None = None
    depth_to_colour: Array | None = None
    scaled: bool = False
    """Whether `unit` comes from a scale, which may count steps a metre, metres a step or millimetres a step."""
    lens: Lens | None = None
    depth_lens: Lens | None = None
    unlinked: bool = False
    """Whether it tells of another camera for depth, but not where that is."""


def read_camera(path: Path, size: tuple[int, int] | None = None, depth_size: tuple[int, int] | None = None) -> Calibration:
    """A camera file. size, depth_size: width and height of both images, for files that do not say. PerceptionError names what is
    wrong."""
    check_size(path)
    return parse_camera(_content(path), str(path), size, path.stem, depth_size)


def _content(path: Path) -> object:
    data = path.read_bytes()
    if data.startswith((b"\x93NUMPY", b"PK")) or path.suffix == ".mat":
        try:
            return _arrays(data)
        except Exception as error:  # of damaged files NumPy and SciPy raise a dozen kinds
            raise PerceptionError(f"{path} holds no camera: {' '.join(str(error).split())[:100]}") from error
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
        return json.loads(text, object_pairs_hook=once) if text.lstrip().startswith(("{", "[")) else _lines(text)
    except NotPlainError as error:
        raise PerceptionError(f"{path}: {error.problem}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        kind = "neither JSON nor YAML" if isinstance(error, yaml.YAMLError) else "not JSON"
        raise PerceptionError(f"{path} is {kind}: {' '.join(str(error).split())[:100]}") from error


def _arrays(data: bytes) -> dict[str, object]:
    """A matrix, and a scale of depth, of a `.npy`, `.npz` or MATLAB file."""
    if data.startswith(b"\x93NUMPY"):
        return {"K": np.load(io.BytesIO(data), allow_pickle=False)}
    if data.startswith(b"PK"):
        with np.load(io.BytesIO(data), allow_pickle=False) as content:
            found = unpacked(content, [key for key in content.files if key in (*_ARRAYS, *_SCALES, UNIT_KEY)])
    else:
        found = from_matlab(data, (*_ARRAYS, *_SCALES, UNIT_KEY))
    matrix = next((key for key in _ARRAYS if key in found), None)
    scales = {key: float(np.ravel(found[key])[0]) for key in (*_SCALES, UNIT_KEY) if key in found and np.size(found[key]) == 1}
    return {**scales, **({} if matrix is None else {"K": found[matrix]})}


def _lines(text: str) -> object:
    """The numbers of a matrix by rows, or YAML: the first of its documents; OpenCV's header and all tags left out."""
    words = text.replace(",", " ").replace("[", " ").replace("]", " ").split()
    if len(words) in (9, 12, 16) and all(re.fullmatch(r"[-+0-9.eE]+|nan", word) for word in words):
        return {"K": [float(word) for word in words]}
    clean = re.sub(r"!![\w/.:-]+", "", re.sub(r"^%YAML.*$", "", text, flags=re.MULTILINE))
    return next((part for part in yaml.load_all(clean, PlainLoader) if part is not None), None)


def parse_camera(
    content: object,
    source: str,
    size: tuple[int, int] | None = None,
    image: str = "",
    depth_size: tuple[int, int] | None = None,
) -> Calibration:
    """The same from decoded content; image: the name of the colour image, for files that list cameras by image."""
    if not isinstance(content, dict):
        raise PerceptionError(f"{source}: {_EXPECTED}")
    outer = _of_image(content, image)
    fields = _nested(outer)
    colour = _intrinsics(fields, source, size)
    both = {**outer, **fields}
    depth = outer.get("depth", outer.get("depth_camera"))
    link = next((outer[key] for key in ("depth_to_color", "depth_to_colour", "extrinsics") if key in outer), None)
    apart = isinstance(depth, dict) and link is not None
    of_depth = (
        {**both, **{key: value for key, value in _nested(depth).items() if key in (*_SCALES, UNIT_KEY)}}
        if isinstance(depth, dict)
        else both
    )
    return Calibration(
        colour,
        _unit(of_depth, source),
        _up(both, source),
        rigid(both.get("camera_pose"), source, "camera_pose"),
        _intrinsics(_nested(depth), f"{source}, depth", depth_size) if apart and isinstance(depth, dict) else None,
        linked(link, source) if apart else None,
        UNIT_KEY not in of_depth,
        lens_in(both),
        lens_in(_nested(depth)) if apart and isinstance(depth, dict) else lens_in(both),
        isinstance(depth, dict) and link is None and _focal(_nested(depth)) not in (None, _focal(fields)),
    )


def _focal(content: Mapping[str, Any]) -> object:
    """What a camera's fields say of fx, under whatever name; None where they do not."""
    return next((content[key] for key in ("fx", *_SYNONYMS["fx"], *_MATRICES) if key in content), None)


def _of_image(content: Mapping[Any, Any], image: str) -> dict[str, Any]:
    """Of a file by image (BOP's scene_camera.json), the entry that the image's name gives, or the first."""
    keys = list(content)
    if keys and all(re.fullmatch(r"\d+", str(key)) and isinstance(content[key], dict) for key in keys):
        number = re.search(r"\d+", image)
        chosen = next((key for key in keys if number and int(key) == int(number.group())), keys[0])
        return dict(content[chosen])
    return {str(key): value for key, value in content.items()}


def _nested(content: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields of the camera itself, which may lie one or two keys down."""
    fields = {str(key): value for key, value in content.items()}
    for key in _NESTED:
        if isinstance(fields.get(key), dict) and "fx" not in fields:
            return {**{k: v for k, v in fields.items() if k != key}, **_nested(fields[key])}
    return fields


def _intrinsics(content: Mapping[str, Any], source: str, size: tuple[int, int] | None) -> Intrinsics:
    fields = {**_matrix(content, source), **_resolution(content), **_renamed(content)}
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
        return _region(content, Intrinsics(int(values[0]), int(values[1]), *values[2:]), size)
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


def _renamed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Values under the names that other programs use; plain names go first."""
    found = {}
    for name, others in _SYNONYMS.items():
        for key in (name, *others):
            if key in content:
                found[name] = content[key]
                break
    return found


def _resolution(content: Mapping[str, Any]) -> dict[str, Any]:
    """Kalibr's lists: resolution [width, height] and intrinsics [fx, fy, cx, cy]."""
    found: dict[str, Any] = {}
    for key, names in (("resolution", ("width", "height")), ("intrinsics", ("fx", "fy", "cx", "cy"))):
        values = content.get(key)
        if isinstance(values, list) and len(values) == len(names):
            found |= dict(zip(names, values, strict=True))
    return found


def _matrix(content: Mapping[str, Any], source: str) -> dict[str, Any]:
    """fx, fy, cx, cy of a calibration matrix: nine numbers or three rows, by rows or by columns, plain or as OpenCV has them; or
    twelve or sixteen, with a fourth column."""
    for key in _MATRICES:
        if key not in content or "fx" in _renamed(content):
            continue
        value = content[key]
        value = value.get("data", value) if isinstance(value, dict) else value
        try:
            numbers = np.array(value, np.float64)
            matrix = (numbers.reshape(-1, 4) if numbers.size in (12, 16) else numbers.reshape(3, 3))[:3, :3]
        except (TypeError, ValueError) as error:
            raise PerceptionError(f"{source}: {key} must be nine numbers") from error
        if (matrix[:2, 2] == 0).all() and (matrix[2, :2] != 0).any():
            matrix = matrix.T  # by columns, as Open3D and Record3D write it
        if matrix.any() and not np.allclose(matrix[2], (0, 0, 1)):
            raise PerceptionError(f"{source}: {key} is no calibration matrix, whose last row is 0 0 1")
        names = (("fx", (0, 0)), ("fy", (1, 1)), ("cx", (0, 2)), ("cy", (1, 2)))
        return {name: float(matrix[at]) for name, at in names}
    return {}


def _unit(fields: Mapping[str, Any], source: str) -> float | None:
    """Metres of a step of depth."""
    if UNIT_KEY in fields:
        unit = _number(fields, UNIT_KEY, source)
    else:
        key = next((key for key in _SCALES if key in fields), None)
        if key is None:
            return None
        scale = _number(fields, key, source)
        # Steps a metre (TUM: 5000), metres a step (RealSense: 0.001), or millimetres a step (BOP: 1.0, 0.1): no sensor has
        # values that two of these could share.
        unit = 1 / scale if scale >= 100 else scale if scale <= 0.005 and "cam_K" not in fields else scale / 1000
    if not 0 < unit <= 1:
        raise PerceptionError(f"{source}: one step of depth must be between 0 and 1 m, got {unit:g}")
    return unit


def _up(fields: Mapping[str, Any], source: str) -> Array | None:
    if "up" in fields:
        return parse_up(fields["up"], f"{source}, up")
    if "gravity" in fields:
        return -parse_up(fields["gravity"], f"{source}, gravity")
    return None


def _number(fields: Mapping[str, Any], key: str, source: str) -> float:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:
        text = f"the text {value[:40]!r}" if isinstance(value, str) else str(value)[:40]
        raise PerceptionError(f"{source}: {key} must be a number below 1e9, got {text}; {_EXPECTED}")
    return float(value)
