"""Why a thing of a frame is not found, and what is said to be one and is none: kinds of faults, counted, and their looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
JOINED, PARTED, PARTLY, UNSEEN, REFUSED, OF_NO_THING = (
    "joined to another thing",
    "in parts",
    "not all of it, or more",
    "not seen",
    "the frame refused",
    "of no thing",
)
FAULTS = (JOINED, PARTED, PARTLY, UNSEEN, REFUSED, OF_NO_THING)
_MOST = 0.5
"""Share of a thing that a segment has, or that all of its own segments have, from which it is a matter of where borders are."""
_OWN = 0.75
"""Share of a segment that is of one thing, from which it is that thing's own."""
_SEEN = 0.2
"""Share of a thing that is of any segment, below which it is not seen."""
_MARGIN = 40
"""Pixels around a fault that are shown."""
_KEPT = 6
"""Pictures of one kind of fault."""


@dataclass(frozen=True)
class Fault:
    """One, as it looks: colour (h, w, 3), found (h, w) numbers of segments, thing (h, w) what it is about; scene: its number."""

    kind: str
    scene: int
    how: str
    colour: NDArray[np.uint8]
    found: Numbers
    thing: NDArray[np.bool_]


@dataclass
class Faults:
    """Of many frames: how many of each kind by how things were put, and the first few to look at."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    shown: list[Fault] = field(default_factory=list)

    def add(self, kind: str, scene: int, how: str, colour: NDArray[np.uint8], found: Numbers, thing: NDArray[np.bool_]) -> None:
        """One more; images are of the whole frame."""
        assert kind in FAULTS, kind
        self.counts.setdefault(kind, Counter())[how] += 1
        if sum(fault.kind == kind for fault in self.shown) < _KEPT:
            window = _around(thing)
            self.shown.append(Fault(kind, scene, how, colour[window], found[window], thing[window]))

    def number(self, kind: str) -> int:
        """How many of a kind there are."""
        return self.counts[kind].total() if kind in self.counts else 0

    def as_json(self) -> dict[str, Mapping[str, int]]:
        """By kind, in the order of FAULTS."""
        return {kind: dict(sorted(self.counts[kind].items())) for kind in FAULTS if kind in self.counts}


def why_missed(found: Numbers, thing: NDArray[np.bool_]) -> str:
    """The kind of fault by which a thing (n,) is not found by segments (n,) of numbers from 1, over pixels with readings."""
    sizes = np.bincount(found)
    own = np.bincount(found[thing], minlength=len(sizes)).astype(float)
    own[0] = 0.0
    size = max(int(thing.sum()), 1)
    if own.sum() < _SEEN * size:
        return UNSEEN
    largest = int(own.argmax())
    if own[largest] >= _MOST * size and own[largest] < _OWN * sizes[largest]:
        return JOINED
    pure = own * (own >= _OWN * np.maximum(sizes, 1))
    if (pure > 0).sum() > 1 and pure.sum() >= _MOST * size:
        return PARTED
    return PARTLY


def of_no_thing(found: Numbers, things: Numbers) -> list[int]:
    """Numbers of segments (H, W) of which less than half is of any thing (H, W), numbered from 1: walls, arms, furniture, the
    support itself."""
    count = int(found.max())
    sizes = np.bincount(found.ravel(), minlength=count + 1)
    real = np.bincount(found.ravel(), (things > 0).ravel(), minlength=count + 1)
    return [number for number in range(1, count + 1) if sizes[number] and real[number] < _MOST * sizes[number]]


def _around(thing: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The window of a mask (H, W), with some pixels around; all of the image where there is nothing."""
    rows, columns = np.nonzero(thing)
    if not len(rows):
        return slice(None), slice(None)
    first = np.maximum([rows.min() - _MARGIN, columns.min() - _MARGIN], 0)
    return slice(int(first[0]), int(rows.max()) + _MARGIN), slice(int(first[1]), int(columns.max()) + _MARGIN)
