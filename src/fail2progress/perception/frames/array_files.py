"""Files of arrays from outside, NumPy's and MATLAB's: refused where they, or what is packed in them, are too large."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from scipy.io import loadmat

from fail2progress.perception.segmentation.base import PerceptionError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 4096 * 4096
MAX_UNPACKED = 8 * MAX_PIXELS
"""Bytes of the largest image in double numbers."""
_MATRIX = 4
"""Rows of the largest array that is rather a matrix than an image."""
_CHANNELS = (3, 4)
"""Of colours: red, green and blue, and what shines through."""
_BRIGHTEST, _DARKEST = 1.05, 8.0
"""Largest number of an image up to which its numbers are shares, and from which they go up to 255; between, nobody knows."""
_OF_COLOURS = re.compile(r"colou?r|rgb|image", re.IGNORECASE)
_HEAD, _TAG, _COMPRESSED = 128, 8, 15
"""Bytes of a MATLAB file's head and of the tag before each of its elements; the type of one that is compressed."""


def check_size(path: Path) -> None:
    """PerceptionError for an empty file, or one too large to be what it should."""
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise PerceptionError(f"{path} has {size} bytes; expected between 1 and {MAX_BYTES}")


def read_array(path: Path, colour: bool = False) -> NDArray[Any]:
    """The array of a .npy file, or the depth (or else the colours) of an .npz file: (H, W), or (H, W, channels) of colours,
    without further axes of length 1; of more axes where it is neither. PerceptionError where it is no image."""
    check_size(path)
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            found = content
        else:
            with content:
                found = _colours_in(content) if colour else _depth_in(content)
    except (OSError, ValueError, EOFError, KeyError, MemoryError, SyntaxError, TokenError, BadZipFile, zlib.error) as error:
        raise PerceptionError(f"{path} is no array of numbers: {' '.join(str(error).split())[:100]}") from error
    one, other = sorted((1, 1, *found.shape))[-2:]
    if found.ndim < 2 or one * other > MAX_PIXELS or found.size == 0:
        raise PerceptionError(f"{path}: an array of {found.shape} is no image")
    return _squeezed(np.asarray(found), 3 if colour else 2)


def _squeezed(array: NDArray[Any], axes: int) -> NDArray[Any]:
    """Without axes of length 1, the first ones first, as long as it has more than those that it needs."""
    while array.ndim > axes and 1 in array.shape:
        array = np.squeeze(array, array.shape.index(1))
    return array


def _depth_in(content: NpzFile) -> NDArray[Any]:
    """The array called depth, or the first image whose name has that word: matrices and scales of depth are none."""
    named = sorted((key for key in content.files if "depth" in key.lower()), key=lambda key: key.lower() != "depth")
    found = [unpacked(content, [key])[key] for key in named or content.files[:1]]
    if not found:
        raise ValueError("nothing is in it")
    return next((array for array in found if array.ndim >= 2 and min(array.shape[:2]) > _MATRIX), found[0])


def _colours_in(content: NpzFile) -> NDArray[Any]:
    """The first array that has the channels of colours, of those whose names speak of them, or else of all; where there is none,
    one of most axes."""
    named = [key for key in content.files if _OF_COLOURS.search(key) and "depth" not in key.lower()]
    most: NDArray[Any] | None = None
    for key in [*named, *(key for key in content.files if key not in named)]:
        array = unpacked(content, [key])[key]
        if _has_channels(_squeezed(array, 3)):
            return array
        most = array if most is None or array.ndim > most.ndim else most
    if most is None:
        raise ValueError("nothing is in it")
    return most


def _has_channels(array: NDArray[Any]) -> bool:
    return array.ndim == 3 and (array.shape[2] in _CHANNELS or array.shape[0] in _CHANNELS)


def colours(image: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) of an array of colours, (H, W, channels) or (channels, H, W): up to 255, up to 65535 in 16 bits, or shares up
    to 1. PerceptionError for another."""
    if not _has_channels(image):
        axes = "rows by columns by 3 is"
        raise PerceptionError(f"{path}: an array of {image.shape} is no colour image, {axes}; the order is COLOR DEPTH")
    if image.shape[2] not in _CHANNELS:
        image = np.moveaxis(image, 0, 2)
    if image.dtype.kind not in "uif":
        raise PerceptionError(f"{path}: an array of {str(image.dtype)[:40]} is no colour image; whole numbers up to 255 are")
    known = np.where(np.isfinite(image[..., :3]), image[..., :3], 0).astype(np.float64)
    low, high = float(known.min()), float(known.max())
    share, deep = image.dtype.kind == "f" and high <= _BRIGHTEST, image.dtype.kind in "ui" and 255 < high <= 65535
    if low < 0 or (not share and not deep and not (high <= 255 and (image.dtype.kind != "f" or high > _DARKEST))):
        raise PerceptionError(
            f"{path}: numbers from {low:g} to {high:g} ({image.dtype}) are no colours: 0 to 255, 0 to 65535 in 16 bits, or 0 to 1"
            " in floating point are"
        )
    return np.asarray(np.clip(known * (255.0 if share else 1 / 257 if deep else 1.0), 0, 255), np.uint8)


def unpacked(content: NpzFile, keys: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Some arrays of an open .npz file, by name. PerceptionError where together they are too large."""
    keys = list(keys)
    assert content.zip is not None  # it is open
    files = {file.filename.removesuffix(".npy"): file.file_size for file in content.zip.infolist()}
    _check_unpacked(sum(files[key] for key in keys))
    return {key: content[key] for key in keys}


def from_matlab(data: bytes, keys: Iterable[str]) -> dict[str, Any]:
    """Some arrays of a MATLAB file, by name. PerceptionError where all that is in it is too large."""
    order = "<" if data[_HEAD - 2 : _HEAD] == b"IM" else ">"
    at, size = _HEAD, 0
    while at + _TAG <= len(data):
        kind, length = struct.unpack_from(f"{order}II", data, at)
        at += _TAG
        if kind == _COMPRESSED:
            size += len(zlib.decompressobj().decompress(data[at : at + length], MAX_UNPACKED + 1))
            _check_unpacked(size)
        at += length
    return dict(loadmat(io.BytesIO(data), variable_names=tuple(keys)))


def _check_unpacked(size: int) -> None:
    if size > MAX_UNPACKED:
        raise PerceptionError(f"more than {MAX_UNPACKED} bytes once it is unpacked")
