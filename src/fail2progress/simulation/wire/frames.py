"""Frames of the worker protocol: a length-prefixed JSON header and arrays in the .npy format. No pickle, all sizes bounded.

Runs on Python 3.8 with numpy and the standard library alone, as workers do. Described in docs/guide/simulators.md.
"""

from __future__ import annotations

import io
import json
import struct
from typing import Any, BinaryIO, NamedTuple

import numpy as np

VERSION = 1
MAGIC = b"F2PW"
PREFIX = struct.Struct("<4sHHIQ")
"""Magic, version, zero, bytes of the header, bytes of the arrays."""
MAX_HEADER = 16 * 2**20
MAX_ARRAYS_BYTES = 256 * 2**20
MAX_ARRAYS = 65536
DTYPES = ("<f8", "<f4", "<i8", "<i4", "|u1", "|b1")
"""Element types of arrays; no other is taken."""
_CHUNK = 2**20


class ProtocolError(ValueError):
    """What was read is no frame, or none that may stand there."""


class Frame(NamedTuple):
    """A message: its kind, a JSON object, and arrays by name."""

    kind: str
    header: dict[str, Any]
    arrays: dict[str, Any]


def write_frame(stream: BinaryIO, frame: Frame) -> None:
    """Write one frame and flush. ProtocolError where it is larger than a reader takes."""
    stream.write(encode(frame))
    stream.flush()


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    blocks = [(name, _array_bytes(array)) for name, array in frame.arrays.items()]
    header = dict(frame.header, kind=frame.kind, arrays=[[name, len(block)] for name, block in blocks])
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode("utf-8")
    size = sum(len(block) for _, block in blocks)
    _check_sizes(len(text), size, len(blocks))
    return b"".join([PREFIX.pack(MAGIC, VERSION, 0, len(text), size), text, *(block for _, block in blocks)])


def read_frame(stream: BinaryIO) -> Frame | None:
    """The next frame, or None where the stream ends between two. ProtocolError for anything else than a whole frame."""
    prefix = _read(stream, PREFIX.size)
    if not prefix:
        return None
    _check_magic(prefix)
    if len(prefix) < PREFIX.size:
        raise ProtocolError("the stream ends within a frame")
    _, version, _, header_size, size = PREFIX.unpack(prefix)
    if version != VERSION:
        raise ProtocolError(f"the other side speaks version {version} of the worker protocol, this side version {VERSION}")
    _check_sizes(header_size, size, 0)
    text, payload = _read(stream, header_size), _read(stream, size)
    if len(text) < header_size or len(payload) < size:
        raise ProtocolError("the stream ends within a frame")
    header = _header(text)
    arrays = _arrays(header.pop("arrays", None), payload)
    kind = header.pop("kind", None)
    if not isinstance(kind, str):
        raise ProtocolError("a frame's header has no kind")
    return Frame(kind, header, arrays)


def _read(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer where the stream ends; a stated size alone reserves no memory."""
    pieces: list[bytes] = []
    while size > 0:
        piece = stream.read(min(size, _CHUNK))
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _check_magic(prefix: bytes) -> None:
    if prefix[:4] != MAGIC[: len(prefix[:4])]:
        raise ProtocolError(f"this is not the worker protocol: a frame begins with {MAGIC!r}, not with {prefix[:16]!r}")


def _check_sizes(header: int, arrays: int, count: int) -> None:
    if header > MAX_HEADER or arrays > MAX_ARRAYS_BYTES or count > MAX_ARRAYS:
        raise ProtocolError(
            f"a frame of {header} + {arrays} bytes and {count} arrays is over the limits of the worker protocol "
            f"({MAX_HEADER} + {MAX_ARRAYS_BYTES} bytes, {MAX_ARRAYS} arrays)"
        )


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a frame's header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise ProtocolError("a frame's header is no JSON object")
    return header


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _arrays(listed: Any, payload: bytes) -> dict[str, Any]:
    if not isinstance(listed, list) or len(listed) > MAX_ARRAYS or not all(_is_entry(entry) for entry in listed):
        raise ProtocolError("a frame's list of arrays must hold names and sizes")
    arrays: dict[str, Any] = {}
    start = 0
    for name, size in listed:
        arrays[name] = _array(name, payload[start : start + size])
        start += size
    if start != len(payload) or len(arrays) != len(listed):
        raise ProtocolError("a frame's arrays do not have the sizes and names that its header lists")
    return arrays


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and type(entry[1]) is int and entry[1] >= 0


def _array_bytes(array: Any) -> bytes:
    stream = io.BytesIO()
    plain = np.ascontiguousarray(array).reshape(np.shape(array))
    if plain.dtype.str not in DTYPES:
        raise ProtocolError(f"arrays of {plain.dtype} are not part of the worker protocol; known: {', '.join(DTYPES)}")
    np.lib.format.write_array(stream, plain, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _array(name: str, block: bytes) -> Any:
    """An array of its own memory; its stated shape must fit the bytes that are there."""
    shape, dtype, data = _npy(name, block)
    count = 1
    for length in shape:
        count *= length
    if dtype.str not in DTYPES or count * dtype.itemsize != len(data) or min(shape, default=0) < 0:
        raise ProtocolError(f"array {name!r} of type {dtype} and shape {shape} does not fit its {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _npy(name: str, block: bytes) -> tuple[tuple[int, ...], Any, bytes]:
    stream = io.BytesIO(block)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("its version is not 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # the header is a Python literal: its parser raises many kinds
        raise ProtocolError(f"array {name!r} is not in the .npy format: {error}") from error
    if fortran:
        raise ProtocolError(f"array {name!r} is not in C order")
    return shape, dtype, block[stream.tell() :]
