"""Which way is up by an IMU that was recorded beside the camera."""

from pathlib import Path

import numpy as np
import pytest

from fail2progress.ros.bags.frames import frames
from fail2progress.ros.bags.info import info
from support import recordings
from support.recordings import IMU, Rig

LEVEL = (0.0, -9.81, 0.0)
"""Read by a camera that is held upright: what it is pushed along is up, and y points down in the image."""


OPTICAL = "camera_imu_optical_frame"
Vector = tuple[float, float, float]


def said(tmp_path: Path, acceleration: Vector, frame: str = OPTICAL, stamped: bool = True) -> list[np.ndarray | None]:
    (true,) = recordings.simulated(1)
    times = range(recordings.BEGIN - recordings.PERIOD, recordings.BEGIN + 3 * recordings.PERIOD, recordings.PERIOD // 4)
    readings = [("/camera/imu", IMU, time, recordings.imu(time * stamped, acceleration, frame)) for time in times]
    images = list(Rig(unstamped=not stamped).say([true] * 2))
    path = recordings.write(tmp_path / "bag", sorted([*readings, *images], key=lambda item: item[2]))
    found = list(frames(info(path, source="camera").require()))
    assert len(found) == 2
    assert {frame.up_source for frame in found} == {"given" if found[0].up is None else "the IMU"}
    return [frame.up for frame in found]


@pytest.mark.parametrize(("acceleration", "up"), [(LEVEL, (0, -1, 0)), ((9.7, 0.0, -1.2), (0.992, 0, -0.123))])
def test_up_is_where_a_camera_at_rest_is_pushed_to(
    tmp_path: Path, acceleration: tuple[float, float, float], up: tuple[float, float, float]
) -> None:
    for found in said(tmp_path, acceleration):
        assert found is not None and found == pytest.approx(up, abs=0.01)


@pytest.mark.parametrize(
    ("acceleration", "frame"),
    [((0.0, -3.0, 0.0), OPTICAL), ((0.0, float("nan"), 0.0), OPTICAL), (LEVEL, "base_imu")],
)
def test_a_fall_a_broken_sensor_and_an_imu_of_the_base_say_nothing(
    tmp_path: Path, acceleration: tuple[float, float, float], frame: str
) -> None:
    assert said(tmp_path, acceleration, frame) == [None, None]


def test_readings_without_stamps_are_as_old_as_their_recording(tmp_path: Path) -> None:
    for found in said(tmp_path, LEVEL, stamped=False):
        assert found is not None and found == pytest.approx((0, -1, 0), abs=0.01)
