"""The devices of a Stretch as stretch_body has them, on a running stretch_driver: commands wait for push_command()."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Protocol

from fail2progress.robots.stretch.real.joints import JOINTS
from fail2progress.ros.stretch_driver.joints import finger


class Queue(Protocol):
    """Where commands wait."""

    def move(self, name: str, to: float, speed: float | None, acceleration: float | None) -> None:
        """A joint by stretch_body's name, to what the driver takes (m, rad)."""

    def hold(self) -> None:
        """All motion shall end."""

    def rest(self, servo: str) -> None:
        """A servo shall stay where it is, and no longer squeeze."""

    def run_stop(self) -> None:
        """The run-stop shall be pressed."""

    def range(self, name: str) -> Mapping[str, tuple[float, float]]:
        """`current`: lowest and highest position, where the driver tells it."""


class DriverStepper:
    """See transport.Stepper."""

    MODE_HOLD = 2

    def __init__(self, hold: Callable[[], None]) -> None:
        self._hold = hold

    def set_command(self, mode: int | None = None, *, i_feedforward: float | None = None) -> None:
        """See transport.Stepper. The driver holds all motors together."""
        if mode == self.MODE_HOLD:
            self._hold()


class DriverPrismatic:
    """See transport.Prismatic."""

    i_feedforward = 0.0
    """The driver takes care of it."""

    def __init__(self, queue: Queue, name: str) -> None:
        self._queue, self._name = queue, name
        self.motor = DriverStepper(queue.hold)

    @property
    def soft_motion_limits(self) -> Mapping[str, tuple[float, float]]:
        """See transport.Prismatic."""
        return self._queue.range(self._name)

    def move_to(self, x_m: float, v_m: float | None = None, a_m: float | None = None) -> None:
        """See transport.Prismatic."""
        self._queue.move(self._name, x_m, v_m, a_m)


class DriverBase:
    """See transport.Base."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.left_wheel = self.right_wheel = DriverStepper(queue.hold)

    def translate_by(self, x_m: float, v_m: float | None = None, a_m: float | None = None) -> None:
        """See transport.Base."""
        self._queue.move("translate", x_m, v_m, a_m)

    def rotate_by(self, x_r: float, v_r: float | None = None, a_r: float | None = None) -> None:
        """See transport.Base."""
        self._queue.move("rotate", x_r, v_r, a_r)


class DriverServo:
    """See transport.Servo."""

    def __init__(self, queue: Queue, name: str) -> None:
        self._queue, self._name = queue, name

    @property
    def soft_motion_limits(self) -> Mapping[str, tuple[float, float]]:
        """See transport.Servo."""
        return self._queue.range(self._name)

    def quick_stop(self) -> None:
        """See transport.Servo."""
        self._queue.rest(self._name)


class DriverChain:
    """See transport.Chain. The driver does not tell how many readings failed."""

    def __init__(self, queue: Queue, device: str, fitted: Callable[[], tuple[str, ...]]) -> None:
        self._queue, self._device, self._fitted = queue, device, fitted
        self.comm_errors = SimpleNamespace(status=MappingProxyType({"n_gsr": 0}))

    def move_to(self, joint: str, x_r: float, v_r: float | None = None, a_r: float | None = None) -> None:
        """See transport.Chain; here it waits for push_command(), as the driver takes one trajectory of all joints."""
        self._queue.move(joint, finger(x_r) if JOINTS[joint].unit == "%" else x_r, v_r, a_r)

    def get_joint(self, joint_name: str) -> DriverServo | None:
        """See transport.Chain."""
        there = joint_name in self._fitted() and joint_name in JOINTS and JOINTS[joint_name].device == self._device
        return DriverServo(self._queue, joint_name) if there else None


class DriverPimu:
    """See transport.Pimu."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def runstop_event_trigger(self) -> None:
        """See transport.Pimu."""
        self._queue.run_stop()
