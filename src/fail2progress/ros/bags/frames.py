"""RGB-D frames of a recording's camera. Imports no ROS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.observation import SECOND
from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.perception.frames.distortion import Lens, lens_of, straight
from fail2progress.ros import graph
from fail2progress.ros.bags.cdr import Cdr, DamagedError
from fail2progress.ros.bags.encodings import ENCODINGS, as_rgb
from fail2progress.ros.bags.gravity import Gravity
from fail2progress.ros.bags.info import BagInfo
from fail2progress.ros.bags.pictures import COMPRESSED, DEEP, decoded, in_metres
from fail2progress.ros.bags.playback import messages
from fail2progress.ros.bags.recorded import Recorded
from fail2progress.ros.bags.topics import COLOUR, DEPTH, INFO

_FARTHEST = 100.0
"""Metres beyond which a depth is no reading."""
_WAITING = 30
"""Images that are kept for the other one of their moment."""
_REASONS = 3
"""Of damage to messages of one kind, that are told."""
_SHORT = {COLOUR: "colour", DEPTH: "depth", INFO: "camera info"}


Passed = Counter[tuple[str, str]]
"""How many messages gave no frame: by what they are ("colour", "depth", "camera info") and why."""


def frames(bag: BagInfo, slop: float = graph.SLOP, every: int = 1, passed: Passed | None = None) -> Iterator[RgbdFrame]:
    """Each pair of a colour and a depth image whose stamps differ by no more than `slop` seconds; the first of every so many.

    Frames have no pose: the camera's place is worked out from the table. Which way is up they know where an IMU beside the camera
    was recorded. Distortion that is known is undone. Damaged messages and images without another one of their moment are passed
    over, and counted in `passed`.
    """
    passed = Counter() if passed is None else passed
    pairs, number, gravity = _Pairs(round(slop * SECOND), passed), 0, Gravity(bag)
    for item in messages(bag):
        name = bag.played[item.topic]
        if name not in (COLOUR, DEPTH, INFO):
            continue
        try:
            found = pairs.taken(name, _plain(item, name, bag.unit))
        except (DamagedError, ValueError) as error:
            passed[_SHORT[name], _unread(passed, _SHORT[name], str(error))] += 1
            continue
        if found is not None:
            if number % every == 0:
                found, up = straight(found, pairs.lens), gravity.up(found.stamp)
                yield found if up is None else replace(found, up=up, up_source="the IMU")
            number += 1
    pairs.end()


def _unread(passed: Passed, what: str, error: str) -> str:
    """Why a message cannot be read: damage can be told of each one in other words, of which a few are enough."""
    why, told = f"cannot be read: {error}", [why for one, why in passed if one == what and why.startswith("cannot be read: ")]
    return why if why in told or len(told) < _REASONS else "cannot be read, each for another reason"


def _plain(item: Recorded, name: str, unit: float | None) -> bytes:
    """The message, decoded where it is compressed; depth in metres where 1 stands for so many."""
    plain = decoded(item.data) if item.type == COMPRESSED else item.data
    return in_metres(plain, unit) if name == DEPTH and unit is not None else plain


@dataclass
class _Pairs:
    """Images that wait for the other one of their moment, by stamp (ns), and the camera that was last told of."""

    slop: int
    passed: Passed
    camera: Intrinsics | None = None
    lens: Lens | None = None
    waiting: dict[str, dict[int, NDArray[np.generic]]] = field(default_factory=lambda: {COLOUR: {}, DEPTH: {}})

    def taken(self, name: str, data: bytes) -> RgbdFrame | None:
        """One message more; a frame where it is the last that one needs."""
        if name == INFO:
            self.camera, self.lens = camera_of(data)
        else:
            stamp, pixels = pixels_of(data)
            images = self.waiting[name]
            if stamp in images:
                self.passed[_SHORT[name], "another one has the same stamp"] += 1
            images[stamp] = pixels
            if len(images) > _WAITING:
                del images[min(images)]
                self._alone(name, 1)
        return self._frame()

    def end(self) -> None:
        """Nothing comes any more for those that wait."""
        for name, images in self.waiting.items():
            self._alone(name, len(images))

    def _alone(self, name: str, count: int) -> None:
        other = _SHORT[DEPTH if name == COLOUR else COLOUR]
        lacks = f"no {other} image within {self.slop / SECOND:g} s of it" if self.camera is not None else "no camera info"
        if count:
            self.passed[_SHORT[name], lacks] += count

    def _frame(self) -> RgbdFrame | None:
        if self.camera is None:
            return None
        for stamp, colour in sorted(self.waiting[COLOUR].items()):
            near = min(self.waiting[DEPTH], key=lambda other: abs(other - stamp), default=None)
            if near is None or abs(near - stamp) > self.slop:
                continue
            depth = self.waiting[DEPTH][near]
            for name, last in ((COLOUR, stamp), (DEPTH, near)):
                later = {other: pixels for other, pixels in self.waiting[name].items() if other > last}
                self._alone(name, len(self.waiting[name]) - len(later) - 1)
                self.waiting[name] = later
            return RgbdFrame(np.asarray(colour, np.uint8), metres(depth), self.camera, stamp=stamp)
        return None


def pixels_of(data: bytes) -> tuple[int, NDArray[np.generic]]:
    """Stamp (ns) and pixels of a serialised Image: (H, W, 3) uint8 RGB, or (H, W). DamagedError or ValueError for another."""
    cdr = Cdr(data)
    stamp, _ = cdr.header()
    height, width = cdr.numbers("I", 2)
    encoding, big, step = cdr.text(), cdr.number("B"), int(cdr.number("I"))
    if encoding not in ENCODINGS:
        raise DamagedError(f"an image of the encoding {encoding!r}")
    kind, channels = ENCODINGS[encoding]
    content, row = np.frombuffer(cdr.content(), np.uint8), width * channels * np.dtype(kind).itemsize
    if not height * width or step < row or content.size < step * height:
        raise DamagedError(f"an image of {width} x {height} pixels with {content.size} bytes")
    order = np.dtype(kind).newbyteorder(">" if big else "<")
    rows = np.ascontiguousarray(content[: step * height].reshape(height, step)[:, :row])
    return stamp, as_rgb(rows.view(order).astype(kind, copy=False).reshape(height, width, channels), encoding)


def metres(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    """(H, W) m, 0 for no reading: whole numbers are millimetres, others metres (REP-118)."""
    scale = np.float32(0.001 if pixels.dtype.itemsize == np.dtype(DEEP["16UC1"]).itemsize else 1.0)
    depth = pixels.astype(np.float32) * scale
    return np.where((depth > 0) & (depth <= _FARTHEST), depth, np.float32(0))


def camera_of(data: bytes) -> tuple[Intrinsics, Lens | None]:
    """The pinhole of a serialised CameraInfo, and its lens. DamagedError or ValueError where it is none."""
    cdr = Cdr(data)
    cdr.header()
    height, width = cdr.numbers("I", 2)
    lens = lens_of(cdr.text(), cdr.numbers("d", int(cdr.number("I"))))
    k = cdr.numbers("d", 9)
    return Intrinsics(int(width), int(height), *(float(k[i]) for i in (0, 4, 2, 5))), lens
