"""Where a recorded robot's joints were. Imports no ROS."""

from __future__ import annotations

import numpy as np

from fail2progress.core.observation import SECOND
from fail2progress.ros.bags.cdr import Cdr, DamagedError
from fail2progress.ros.bags.info import BagInfo
from fail2progress.ros.bags.reader import read
from fail2progress.ros.bags.recorded import CDR

JOINTS = "sensor_msgs/msg/JointState"
_AROUND = SECOND // 5
"""Nanoseconds by which joint states may be older or newer than an image."""
_MOST = 1000
"""Joints of one message."""


class Joints:
    """The joint states of a bag: those of several topics together, each joint by its newest."""

    def __init__(self, bag: BagInfo) -> None:
        names = {topic.name for topic in bag.topics if topic.type == JOINTS and topic.serialization == CDR}
        rows: list[tuple[int, dict[str, float]]] = []
        for item in read(bag.path) if names else ():
            if item.topic in names:
                try:
                    stamp, positions = positions_of(item.data)
                    rows.append((stamp or item.time, positions))
                except DamagedError:
                    continue
        rows.sort(key=lambda row: row[0])
        self._stamps = np.array([stamp for stamp, _ in rows], np.int64)
        self._positions = [positions for _, positions in rows]

    def at(self, stamp: int) -> dict[str, float]:
        """Positions (m, rad) by name at a time (ns): the nearest of each joint; empty where nothing was said around then."""
        near = np.flatnonzero(np.abs(self._stamps - stamp) <= _AROUND)
        found: dict[str, float] = {}
        for row in sorted(near.tolist(), key=lambda row: -abs(int(self._stamps[row]) - stamp)):
            found.update(self._positions[row])
        return found


def positions_of(data: bytes) -> tuple[int, dict[str, float]]:
    """Stamp (ns) and positions by name of a serialised JointState; DamagedError for another message."""
    cdr = Cdr(data)
    stamp, _ = cdr.header()
    names = [cdr.text() for _ in range(_count(cdr))]
    values = cdr.numbers("d", _count(cdr))
    return stamp, {name: value for name, value in zip(names, values, strict=False) if np.isfinite(value)}


def _count(cdr: Cdr) -> int:
    count = int(cdr.number("I"))
    if count > _MOST:
        raise DamagedError(f"{count} joints")
    return count
