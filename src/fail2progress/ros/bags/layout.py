"""Messages of an earlier version of this package, as bags hold them, in the layout of today. Imports no ROS.

A bag names the fields of its messages. They are read by their own definition and written by the one of today: fields that
there were not are empty or zero, those that there are no longer are left out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fail2progress.ros.bags.cdr import DamagedError

_CODES = {
    "bool": "B", "byte": "B", "char": "B", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "int64": "q", "uint64": "Q", "float32": "f", "float64": "d",
}  # fmt: skip
_BUILT_IN = {"time": "builtin_interfaces/Time", "duration": "builtin_interfaces/Duration"}
_FIELD = re.compile(r"^(?P<type>[\w/]+)(?:<=\d+)?(?P<array>\[(?:<=)?\d*\])?(?:<=\d+)?\s+(?P<name>\w+)(?:\s+[^=\s].*)?$")
DEEPEST = 16
VERSION = "schema_version"
MOST = 1 << 24
"""Elements of a sequence: more is no message of this package."""


@dataclass(frozen=True)
class Field:
    """One field: its type as "package/Name" or a built-in one; `size` of an array, -1 for a sequence, None for neither."""

    name: str
    type: str
    size: int | None


Layout = Mapping[str, tuple[Field, ...]]
"""Fields of a message, under "", and of all that it contains, by "package/Name"."""


@cache
def layout(kind: str, text: str) -> Layout:
    """From a definition as bags hold it ("ros2msg") of a type "package/msg/Name". DamagedError where it is none."""
    parts = re.split(r"^=+\nMSG: (\S+)\n", text, flags=re.MULTILINE)
    found = {"": _fields(parts[0], kind.split("/")[0])}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        found[name.replace("/msg/", "/")] = _fields(body, name.split("/")[0])
    return found


def _fields(text: str, package: str) -> tuple[Field, ...]:
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].strip()
        if not words or re.match(r"^\w+(<=\d+)?\s+\w+\s*=", words):
            continue  # a comment, or a constant
        match = _FIELD.match(words)
        if match is None:
            raise DamagedError(f"a field {words[:60]!r}")
        base, array = match["type"].replace("/msg/", "/"), match["array"]
        if base not in _CODES and base not in ("string", "wstring") and "/" not in base:
            base = _BUILT_IN.get(base, f"{package}/{base}")
        size = None if array is None else int(array[1:-1]) if array[1:-1].isdigit() else -1
        found.append(Field(match["name"], base, size))
    return tuple(found)


def check(data: bytes, of: Layout) -> None:
    """DamagedError where bytes are no message of a layout."""
    _values(data, of)


def _values(data: bytes, of: Layout) -> dict[str, Any]:
    try:
        return _Reader(data, of).message("", 0)
    except (struct.error, IndexError, UnicodeDecodeError, KeyError) as error:
        raise DamagedError(f"a message that is not as its definition says ({error})") from error


def converted(data: bytes, old: Layout, new: Layout, version: int, set_to: Mapping[str, str]) -> bytes:
    """A serialised message of one layout in another one, with the given texts in its own (not its parts') fields.

    version: what every field `schema_version` says in the end. DamagedError where the bytes are no such message.
    """
    values = _values(data, old)
    values |= {name: text for name, text in set_to.items() if any(field.name == name for field in new[""])}
    writer = _Writer(new, version)
    writer.message("", values)
    return bytes(writer.out)


class _Reader:
    """Values by the names of fields; arrays of numbers stay bytes."""

    def __init__(self, data: bytes, of: Layout) -> None:
        if len(data) < 4 or not data[1] & 1:
            raise DamagedError("a message that is not little-endian CDR")
        self.data, self.of, self.at = data, of, 4

    def message(self, kind: str, depth: int) -> dict[str, Any]:
        if depth > DEEPEST:
            raise DamagedError("messages within each other without end")
        return {field.name: self._field(field, depth) for field in self.of[kind]}

    def _field(self, field: Field, depth: int) -> Any:
        if field.size is None:
            return self._one(field.type, depth)
        count = self._number("I") if field.size < 0 else field.size
        if count > MOST:
            raise DamagedError(f"a sequence of {count}")
        if field.type in _CODES:
            return self._block(_CODES[field.type], count)
        return [self._one(field.type, depth) for _ in range(count)]

    def _one(self, kind: str, depth: int) -> Any:
        if kind in _CODES:
            return self._number(_CODES[kind])
        return self._text() if kind == "string" else self.message(kind, depth + 1)

    def _align(self, size: int) -> None:
        self.at += -(self.at - 4) % size

    def _number(self, code: str) -> Any:
        self._align(struct.calcsize(code))
        (found,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(code)
        return found

    def _block(self, code: str, count: int) -> bytes:
        size = struct.calcsize(code)
        if count:
            self._align(size)
        found = self.data[self.at : self.at + count * size]
        if len(found) < count * size:
            raise DamagedError(f"{len(found)} of {count * size} bytes")
        self.at += count * size
        return found

    def _text(self) -> str:
        size = self._number("I")
        found = self.data[self.at : self.at + size]
        if len(found) < size:
            raise DamagedError(f"a text of {size} bytes, where {len(found)} are left")
        self.at += size
        return found[:-1].decode()


class _Writer:
    """The other way."""

    def __init__(self, of: Layout, version: int) -> None:
        self.of, self.version, self.out = of, version, bytearray(b"\0\1\0\0")

    def message(self, kind: str, values: Mapping[str, Any]) -> None:
        for field in self.of[kind]:
            value = self.version if field.name == VERSION else values.get(field.name)
            if field.size is None:
                self._one(field.type, value)
            else:
                self._many(field, value)

    def _one(self, kind: str, value: Any) -> None:
        if kind in _CODES:
            self._number(_CODES[kind], value or 0)
        elif kind == "string":
            encoded = (value or "").encode() + b"\0"
            self._number("I", len(encoded))
            self.out += encoded
        else:
            self.message(kind, value or {})

    def _many(self, field: Field, value: Any) -> None:
        code = _CODES.get(field.type, "B")
        count = field.size if field.size is not None and field.size >= 0 else len(value or ()) // _width(field.type)
        if field.size == -1:
            self._number("I", count)
        if field.type in _CODES:
            if count:
                self._align(struct.calcsize(code))
            self.out += value or bytes(count * struct.calcsize(code))
        else:
            for item in value or [None] * count:
                self._one(field.type, item)

    def _align(self, size: int) -> None:
        self.out += bytes(-(len(self.out) - 4) % size)

    def _number(self, code: str, value: Any) -> None:
        self._align(struct.calcsize(code))
        self.out += struct.pack(f"<{code}", value)


def _width(kind: str) -> int:
    """Bytes of an element of a block; 1 where elements are counted."""
    return struct.calcsize(_CODES[kind]) if kind in _CODES else 1
