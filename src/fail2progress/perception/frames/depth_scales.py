"""What a camera's file says of a step of depth, under whatever name and wherever in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fail2progress.perception.frames.camera_keys import mappings, number, words
from fail2progress.perception.segmentation.base import PerceptionError

UNIT_KEY = "depth_unit_m"
_SAYS = ("scal", "factor", "unit", "divi", "multipl")
"""A key that speaks of depth and has a word with one of these in it, or that it is brought to metres, says what a step is, ..."""
_ELSE = (
    *("noise", "down", "up", "sub", "resize", "mode", "type", "known", "loss", "weight", "aug", "jitter", "color", "colour"),
    *("alpha", "beta", "vis", "view", "display", "plot", "sampl", "error", "sigma", "std", "range", "clip", "trunc", "layer"),
    *("net", "head", "decoder", "encoder", "model", "pyramid", "init", "learn", "log", "auto", "baseline", "disparity", "bf"),
)
"""... but for those with a word that begins with one of these, which speak of something else."""
_NAME = re.compile(
    r"(png|rgbd|camera|cam|integer|raw|sensor|image|map|frame|stream|preprocessing|dataset|data|depth|intrinsics?|params?|info"
    r"|settings|metadata|z|16|units?|scale|scaling|factor|divisor|divider|multiplier|value|in|to|per|by"
    r"|m|met(er|re)s?|mm|millimet(er|re)s?|um|micromet(er|re)s?|microns?)+"
)
"""Words of which the name of one consists that is understood."""
_MICROMETRES, _MILLIMETRES, _METRES = ("um", "micro"), ("mm", "millim"), ("meter", "metre")
_BARE = "scale"
"""Replica's name, beside the camera's numbers; below so many steps a metre it is one of something else."""
_STEPS = 100
_LONGEST = 0.05
"""Metres that a step is at most where the name says a part of a metre."""
_WORDS = {
    **dict.fromkeys(("m", "meter", "metre"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 0.01),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 0.001),
}
_SAME = 0.01
"""Share by which two scales differ at most that say the same."""


@dataclass(frozen=True)
class _Scale:
    """One of them; name: its key, after that of depth where it does not speak of it."""

    key: str
    name: str
    value: Any


def is_scale(key: str) -> bool:
    """Whether a key is a name for a scale of depth."""
    return key == UNIT_KEY or (_speaks(key) and _understood(key))


def _speaks(key: str) -> bool:
    parts = words(key)
    if not any("depth" in part for part in parts):
        return False
    to_metres = "to" in parts and (parts[-1] == "m" or parts[-1].startswith(_METRES))
    told = to_metres or any(sign in part for part in parts for sign in _SAYS)
    return told and not any(part.startswith(_ELSE) for part in parts)


def _understood(name: str) -> bool:
    return _NAME.fullmatch("".join(words(name))) is not None


def _scales(tree: object) -> Iterator[_Scale]:
    """All that is said in a file's content of what a step is; a scale in a mapping of depth is one of it."""
    for levels in mappings(tree):
        path, fields = levels[-1]
        of_depth = next((key for key in reversed(path[-2:]) if "depth" in key.lower() and _understood(key)), None)
        for key, value in fields.items():
            name = key if "depth" in key.lower() or of_depth is None else f"depth_{key}"
            if key != UNIT_KEY and _speaks(name) and not isinstance(value, (bool, Mapping, list, tuple, type(None))):
                yield _Scale(".".join((*path[-1:], key)) if name != key else key, name, value)


def unit_in(tree: object, own: Mapping[str, Any], source: str, realsense: bool = False) -> tuple[float | None, bool]:
    """Metres of a step of depth, None where a file's content does not say; and whether a scale says it, and no unit.

    own: the fields of the camera of colours; realsense: whether the file is of one. PerceptionError for what is no unit, what is
    not understood, and for two that disagree.
    """
    units = [fields[UNIT_KEY] for levels in mappings(tree) for _, fields in levels[-1:] if UNIT_KEY in fields]
    if units:
        found = {_given(unit, source) for unit in units}
        if len(found) > 1:
            raise PerceptionError(f"{source}: {UNIT_KEY} stands in it with several values: {', '.join(map(str, units))}")
        return found.pop(), False
    scales = [scale for scale in _scales(tree) if not (isinstance(scale.value, str) and not scale.value.strip())]
    counted = [scale for scale in scales if number(scale.value) is not None]
    if counted:
        return _agreed(counted, "cam_K" in own, realsense, source), True
    named = {scale.key: scale.value for scale in scales if isinstance(scale.value, str)}
    if any(_word(text) in _WORDS for text in named.values()):
        return next(_WORDS[_word(text)] for text in named.values() if _word(text) in _WORDS), True
    bare = own.get(_BARE)
    if isinstance(bare, (int, float)) and not isinstance(bare, bool) and bare >= _STEPS:
        return _checked(1 / bare, source), True
    for key, text in named.items():
        known = f"{', '.join(_WORDS)}, or a number"
        raise PerceptionError(f"{source}: {key} is {text[:40]!r}, which is no known unit of depth; write one of {known}")
    for scale in scales:
        raise _no_number(source, scale.key, scale.value)
    return None, True


def _given(value: object, source: str) -> float:
    unit = number(value)
    if unit is None or not abs(unit) < 1e9:
        raise _no_number(source, UNIT_KEY, value)
    return _checked(unit, source)


def _no_number(source: str, key: str, value: object) -> PerceptionError:
    text = f"the text {value[:40]!r}" if isinstance(value, str) else str(value)[:40]
    return PerceptionError(f"{source}: {key} must be a number below 1e9, the metres of one step of depth, got {text}")


def _checked(unit: float, source: str) -> float:
    if not 0 < unit <= 1:
        raise PerceptionError(f"{source}: one step of depth must be between 0 and 1 m, got {unit:g}")
    return unit


def _agreed(scales: list[_Scale], bop: bool, realsense: bool, source: str) -> float:
    """Metres of a step by scales that are numbers; a factor of 1 beside another changes nothing, nor does one that is not
    understood beside one that is: a greatest scale, or a factor of its coding. PerceptionError where two disagree, or where none
    is understood."""
    several = [scale for scale in scales if number(scale.value) != 1.0] or scales
    several = [scale for scale in several if _understood(scale.name)] or several
    found = [(scale, _metres(scale, bop, realsense, source)) for scale in several]
    (first, unit), *rest = found
    for other, another in rest:
        if abs(another / unit - 1) > _SAME:
            raise PerceptionError(
                f"{source}: {first.key} = {first.value} and {other.key} = {other.value} say that a step of depth is {unit:g} m"
                f" and {another:g} m; write which is right as {UNIT_KEY}"
            )
    return unit


def _metres(scale: _Scale, bop: bool, realsense: bool, source: str) -> float:
    """Of a scale, by its name and its size: steps a metre (TUM: 5000), metres a step (RealSense: 0.001), or millimetres a step
    (BOP: 1.0, 0.1). No sensor has values that two of these could share."""
    value, parts = number(scale.value), words(scale.name)
    assert value is not None
    if not _understood(scale.name) or not abs(value) < 1e9 or value <= 0:
        hint = f"write the metres of one step of depth as {UNIT_KEY}"
        raise PerceptionError(f"{source}: it is not understood what {scale.key} = {scale.value} says of a step of depth; {hint}")
    of_metres = any(part == "m" or part.startswith(_METRES) for part in parts)
    if any(part.startswith(_MICROMETRES) for part in parts) or (realsense and "units" in parts and value >= _STEPS):
        unit = value * 1e-6
    elif any(part.startswith(_MILLIMETRES) for part in parts):
        unit = value / 1000
    elif value >= _STEPS or any(part.startswith("divi") for part in parts):
        unit = 1 / value
    elif of_metres or (value <= 0.005 and not bop):
        return _checked(value, source)
    else:
        return _checked(value / 1000, source)
    if unit > _LONGEST:
        raise PerceptionError(
            f"{source}: {scale.key} = {scale.value} would be {unit:g} m a step of depth, which no camera has; write {UNIT_KEY}"
        )
    return unit


def _word(unit: str) -> str:
    return unit.strip().lower().removesuffix("s")
