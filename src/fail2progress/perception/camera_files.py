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
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fail2progress.core.plain_yaml import NotPlainError, PlainLoader, once
from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.array_files import MAX_PIXELS, check_size, from_matlab, unpacked
from fail2progress.perception.camera_fields import MATRICES, focal, link, nested, of_image, renamed, resolution, unlinked
from fail2progress.perception.camera_poses import linked, parse_up, rigid
from fail2progress.perception.depth_units import UNIT_KEY, is_scale, scales, unit_in
from fail2progress.perception.distortion import Lens, is_coefficients, lens_in
from fail2progress.perception.segmentation.base import PerceptionError

_ARRAYS = (*MATRICES, "mtx", "intrinsic", "intrinsics", "intrinsics_matrix", "camera_intrinsic", "cam_intrinsics", "cam_k")
_IN_MATLAB = ("depth_scale", "factor_depth", "dist_coeffs", "distortion", "D")
"""Names that are asked for beside a matrix there: its reader is not asked for all that there are."""
_TERMS = range(4, 15)
"""Coefficients that lenses have in files of arrays."""
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
    unlinked: str = ""
    """What it lacks to bring depth and colour together, where it tells of another camera for depth or where that is."""


def read_camera(
    path: Path, size: tuple[int, int] | None = None, depth_size: tuple[int, int] | None = None, image: str = ""
) -> Calibration:
    """A camera file. size, depth_size: width and height of both images, for files that do not say; image: the name of the colour
    image, for files that list cameras by image. PerceptionError names what is wrong."""
    check_size(path)
    return parse_camera(_content(path), str(path), size, image or path.stem, depth_size)


def _content(path: Path) -> object:
    data = path.read_bytes()
    if data.startswith((b"\x93NUMPY", b"PK")) or path.suffix == ".mat":
        try:
            return _arrays(data)
        except Exception as error:  # of damaged files NumPy and SciPy raise a dozen kinds
            raise PerceptionError(f"{path} holds no camera: {' '.join(str(error).split())[:100]}") from error
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
        return _decoded(text)
    except NotPlainError as error:
        raise PerceptionError(f"{path}: {error.problem}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        kind = "neither JSON nor YAML" if isinstance(error, yaml.YAMLError) else "not JSON"
        raise PerceptionError(f"{path} is {kind}: {' '.join(str(error).split())[:100]}") from error


def _decoded(text: str) -> object:
    """JSON, YAML or plain numbers; a list is a matrix, or holds one camera."""
    numbers = _numbers(text)
    if numbers is not None:
        return {"K": numbers}
    if not text.lstrip().startswith(("{", "[")):
        return _yaml(text)
    found = json.loads(text, object_pairs_hook=once)
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def _arrays(data: bytes) -> dict[str, object]:
    """A matrix, a scale of depth and a lens, of a `.npy`, `.npz` or MATLAB file."""
    if data.startswith(b"\x93NUMPY"):
        return {"K": np.load(io.BytesIO(data), allow_pickle=False)}
    if data.startswith(b"PK"):
        with np.load(io.BytesIO(data), allow_pickle=False) as content:
            found = unpacked(content, [key for key in content.files if key in _ARRAYS])
            for key in (key for key in content.files if is_scale(key) or is_coefficients(key)):
                with suppress(ValueError):  # an array of objects, such as of None
                    found |= unpacked(content, [key])
    else:
        found = from_matlab(data, (*_ARRAYS, *_IN_MATLAB, UNIT_KEY))
    matrix = next((key for key in _ARRAYS if key in found), None)
    units = {key: np.ravel(value)[0].item() for key, value in found.items() if is_scale(key) and np.size(value) == 1}
    terms = {key: value for key, value in found.items() if is_coefficients(key) and np.size(value) in _TERMS}
    lens = {key: np.ravel(value).tolist() for key, value in terms.items() if value.dtype.kind in "iuf"}
    return {**units, **lens, **({} if matrix is None else {"K": found[matrix]})}


def _numbers(text: str) -> list[float] | None:
    """Those of a matrix by rows, in brackets or not: 9, 12 or 16; None where the text has others, or words."""
    words = re.sub(r"^(np\.|numpy\.)?array|[][(),;]", " ", text.strip()).split()
    if len(words) not in (9, 12, 16) or not all(re.fullmatch(r"[-+0-9.eE]+|nan", word) for word in words):
        return None
    return [float(word) for word in words]


def _yaml(text: str) -> object:
    """The first of its documents; OpenCV's header and all tags left out."""
    clean = re.sub(r"!![\w/.:-]+", "", re.sub(r"^%YAML.*$", "", text, flags=re.MULTILINE))
    return next((part for part in yaml.load_all(clean, PlainLoader) if part is not None), None)


def speaks_of_a_camera(path: Path) -> bool:
    """Whether a file says something of focal lengths, though it may be wrong; OSError where it cannot be opened."""
    try:
        check_size(path)
        content = _content(path)
        return isinstance(content, dict) and focal(nested(of_image(content, "", str(path)))) is not None
    except PerceptionError:
        return False


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
    outer = of_image(content, image, source)
    fields = nested(outer)
    colour = _intrinsics(fields, source, size)
    both = {**outer, **fields}
    depth, (key, motion) = outer.get("depth", outer.get("depth_camera")), link(outer)
    apart = isinstance(depth, dict) and motion is not None
    of_depth = {**both, **dict(scales(nested(depth)))} if isinstance(depth, dict) else both
    return Calibration(
        colour,
        unit_in(of_depth, source),
        _up(both, source),
        rigid(both.get("camera_pose"), source, "camera_pose"),
        _intrinsics(nested(depth), f"{source}, depth", depth_size) if apart and isinstance(depth, dict) else None,
        linked(motion, source, key) if apart else None,
        UNIT_KEY not in of_depth,
        lens_in(both),
        lens_in(nested(depth)) if apart and isinstance(depth, dict) else lens_in(both),
        unlinked(outer, fields),
    )


def _intrinsics(content: Mapping[str, Any], source: str, size: tuple[int, int] | None) -> Intrinsics:
    fields = {**_matrix(content, source), **resolution(content), **renamed(content)}
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


def _matrix(content: Mapping[str, Any], source: str) -> dict[str, Any]:
    """fx, fy, cx, cy of a calibration matrix: nine numbers or three rows, by rows or by columns, plain or as OpenCV has them; or
    twelve or sixteen, with a fourth column."""
    for key in MATRICES:
        if key not in content or "fx" in renamed(content):
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
