"""Which way is up by the accelerometer beside a recorded camera. Imports no ROS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.observation import SECOND
from fail2progress.core.scene import Array
from fail2progress.ros.bags.cdr import Cdr, DamagedError
from fail2progress.ros.bags.info import BagInfo
from fail2progress.ros.bags.reader import read

IMU = "sensor_msgs/msg/Imu"
AROUND = SECOND // 4
"""Nanoseconds before and after an image over which readings are averaged."""
_REST = (7.0, 13.0)
"""m/s^2 between which the mean reading of a camera that is at rest, or nearly so, lies."""
_BEFORE = 9 + 3 + 9 + 4
"""Doubles of a message before its linear acceleration: orientation, angular velocity, and their covariances."""


class Gravity:
    """Readings of the first IMU of a bag whose frame is an optical one: its axes are those of the images."""

    def __init__(self, bag: BagInfo) -> None:
        names = {topic.name for topic in bag.topics if topic.type == IMU and topic.count}
        found: dict[str, list[tuple[int, Array]]] = {}
        for item in read(bag.path) if names else ():
            if item.topic in names:
                try:
                    stamp, frame, reading = reading_of(item.data)
                except DamagedError:
                    continue
                if "optical" in frame:
                    found.setdefault(item.topic, []).append((stamp, reading))
        rows = sorted(next(iter(found.values()), []), key=lambda row: row[0])
        self._stamps: NDArray[np.int64] = np.array([stamp for stamp, _ in rows], np.int64)
        self._readings = np.array([reading for _, reading in rows]).reshape(-1, 3)

    def up(self, stamp: int) -> Array | None:
        """(3,) unit vector in the optical frame at a time (ns): what a thing at rest is pushed along. None where nothing was read
        around then, or the camera was not at rest."""
        near = np.abs(self._stamps - stamp) <= AROUND
        if not near.any():
            return None
        mean = self._readings[near].mean(axis=0)
        size = float(np.linalg.norm(mean))
        return mean / size if _REST[0] < size < _REST[1] else None


def reading_of(data: bytes) -> tuple[int, str, Array]:
    """Stamp (ns), frame and linear acceleration (3,) m/s^2 of a serialised Imu; DamagedError for another message."""
    cdr = Cdr(data)
    stamp, frame = cdr.header()
    values = np.array(cdr.numbers("d", _BEFORE + 3), float)
    if not np.isfinite(values[-3:]).all():
        raise DamagedError("an acceleration that is no number")
    return stamp, frame, values[-3:]
