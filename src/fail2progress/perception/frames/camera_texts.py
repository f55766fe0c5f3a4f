"""Camera files as they are stored, as mappings: JSON, YAML, XML of OpenCV, settings by lines, numbers, and arrays."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import yaml

from fail2progress.core.plain_yaml import NotPlainError, PlainLoader, once
from fail2progress.perception.frames.array_files import check_size, from_matlab, unpacked
from fail2progress.perception.frames.camera_keys import number, numbers, plain
from fail2progress.perception.frames.camera_search import cameras
from fail2progress.perception.frames.depth_scales import UNIT_KEY, is_scale
from fail2progress.perception.frames.lens_fields import is_coefficients
from fail2progress.perception.segmentation.base import PerceptionError

_ARRAYS = (
    *("k", "K", "cam_K", "camera_matrix", "CameraMatrix", "intrinsic_matrix", "Camera_matrix", "_K", "matrix", "mtx"),
    *("intrinsic", "intrinsics", "intrinsics_matrix", "camera_intrinsic", "cam_intrinsics", "cam_k"),
)
_IN_MATLAB = ("depth_scale", "factor_depth", "dist_coeffs", "distortion", "D")
"""Names that are asked for beside a matrix there: its reader is not asked for all that there are."""
_TERMS = range(4, 15)
"""Coefficients that lenses have in files of arrays."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How texts begin that PowerShell writes."""
BARE = "fx_fy_cx_cy"
"""Key of numbers that stand in a text with nothing that says what they are."""
_BARE = {4: (BARE,), 6: ("width", "height", BARE)}
_COMMENT = re.compile(r"^\s*(#|//|;).*$", re.MULTILINE)
_SECTION = re.compile(
    r"\[\s*([A-Za-z]\w*)\s*\]|(In|Ex)trinsic (?:of|from)\s+\"(\w[\w ]*)\"(?:\s+To\s+\"(\w[\w ]*)\")?\s*(.*)", re.I
)
"""[name], or what rs-enumerate-devices writes over the numbers of a stream."""
_SETTING = re.compile(r"([A-Za-z][\w. ()]*?)\s*[:=]\s*(\S.*)?|([A-Za-z_]\w*)\s+([-+\d.].*)")
"""name: value, name = value, or name and number."""
_COLMAP = re.compile(r"^(\d+) ([A-Z_]+) (\d+) (\d+)((?: [-+\d.eE]+)+)$", re.MULTILINE)
_OF_COLMAP = {
    "SIMPLE_PINHOLE": "f cx cy",
    "PINHOLE": "fx fy cx cy",
    "SIMPLE_RADIAL": "f cx cy k1",
    "RADIAL": "f cx cy k1 k2",
    "OPENCV": "fx fy cx cy k1 k2 p1 p2",
    "FULL_OPENCV": "fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6",
    "OPENCV_FISHEYE": "fx fy cx cy k1 k2 k3 k4",
}


def content_of(path: Path) -> object:
    """What a camera's file says: a mapping, or what it is instead. PerceptionError names what is wrong; OSError."""
    check_size(path)
    data = path.read_bytes()
    if data.startswith((b"\x93NUMPY", b"PK")) or path.suffix == ".mat":
        try:
            return _arrays(data)
        except Exception as error:  # of damaged files NumPy and SciPy raise a dozen kinds
            raise PerceptionError(f"{path} holds no camera: {' '.join(str(error).split())[:100]}") from error
    try:
        return plain(_decoded(data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")))
    except PerceptionError as error:
        raise PerceptionError(f"{path}: {error}") from error
    except NotPlainError as error:
        raise PerceptionError(f"{path}: {error.problem}") from error
    except ElementTree.ParseError as error:
        raise PerceptionError(f"{path} is not XML: {error}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        kind = "neither JSON nor YAML" if isinstance(error, yaml.YAMLError) else "not JSON"
        kind = f"{kind}, nor settings by lines with fx, fy, cx and cy" if data.lstrip()[:1] == b"[" else kind
        raise PerceptionError(f"{path} is {kind}: {' '.join(str(error).split())[:100]}") from error


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


def _decoded(text: str) -> object:
    """Of a list that holds one camera, that one."""
    for reader in (_bare, _colmap, _xml):
        found = reader(text)
        if found is not None:
            return found
    if not text.lstrip().startswith(("{", "[")):
        return _or_by_lines(text, _yaml)
    content = _or_by_lines(text, lambda text: json.loads(text, object_pairs_hook=once))
    return content[0] if isinstance(content, list) and len(content) == 1 else content


def _or_by_lines(text: str, reader: Callable[[str], Any]) -> Any:
    """What a reader makes of a text, or else its settings by lines, where these hold a camera; else its error."""
    problem = None
    try:
        found = reader(text)
    except NotPlainError:
        raise
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        found, problem = None, error
    if isinstance(found, (dict, list)):
        return found
    try:
        settings = _by_lines(text)
    except NotPlainError:
        if problem is None or re.search(r"\bf_?x\b", text, re.IGNORECASE):
            raise
        raise problem from None
    if any(one.whole for one in cameras(settings)):
        return settings
    if problem is not None:
        raise problem
    return found


def _bare(text: str) -> dict[str, Any] | None:
    """Numbers by themselves: a matrix by rows, in brackets or not (9, 12 or 16), fx, fy, cx, cy, or these after the image's size;
    None where the text has others, or words."""
    found = numbers(re.sub(r"^\s*(np\.|numpy\.)?array", " ", _COMMENT.sub("", text[:10_000])).strip())
    if found is None or len(found) not in (4, 6, 9, 12, 16):
        return None
    if len(found) not in _BARE:
        return {"K": found}
    *size, _ = _BARE[len(found)]
    return {**dict(zip(size, map(int, found), strict=False)), BARE: found[len(size) :]}


def _colmap(text: str) -> dict[str, Any] | None:
    """COLMAP's cameras.txt: number, model, width, height and the model's numbers."""
    cameras = dict[str, Any]()
    for key, model, width, height, rest in _COLMAP.findall(_COMMENT.sub("", text)):
        names, values = _OF_COLMAP.get(model, "").split(), rest.split()
        if len(names) == len(values):
            cameras[key] = {"model": model, "width": int(width), "height": int(height), **dict(zip(names, values, strict=True))}
        else:
            raise PerceptionError(f"COLMAP's camera {key} has the model {model}, which is not read: {', '.join(_OF_COLMAP)} are")
    return {"cameras": cameras} if cameras else None


def _xml(text: str) -> dict[str, Any] | None:
    """The XML of OpenCV's FileStorage."""
    if "<opencv_storage" not in text[:1000] or "<!" in re.sub(r"(?s)<!--.*?-->", "", text):  # entities can stand for very much
        return None
    content = _element(ElementTree.fromstring(text))
    return content if isinstance(content, dict) else None


def _element(node: ElementTree.Element) -> object:
    return {child.tag: _element(child) for child in node} if len(node) else (node.text or "").strip()


def _yaml(text: str) -> object:
    """The first of its documents; OpenCV's header and all tags left out. OpenCV asks for no space after a colon."""
    if re.match(r"\s*%YAML:1\.0", text):
        text = re.sub(r"^(\s*[A-Za-z][\w.]*):(?=[^\s:])", r"\1: ", text, flags=re.MULTILINE)
    clean = re.sub(r"!![\w/.:-]+", "", re.sub(r"^%YAML.*$", "", text, flags=re.MULTILINE))
    return next((part for part in yaml.load_all(clean, PlainLoader) if part is not None), None)


def _by_lines(text: str) -> dict[str, Any]:
    """Settings a line each, also in sections (.ini, .conf), and what else such lines look like. TwiceError as in YAML."""
    root = list[tuple[str, Any]]()
    sections = [("", root)]
    for line in filter(None, (line.strip() for line in _COMMENT.sub("", text).splitlines())):
        here = sections[-1][1]
        section, setting, row = _SECTION.fullmatch(line), _SETTING.fullmatch(line), numbers(line)
        if section is not None:
            sections.append((_title(section), []))
        elif row and here and isinstance(here[-1][1], list):
            here[-1][1].append(row)
        elif setting is not None:
            here.append(_pair(*(setting.group(1, 2) if setting.group(1) else setting.group(3, 4))))
    return {**once(root), **once(_once_each(sections[1:]))}


def _once_each(sections: list[tuple[str, list[tuple[str, Any]]]]) -> list[tuple[str, Any]]:
    """Sections by their titles; of several with one title, as of a stream's formats, those that say the same once."""
    found = list[tuple[str, Any]]()
    for title, pairs in sections:
        entry = (title, once(pairs))
        if entry not in found:
            found.append(entry)
    return found


def _title(section: re.Match[str]) -> str:
    """`LEFT_CAM_HD`, `Color 640x480`, `Depth To Color`."""
    name, _, one, other, rest = section.groups()
    if name is not None:
        return str(name)
    size = re.search(r"\d+x\d+", rest)
    return f"{one} To {other}" if other else f"{one} {size[0]}" if size else str(one)


def _pair(key: str, value: str | None) -> tuple[str, Any]:
    """A key, and a number, numbers, text, or a list for the rows of numbers that follow."""
    if value is None:
        return key.strip(), []
    one, several = number(value), numbers(value)
    return key.strip(), one if one is not None else several if several and len(several) > 1 else value.strip()
