"""Which way is up by the accelerometer beside a camera, recorded or on the wire. Imports no ROS."""

from __future__ import annotations

from collections import deque

import numpy as np

from fail2progress.core.observation import SECOND
from fail2progress.core.scene import Array
from fail2progress.ros.bags.cdr import Cdr, DamagedError
from fail2progress.ros.bags.info import BagInfo
from fail2progress.ros.bags.reader import read
from fail2progress.ros.bags.recorded import CDR

IMU = "sensor_msgs/msg/Imu"
AROUND = SECOND // 4
"""Nanoseconds before and after an image over which readings are averaged."""
_REST = (7.0, 13.0)
"""m/s^2 between which the mean reading of a camera that is at rest, or nearly so, lies."""
_BEFORE = 9 + 3 + 9 + 4
"""Doubles of a message before its linear acceleration: orientation, angular velocity, and their covariances."""


class Readings:
    """Accelerations of one sensor whose frame is an optical one, so that its axes are those of the images; the last `most`."""

    def __init__(self, most: int | None = None) -> None:
        self._rows: deque[tuple[int, Array]] = deque(maxlen=most)

    def add(self, stamp: int, frame: str, reading: Array) -> bool:
        """A reading (3,) m/s^2 at a time (ns); whether it was taken: others say nothing of the image's axes."""
        usable = "optical" in frame and bool(np.isfinite(reading).all())
        if usable:
            self._rows.append((stamp, reading))
        return usable

    def __len__(self) -> int:
        return len(self._rows)

    def up(self, stamp: int) -> Array | None:
        """(3,) unit vector in the optical frame at a time (ns): what a thing at rest is pushed along. None where nothing was read
        around then, or the camera was not at rest."""
        near = [reading for at, reading in self._rows if abs(at - stamp) <= AROUND]
        if not near:
            return None
        mean = np.mean(near, axis=0)
        size = float(np.linalg.norm(mean))
        return mean / size if _REST[0] < size < _REST[1] else None


class Gravity:
    """Of a bag: of its first IMU whose frame is an optical one."""

    def __init__(self, bag: BagInfo) -> None:
        names = {topic.name for topic in bag.topics if topic.type == IMU and topic.serialization == CDR}
        found: dict[str, Readings] = {}
        for item in read(bag.path) if names else ():
            if item.topic in names:
                try:
                    stamp, frame, reading = reading_of(item.data)
                    found.setdefault(item.topic, Readings()).add(stamp or item.time, frame, reading)
                except DamagedError:
                    continue
        self._readings = next((readings for readings in found.values() if len(readings)), Readings())

    def up(self, stamp: int) -> Array | None:
        """See Readings."""
        return self._readings.up(stamp)


def reading_of(data: bytes) -> tuple[int, str, Array]:
    """Stamp (ns), frame and linear acceleration (3,) m/s^2 of a serialised Imu; DamagedError for another message."""
    cdr = Cdr(data)
    stamp, frame = cdr.header()
    values = np.array(cdr.numbers("d", _BEFORE + 3), float)
    if not np.isfinite(values[-3:]).all():
        raise DamagedError("an acceleration that is no number")
    return stamp, frame, values[-3:]
