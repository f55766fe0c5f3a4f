"""What the public functions take: a ValueError names what was given in place of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def require(value: object, kinds: type | tuple[type, ...], name: str, expected: str) -> None:
    """ValueError where a value is of no such kind."""
    if not isinstance(value, kinds):
        raise ValueError(f"{name} must be {expected}, got {told(value)}")


def several(value: object, name: str, expected: str) -> list[Any]:
    """What a list, or anything else that gives one after the other, holds; ValueError for what does not, a text, or a mapping."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise ValueError(f"{name} must be {expected}, got {told(value)}")
    return list(value)


def require_whole(value: object, name: str, least: int = 0) -> None:
    """ValueError where a value is no whole number from `least` on."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {told(value)}")


def require_seconds(value: object, name: str) -> None:
    """ValueError where a value is no number from 0 on; it may be infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not value >= 0:
        raise ValueError(f"{name} must be a number of seconds, 0 or more, got {told(value)}")


def plain(value: object) -> object:
    """The same with numbers and lists of Python in place of what is NumPy's, in mappings, lists and tuples as well."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return tuple(plain(part) for part in value) if isinstance(value, tuple) else value


def told(value: object) -> str:
    """A value in a few words."""
    if isinstance(value, (np.ndarray, np.generic)):
        return f"an array of {value.shape}" if value.shape else repr(value.item())
    if value is None or isinstance(value, (str, int, float, tuple, list, dict, Path)):
        text = repr(value)
        return text if len(text) <= 80 else f"{text[:77]}..."
    return f"a {type(value).__name__}"
