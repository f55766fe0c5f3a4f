"""Serialised messages (CDR, as ROS 2 sends them) read and written without ROS: only what recordings need. Imports no ROS."""

from __future__ import annotations

import struct
from typing import Any

from numpy.typing import NDArray

from fail2progress.core.observation import SECOND

LONGEST_TEXT = 4096
_SIZES = {"b": 1, "B": 1, "i": 4, "I": 4, "f": 4, "d": 8}


class DamagedError(ValueError):
    """Bytes that are no such message."""


class Cdr:
    """Reads the fields of one message in their order. DamagedError where it is too short."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 4:
            raise DamagedError(f"a message of {len(data)} bytes")
        self.data = data
        self.at = 4
        self.order = "<" if data[1] & 1 else ">"

    def numbers(self, code: str, count: int) -> tuple[Any, ...]:
        """`count` numbers of a kind of the struct module, aligned to their size."""
        size = _SIZES[code]
        self.at += -(self.at - 4) % size
        try:
            found = struct.unpack_from(f"{self.order}{count}{code}", self.data, self.at)
        except struct.error as error:
            raise DamagedError(f"a message that ends at byte {len(self.data)}") from error
        self.at += size * count
        return found

    def number(self, code: str) -> Any:
        """One number."""
        return self.numbers(code, 1)[0]

    def text(self) -> str:
        """A string."""
        size = int(self.number("I"))
        if size > LONGEST_TEXT or self.at + size > len(self.data):
            raise DamagedError(f"a text of {size} bytes, where {len(self.data) - self.at} are left")
        found = self.data[self.at : self.at + max(size - 1, 0)]
        self.at += size
        return found.decode("utf-8", "replace")

    def stamp(self) -> int:
        """A Time, in ns."""
        seconds, rest = self.number("i"), self.number("I")
        return int(seconds) * SECOND + int(rest)

    def header(self) -> tuple[int, str]:
        """Stamp (ns) and frame of a std_msgs/Header."""
        return self.stamp(), self.text()

    def content(self) -> memoryview:
        """A sequence of bytes."""
        size = int(self.number("I"))
        if self.at + size > len(self.data):
            raise DamagedError(f"{len(self.data) - self.at} of {size} bytes")
        found = memoryview(self.data)[self.at : self.at + size]
        self.at += size
        return found


def header_stamp(data: bytes) -> int:
    """The stamp (ns) of a serialised message whose first field is a header; DamagedError where it is too short for one."""
    if len(data) < 12:
        raise DamagedError(f"a message of {len(data)} bytes has no header")
    return Cdr(data).stamp()


def restamped(data: bytes, stamp: int) -> bytes:
    """A serialised message whose first field is a header, with another stamp (ns)."""
    order = "<" if data[1] & 1 else ">"
    return data[:4] + struct.pack(f"{order}iI", *divmod(stamp, SECOND)) + data[12:]


def without_distortion(data: bytes) -> bytes:
    """A serialised sensor_msgs/CameraInfo whose coefficients of distortion are 0."""
    cdr = Cdr(data)
    cdr.header()
    cdr.numbers("I", 2)
    cdr.text()
    size = 8 * len(cdr.numbers("d", int(cdr.number("I"))))
    return data[: cdr.at - size] + bytes(size) + data[cdr.at :]


def transforms(data: bytes) -> list[tuple[str, str]]:
    """(parent, child) of a serialised tf2_msgs/TFMessage."""
    cdr = Cdr(data)
    found = []
    for _ in range(cdr.number("I")):
        parent, child = cdr.header()[1], cdr.text()
        cdr.numbers("d", 7)
        found.append((parent.lstrip("/"), child.lstrip("/")))
    return found


def stamped_transforms(data: bytes, stamp: int) -> bytes:
    """A serialised tf2_msgs/TFMessage in which transforms without a stamp have this one (ns). DamagedError for others."""
    cdr, out = Cdr(data), bytearray(data)
    for _ in range(cdr.number("I")):
        cdr.at += -(cdr.at - 4) % 4
        begin = cdr.at
        if not cdr.header()[0]:
            struct.pack_into(f"{cdr.order}iI", out, begin, *divmod(stamp, SECOND))
        cdr.text()
        cdr.numbers("d", 7)
    return bytes(out)


def image(stamp: int, frame: str, pixels: NDArray[Any], encoding: str) -> bytes:
    """A serialised sensor_msgs/Image; stamp in ns, pixels (H, W) or (H, W, C), little-endian."""
    height, width = pixels.shape[:2]
    step = pixels[0].nbytes
    out = bytearray(b"\0\1\0\0") + struct.pack("<iI", *divmod(stamp, SECOND))
    _append_text(out, frame)
    _append(out, "<II", height, width)
    _append_text(out, encoding)
    out += b"\0"
    _append(out, "<II", step, pixels.nbytes)
    return bytes(out) + pixels.tobytes()


def compressed_image(stamp: int, frame: str, form: str, content: bytes) -> bytes:
    """A serialised sensor_msgs/CompressedImage; stamp in ns."""
    out = bytearray(b"\0\1\0\0") + struct.pack("<iI", *divmod(stamp, SECOND))
    _append_text(out, frame)
    _append_text(out, form)
    _append(out, "<I", len(content))
    return bytes(out) + content


def _append(out: bytearray, form: str, *values: int) -> None:
    out += bytes(-(len(out) - 4) % 4)
    out += struct.pack(form, *values)


def _append_text(out: bytearray, text: str) -> None:
    encoded = text.encode() + b"\0"
    _append(out, "<I", len(encoded))
    out += encoded
