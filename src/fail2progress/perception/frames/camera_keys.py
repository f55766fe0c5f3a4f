"""Keys of camera files as words, however programs write them, and whose camera the words speak of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Any

import numpy as np

from fail2progress.perception.segmentation.base import PerceptionError

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan", re.IGNORECASE)
_NAMING = ("name", "type", "stream", "file_path")
"""Keys that say which of a list an entry is."""
_LARGEST = 1e300
"""Integers may have any number of digits."""
_DEEPEST = 12
"""Levels down to which a file is looked through."""


class Whose(IntEnum):
    """Which camera the words of a key speak of, the one of colours first."""

    COLOUR = 0
    UNSAID = 1
    DEPTH = 2
    INFRARED = 3
    OTHER = 4


_PREFIXES = ((Whose.DEPTH, ("depth",)), (Whose.INFRARED, ("infra",)), (Whose.COLOUR, ("color", "colour")))
_WHOLE = (
    (Whose.INFRARED, ("ir", "tof")),
    (Whose.OTHER, ("right", "projector", "event", "thermal", "imu")),
    (Whose.COLOUR, ("rgb",)),
)
"""Words by how they begin, and whole ones."""
_ALIGNED = ("aligned", "registered")
"""Words for depth that was brought into the view of another camera, and has its numbers."""


@lru_cache(maxsize=1 << 16)
def words(key: str) -> tuple[str, ...]:
    """The words and numbers of a key in small letters: depthScale, depth_scale and Depth.Scale are the same two."""
    return tuple(word.lower() for word in _WORD.findall(key))


@lru_cache(maxsize=1 << 16)
def joined(key: str) -> str:
    """These words in one."""
    return "".join(words(key))


def of_word(word: str) -> Whose:
    """Whose camera one word speaks of."""
    kinds = [whose for whose, starts in _PREFIXES if word.startswith(starts)]
    kinds += [whose for whose, whole in _WHOLE if word in whole]
    return max(kinds, default=Whose.UNSAID)


def whose(keys: Iterable[str]) -> Whose:
    """Whose camera lies under these keys, one in the other; depth that was aligned to colour has the camera of colour."""
    found = [word for key in keys for word in words(key)]
    kinds = {of_word(word) for word in found} - {Whose.UNSAID}
    if Whose.DEPTH in kinds and any(word in _ALIGNED for word in found):
        return Whose.UNSAID
    return max(kinds, default=Whose.UNSAID)


def number(value: object) -> float | None:
    """A number, or the text of one; None for anything else."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > _LARGEST:
        return None
    return float(value)


def numbers(value: object) -> list[float] | None:
    """Those of a list, of lists in a list, of an array or of a text; None where it holds anything else."""
    if isinstance(value, np.ndarray):
        return [float(one) for one in value.ravel()] if value.size <= 16 and value.dtype.kind in "iuf" else None
    if isinstance(value, str):
        value = re.sub(r"[][(),;]", " ", value).split()
    if not isinstance(value, (list, tuple)) or len(value) > 16:
        return None
    found = list[float]()
    for one in value:
        inner = numbers(one) if isinstance(one, (list, tuple)) else number(one)
        if inner is None:
            return None
        found += inner if isinstance(inner, list) else [inner]
    return found


Levels = tuple[tuple[tuple[str, ...], Mapping[str, Any]], ...]
"""Mappings one in the other, each with the keys that it lies under."""


def mappings(node: object, above: Levels = (), path: tuple[str, ...] = ()) -> Iterator[Levels]:
    """All mappings of a file's content, each after those that it lies in; entries of lists lie under what they are called."""
    if len(path) > _DEEPEST:
        return
    if isinstance(node, Mapping):
        levels = (*above, (path, node))
        yield levels
        for key, value in node.items():
            yield from mappings(value, levels, (*path, str(key)))
    elif isinstance(node, (list, tuple)):
        for place, one in enumerate(node):
            if isinstance(one, Mapping):
                yield from mappings(one, above, (*path, _called(one, place)))


def _called(entry: Mapping[str, Any], place: int) -> str:
    names = (entry[key] for key in _NAMING if isinstance(entry.get(key), str))
    return next((name for name in names if name), f"[{place}]")


def plain(node: object) -> object:
    """A file's content with texts for keys, and OpenCV's matrices (rows, cols, data) as lists. PerceptionError for what lies too
    deep, or has one key twice."""
    if isinstance(node, Mapping):
        data = node.get("data")
        if {"rows", "cols"} <= set(node) and isinstance(data, (list, tuple, str)):
            return numbers(data) or data if isinstance(data, str) else plain(data)
        found = {str(key): plain(value) for key, value in node.items()}
        if len(found) < len(node):
            raise PerceptionError("one key stands there twice, as a number and as a text")
        return found
    return [plain(one) for one in node] if isinstance(node, (list, tuple)) else node
