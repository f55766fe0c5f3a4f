"""The few calls of stretch_body that drive a Stretch, and how to get hold of them.

`stretch_body.robot.Robot` 0.7.31 satisfies StretchTransport as it is; argument names and units are its own.
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

Status = Mapping[str, Any]
"""What `get_status()` gives: nested dictionaries by device, as stretch_body fills them."""


HOLDER = Path("/tmp/stretch_pid_dir/stretch_body_robot_pid.txt")
"""Where stretch_body keeps the number of the process that holds the robot, beside the lock itself."""


class TransportError(RuntimeError):
    """There is no Stretch to talk to; the message says what to do."""


class Stepper(Protocol):
    """A motor of base, lift or arm."""

    MODE_HOLD: int

    def set_command(self, mode: int | None = None, *, i_feedforward: float | None = None) -> None:
        """Queue a command. In MODE_HOLD the firmware keeps the motor where it is when the command arrives."""


class Prismatic(Protocol):
    """Lift or arm. Positions in metres from the lower stop."""

    @property
    def motor(self) -> Stepper:
        """What turns it."""

    @property
    def soft_motion_limits(self) -> Mapping[str, Any]:
        """`current`: lowest and highest position (m) by the robot's own calibration."""

    @property
    def i_feedforward(self) -> float:
        """Amperes that carry the joint's weight."""

    def move_to(self, x_m: float, v_m: float | None = None, a_m: float | None = None) -> None:
        """Queue a move; clips at the soft limits and does nothing, with a log line alone, where it is not homed."""


class Base(Protocol):
    """The differential drive."""

    @property
    def left_wheel(self) -> Stepper:
        """Its motor."""

    @property
    def right_wheel(self) -> Stepper:
        """Its motor."""

    def translate_by(self, x_m: float, v_m: float | None = None, a_m: float | None = None) -> None:
        """Queue a straight drive by metres, forwards positive."""

    def rotate_by(self, x_r: float, v_r: float | None = None, a_r: float | None = None) -> None:
        """Queue a turn on the spot by radians, counter-clockwise positive."""


class Servo(Protocol):
    """A Dynamixel of wrist, gripper or head."""

    @property
    def soft_motion_limits(self) -> Mapping[str, Any]:
        """`current`: lowest and highest position (rad) by the robot's own calibration."""

    def quick_stop(self) -> None:
        """Torque off and on again: it rests where it is. Acts at once, without push_command."""


class Errors(Protocol):
    """Counts of what went wrong on a bus."""

    @property
    def status(self) -> Mapping[str, Any]:
        """`n_gsr`: how often a reading of all its servos failed."""


class Chain(Protocol):
    """End of arm or head: servos on one bus."""

    @property
    def comm_errors(self) -> Errors:
        """Of its bus."""

    def move_to(self, joint: str, x_r: float, v_r: float | None = None, a_r: float | None = None) -> None:
        """Move a servo to radians, or the gripper to its per cent. Acts at once, or with the next push_command."""

    def get_joint(self, joint_name: str) -> Servo | None:
        """The servo of that name, if this tool has it."""


class Pimu(Protocol):
    """Power and inertia board: it holds the run-stop."""

    def runstop_event_trigger(self) -> None:
        """Queue the run-stop, which the motors' firmware obeys by itself."""


class StretchTransport(Protocol):
    """A Stretch. Commands to steppers go out together with push_command(), which follows every motion's commands."""

    @property
    def base(self) -> Base:
        """The wheels."""

    @property
    def lift(self) -> Prismatic:
        """Up and down."""

    @property
    def arm(self) -> Prismatic:
        """Out and in."""

    @property
    def head(self) -> Chain:
        """Pan and tilt."""

    @property
    def end_of_arm(self) -> Chain:
        """Wrist and gripper."""

    @property
    def pimu(self) -> Pimu:
        """The board with the run-stop."""

    @property
    def eoa_name(self) -> str:
        """The tool at the end of the arm, such as tool_stretch_dex_wrist."""

    def startup(self) -> bool:
        """Open the devices and start the threads that read them; False if one is missing or another process has them."""

    def stop(self) -> None:
        """Close the devices. This does not stop a motion that is under way."""

    def push_command(self) -> None:
        """Send what is queued. Calls closer than 12.5 ms may be dropped (rate limit of the motor sync)."""

    def get_status(self) -> Status:
        """What the reading threads last saw (15 to 25 Hz)."""

    def is_homed(self) -> bool:
        """Whether lift, arm and wrist know where they are."""


def connect(load: Callable[[], type[StretchTransport]] | None = None) -> StretchTransport:
    """The robot of this computer, started. Only in the main thread, as stretch_body sets signal handlers; they are set back.

    stretch_body is imported here and nowhere else: its import ends the process where no robot is configured.
    TransportError says what to do when there is none. The caller calls stop() in the end.
    """
    if threading.current_thread() is not threading.main_thread():
        raise TransportError("stretch_body sets signal handlers when it starts: call connect() in the main thread")
    robot = _construct(load or _robot_class)
    try:
        with _own_signals():
            started = robot.startup()
    except OSError as error:
        raise TransportError(
            f"the Stretch could not be taken ({error}): the folder of its lock may belong to another user, as after a container "
            f"of root's; remove it (sudo rm -r {HOLDER.parent})"
        ) from error
    if not started:
        robot.stop()
        raise TransportError(
            f"the Stretch did not start: {_holder()} (stretch_free_robot_process.py ends that one), "
            "or a device is missing (stretch_robot_system_check.py names it)"
        )
    return robot


def _holder() -> str:
    """Who holds the robot, as far as stretch_body has written it down."""
    try:
        number = int(HOLDER.read_text())
    except (OSError, ValueError):
        return "another process may hold it"
    if number == os.getpid() or not Path(f"/proc/{number}").exists():
        return "another process may hold it"
    return f"process {number} holds it"


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's handlers: stretch_body's raise an exception of its own wherever the main thread is."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _robot_class() -> type[StretchTransport]:
    robot: type[StretchTransport] = importlib.import_module("stretch_body.robot").Robot
    return robot


def _construct(load: Callable[[], type[StretchTransport]]) -> StretchTransport:
    try:
        return load()()
    except ImportError as error:
        raise TransportError(f"stretch_body cannot be imported ({error}): pip install 'fail2progress[stretch]'") from error
    except KeyError as error:
        raise TransportError(
            f"{error} is not set: on the robot it comes from the login shell (source /etc/hello-robot/hello-robot.conf); "
            "elsewhere there is no Stretch to drive, use the simulated one"
        ) from error
    except SystemExit as error:
        raise TransportError(
            "stretch_body found no calibrated robot below $HELLO_FLEET_PATH/$HELLO_FLEET_ID: check both variables, "
            "or use the simulated Stretch"
        ) from error
