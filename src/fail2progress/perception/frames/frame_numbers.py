"""Which images of colour and depth are of one frame by the numbers in their names: running ones, and stamps."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TOGETHER = 0.02
"""Seconds between the stamps of two images of one moment, at most; as TUM RGB-D pairs them."""
_STAMP = re.compile(r"\d{9,}(?:\.\d+)?")
"""Seconds since 1970, or thousandths, millionths or billionths of them, or of a clock that began with the recording."""
_SECONDS = 10
"""Digits of seconds since 1970."""
_BITS = {8, 16, 24, 32}
"""Of a pixel: rgb8 and depth16 are no numbers of frames."""


@dataclass(frozen=True)
class _Named:
    """A file, the whole numbers in its name, and its stamp (s), if there is one."""

    path: Path
    numbers: tuple[int, ...]
    stamp: float | None


def by_numbers(pictures: Sequence[Path], readings: Sequence[Path]) -> list[tuple[str, Path, Path]]:
    """Names, colour and depth of those whose numbers are all the same, however they are written, but for stamps; where there are
    no others, of those whose stamps are nearest and near enough. None where two files of a kind cannot be told apart."""
    colours, depths = ([_read(path) for path in paths] for paths in (pictures, readings))
    if all(one.numbers for one in (*colours, *depths)):
        known = {one.numbers: one.path for one in depths}
        whole = len(known) == len({path.stem for path in readings}) and len({one.numbers for one in colours}) == len(colours)
        return [(one.path.stem, one.path, known[one.numbers]) for one in colours if one.numbers in known] if whole else []
    return _by_moment(colours, depths)


def _by_moment(colours: Sequence[_Named], depths: Sequence[_Named]) -> list[tuple[str, Path, Path]]:
    """Each image of colour with the nearest one of depth."""
    there = sorted((one.stamp, one.path) for one in depths if one.stamp is not None)
    found = []
    for moment, path in ((one.stamp, one.path) for one in colours if one.stamp is not None and there):
        at = bisect_left(there, (moment, path))
        apart, other = min((abs(when - moment), other) for when, other in there[max(at - 1, 0) : at + 1])
        if apart <= TOGETHER:
            found.append((path.stem, path, other))
    return found


def contradict(one: str, other: str) -> bool:
    """Whether two names, without the words for their kinds, number other frames: 1 and 2, but not 1 and 0001, nor sizes."""
    both = [re.findall(r"\d+", name) for name in (one, other)]
    if [len(numbers) for numbers in both] != [1, 1] or any(_STAMP.fullmatch(numbers[0]) for numbers in both):
        return False
    first, second = (int(numbers[0]) for numbers in both)
    return first != second and not {first, second} <= _BITS


def _read(path: Path) -> _Named:
    stamps = _STAMP.findall(path.stem)
    rest = _STAMP.sub(" ", path.stem)
    return _Named(path, tuple(map(int, re.findall(r"\d+", rest))), _seconds(stamps[-1]) if stamps else None)


def _seconds(stamp: str) -> float:
    """Of a stamp in whatever unit: its whole digits tell."""
    digits = len(stamp.partition(".")[0].lstrip("0"))
    return float(stamp) * 0.001 ** max(round((digits - _SECONDS) / 3), 0)
