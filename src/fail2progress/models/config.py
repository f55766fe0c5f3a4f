"""Configurations of models: what a checkpoint writes down and reads back, checked."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

from fail2progress.core.names import unknown

Config = TypeVar("Config", bound="ModelConfig")
_LARGEST = 4096


@dataclass(frozen=True)
class ModelConfig:
    """Switches, whole numbers from 1 on, numbers and names. A model's own is a frozen dataclass with defaults for all of them."""

    largest: ClassVar[Mapping[str, int]] = {}
    """Bounds of whole numbers: a configuration beyond these is damage, and shall not take the memory that it asks for."""

    def to_dict(self) -> dict[str, object]:
        """For the checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls: type[Config], values: Mapping[str, Any]) -> Config:
        """Read back; a whole number does where another one may stand: other programs write 20.0 as 20. ValueError names what does
        not fit."""
        defaults = {field.name: field.default for field in fields(cls)}
        for name in values:
            if name not in defaults:
                raise ValueError(unknown("setting", name, list(defaults)))
        config = cls(**{name: _as(value, defaults[name]) for name, value in values.items()})
        config.check()
        return config

    def check(self) -> None:
        """ValueError where a value is of another kind than its default, or out of bounds."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not _fits(value, field.default, self.largest.get(field.name, _LARGEST)):
                raise ValueError(f"{field.name} = {value!r}: {_wanted(field.default, self.largest.get(field.name, _LARGEST))}")


def _wanted(default: object, largest: int) -> str:
    """What would fit, in words."""
    if isinstance(default, bool):
        return "true or false is expected"
    if isinstance(default, int):
        return f"a whole number from 1 to {largest} is expected"
    return "a number is expected" if isinstance(default, float) else "a text is expected"


def _as(value: object, default: object) -> object:
    """A whole number as one with a point where the default is one, and the number can be."""
    if isinstance(default, float) and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    return value


def _fits(value: object, default: object, largest: int) -> bool:
    if type(value) is not type(default):
        return False
    if isinstance(value, (bool, str)):
        return True
    if isinstance(value, int):
        return 1 <= value <= largest
    return isinstance(value, float) and math.isfinite(value)
