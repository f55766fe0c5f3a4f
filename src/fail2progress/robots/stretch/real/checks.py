"""Everything about a Stretch that can be checked before its first motion; each finding says what to do. Nothing moves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fail2progress.robots.stretch.kinematics import TOOLS
from fail2progress.robots.stretch.real.calibration import Calibration, kinematics_of, read_calibration
from fail2progress.robots.stretch.real.driver import Clock, StretchDriver
from fail2progress.robots.stretch.real.joints import JOINTS, LOW_BATTERY, read, too_low, volts
from fail2progress.robots.stretch.real.motion import Rules
from fail2progress.robots.stretch.real.transport import Status, StretchTransport, TransportError

ROOM = 2 * 10**9
"""Bytes that an afternoon of failures, models and bags takes."""
SETTLE = 0.5
"""Seconds within which every joint is read anew."""
HOME = "run stretch_robot_home.py with free space around the robot"


@dataclass(frozen=True)
class Finding:
    """One check: whether it is as it must be, what was found, and what to do where it is not."""

    name: str
    good: bool
    said: str
    remedy: str = ""

    def to_dict(self) -> dict[str, object]:
        """For --json."""
        return {"check": self.name, "good": self.good, "said": self.said, "remedy": self.remedy or None}


def checks(
    variables: Mapping[str, str], state_dir: Path, connect: Callable[[], StretchTransport], clock: Clock
) -> Iterator[Finding]:
    """All checks in their order; those of devices only where the robot could be taken."""
    missing = [name for name in ("HELLO_FLEET_PATH", "HELLO_FLEET_ID") if name not in variables]
    shell = "log in as the robot's user, or: source /etc/hello-robot/hello-robot.conf"
    yield Finding(
        "robot's environment", not missing, f"not set: {', '.join(missing)}" if missing else "set", shell if missing else ""
    )
    there = find_spec("stretch_body") is not None
    pip = "" if there else "pip install 'fail2progress[stretch]'"
    yield Finding("stretch_body", there, "installed" if there else "missing", pip)
    yield _disk(state_dir)
    try:
        calibration = read_calibration(variables)
        yield _calibrated(calibration)
        robot = connect()
    except TransportError as error:
        said, _, remedy = str(error).partition(": ")
        yield Finding("devices", False, said, remedy or "see the robot's manual")
        return
    with _closing(robot):
        yield Finding("devices", True, "all answer")
        yield from _devices(robot, calibration, clock)


@contextmanager
def _closing(robot: StretchTransport) -> Iterator[None]:
    """Devices are let go of in the end, and no motion was asked for."""

    class Held:
        def close(self) -> None:
            robot.stop()

    with closing(Held()):
        yield


def _disk(state_dir: Path) -> Finding:
    there = next(folder for folder in (state_dir, *state_dir.absolute().parents) if folder.exists())
    if not os.access(there, os.W_OK):
        return Finding("state folder", False, f"{there} cannot be written to", "choose another one: --out FOLDER")
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.1f} GB free in {there}"
    return Finding(
        "state folder", free >= ROOM, said, "" if free >= ROOM else f"free {ROOM / 1e9:.0f} GB, or choose another: --out"
    )


def _calibrated(calibration: Calibration) -> Finding:
    good = calibration.urdf is not None
    remedy = "" if good else "run stretch_ros2's calibration; without it the camera is some centimetres off"
    return Finding("calibration", good, "the robot's own URDF" if good else "no URDF of this robot", remedy)


def _devices(robot: StretchTransport, calibration: Calibration, clock: Clock) -> Iterator[Finding]:
    known = robot.eoa_name in TOOLS
    yield Finding("tool", known, robot.eoa_name, "" if known else f"fit and configure one of: {', '.join(TOOLS)}")
    homed = robot.is_homed()
    yield Finding("homing", homed, "done" if homed else "not homed", "" if homed else HOME)
    try:
        driver = StretchDriver(robot, clock, Rules())
        before = driver.status()
        clock.sleep(SETTLE)
        status = driver.status()
    except Exception as error:  # stretch_body's devices raise what their cables and firmware make of it
        yield Finding("readings", False, f"{type(error).__name__}: {error}", "check cables: stretch_robot_system_check.py")
        return
    pressed = bool(status["pimu"]["runstop_event"])
    yield Finding("run-stop", not pressed, "pressed" if pressed else "released", "hold its button for 2 s" if pressed else "")
    yield from _battery(status)
    yield _fresh(before, status, robot)
    if known:
        yield _described(robot, calibration)
        yield _within(status, robot)


def _battery(status: Status) -> Iterator[Finding]:
    found = volts(status)
    if found is not None:
        good = not too_low(found)
        yield Finding("battery", good, f"{found:.1f} V", "" if good else f"charge it: less than {LOW_BATTERY} V")


def _fresh(before: Status, after: Status, robot: StretchTransport) -> Finding:
    """Whether every joint was read again meanwhile."""
    fitted = _fitted(robot)
    old = [name for name in fitted if read(after, JOINTS[name]).stamp == read(before, JOINTS[name]).stamp]
    said = f"stale: {', '.join(old)}" if old else f"{len(fitted)} joints, all new"
    return Finding("readings", not old, said, "check cables, then stretch_robot_system_check.py" if old else "")


def _described(robot: StretchTransport, calibration: Calibration) -> Finding:
    """Whether the lengths that its files say are those of such a robot."""
    try:
        kinematics_of(robot, calibration)
    except TransportError as error:
        said, _, remedy = str(error).rpartition(": ")
        return Finding("lengths", False, said, remedy)
    return Finding("lengths", True, "those of a Stretch RE2")


def _within(status: Status, robot: StretchTransport) -> Finding:
    """Whether every joint stands where skills may start from."""
    off = []
    for name in _fitted(robot):
        joint, at = JOINTS[name], read(status, JOINTS[name]).position
        if not joint.low - joint.tolerance <= at <= joint.high + joint.tolerance:
            off.append(f"{name} at {at:.3f}, outside [{joint.low:g}, {joint.high:g}]")
    return Finding("joints", not off, "; ".join(off) or "within their ranges", f"{HOME}" if off else "")


def _fitted(robot: StretchTransport) -> list[str]:
    """Joints that this robot has, the base's apart: it stands where it stands."""
    chain = {name for name in JOINTS if robot.end_of_arm.get_joint(name) is not None or robot.head.get_joint(name) is not None}
    return [name for name in JOINTS if name in chain | {"lift", "arm"}]
