"""Files of arrays from outside, NumPy's and MATLAB's: refused where they, or what is packed in them, are too large."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from scipy.io import loadmat

from fail2progress.perception.segmentation.base import PerceptionError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 4096 * 4096
MAX_UNPACKED = 8 * MAX_PIXELS
"""Bytes of the largest image in double numbers."""
_HEAD, _TAG, _COMPRESSED = 128, 8, 15
"""Bytes of a MATLAB file's head and of the tag before each of its elements; the type of one that is compressed."""


def check_size(path: Path) -> None:
    """PerceptionError for an empty file, or one too large to be what it should."""
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise PerceptionError(f"{path} has {size} bytes; expected between 1 and {MAX_BYTES}")


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
