"""A Stretch RE2 that is not there, behind the calls of stretch_body that the driver uses, on a clock of its own.

What it shares with the real one: commands to steppers wait for push_command(), which is dropped when it follows another within
12.5 ms (motor sync); servos obey at once; moves are trapezoids; move_to() clips at the soft limits and is silently ignored where
a joint is not homed; the status is read by threads, 25 times a second for steppers and 15 for servos; hold mode brakes hard;
the run-stop and a contact put motors into safety mode, which they leave on the next command alone; stop() does not stop a motion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from support.fake_axes import GRIP, Axis, FakeClock, axes_of
from support.fake_devices import FakeBase, FakeChain, FakePimu, FakePrismatic

SYNC_PERIOD = 1 / 80


@dataclass
class Recorded:
    time: float
    joint: str
    to: float
    speed: float
    acceleration: float


class FakeStretch:
    """See the module. Attributes that tests set: homed, run_stopped (press()), broken, frozen, deaf, slow (factor on the periods
    of the reading threads), volts (of the battery), held (another process has the lock), locked_out (its folder belongs to
    somebody else)."""

    def __init__(self, clock: FakeClock | None = None, tool: str = "tool_stretch_dex_wrist") -> None:
        self.clock = clock or FakeClock()
        self.clock.tick = self.step
        self.eoa_name = tool
        self.homed = True
        self.run_stopped = False
        self.broken = self.frozen = self.deaf = self.held = self.locked_out = False
        self.slow = 1.0
        self.volts = 12.6
        self.stopped_devices = 0
        self.commands: list[Recorded] = []
        self.dropped = 0
        wrist = ("wrist_yaw", "stretch_gripper", *(("wrist_pitch", "wrist_roll") if "dex" in tool else ()))
        self.axes = axes_of(wrist)
        self.base = FakeBase(self)
        self.lift = FakePrismatic(self, self.axes["lift"], 1.2)
        self.arm = FakePrismatic(self, self.axes["arm"], 0.0)
        self.end_of_arm = FakeChain(self, wrist)
        self.head = FakeChain(self, ("head_pan", "head_tilt"))
        self.pimu = FakePimu(self)
        self.x = self.y = self.theta = 0.0
        self._pushed = -math.inf
        self._read = {"stepper": -math.inf, "servo": -math.inf}
        self._status: dict[str, Any] = {"head": {}, "end_of_arm": {}}
        self._refresh()

    # what stretch_body offers

    def startup(self, start_non_dxl_thread=True, start_dxl_thread=True, start_sys_mon_thread=True) -> bool:
        if self.locked_out:
            raise PermissionError(13, "Permission denied", "/tmp/stretch_pid_dir/stretch_body_robot_pid.txt.lock")
        return not self.held

    def stop(self) -> None:
        self.stopped_devices += 1

    def is_homed(self) -> bool:
        return self.homed

    def get_status(self) -> dict[str, Any]:
        self.answer()
        return dict(self._status)

    def push_command(self) -> None:
        self.answer()
        if self.pimu.triggered:
            self.pimu.triggered = False
            self.press()
        if self.deaf or self.clock.now() - self._pushed < SYNC_PERIOD:
            self.dropped += 1
            return
        self._pushed = self.clock.now()
        for motor in (self.lift.motor, self.arm.motor, self.base.left_wheel, self.base.right_wheel):
            if motor.queued is not None and not self.run_stopped:
                motor.queued()
            motor.queued = None

    # what happens to it

    def press(self) -> None:
        """The run-stop's button."""
        self.run_stopped = True
        for axis in self.axes.values():
            axis.hold()
        self._switch_torque(False)

    def release(self) -> None:
        self.run_stopped = False
        self._switch_torque(True)

    def _switch_torque(self, on: bool) -> None:
        """What stretch_body's sentry does at each edge of the run-stop."""
        for chain in (self.head, self.end_of_arm):
            for servo in chain.motors.values():
                servo.torque = on

    @property
    def limp(self) -> bool:
        """Whether no servo has torque."""
        return not any(servo.torque for chain in (self.head, self.end_of_arm) for servo in chain.motors.values())

    def answer(self) -> None:
        if self.broken:
            raise OSError("device reports readiness to read but returned no data")

    def record(self, joint: str, to: float, speed: float, acceleration: float) -> None:
        self.commands.append(Recorded(self.clock.now(), joint, to, speed, acceleration))

    @property
    def moving(self) -> bool:
        return any(axis.velocity != 0.0 for axis in self.axes.values())

    def step(self, seconds: float) -> None:
        before = self.axes["translate"].position, self.axes["rotate"].position
        for axis in self.axes.values():
            axis.step(seconds)
        self.theta = (self.theta + self.axes["rotate"].position - before[1]) % (2 * math.pi)
        ahead = self.axes["translate"].position - before[0]
        self.x += ahead * math.cos(self.theta)
        self.y += ahead * math.sin(self.theta)
        self._refresh()

    def _refresh(self) -> None:
        now = self.clock.now()
        if self.frozen:
            return
        if now - self._read["stepper"] >= self.slow / 25 - 1e-9:
            self._read["stepper"] = now
            self._status.update(self._steppers(now))
        if now - self._read["servo"] >= self.slow / 15 - 1e-9:
            self._read["servo"] = now
            for device, chain in (("head", self.head), ("end_of_arm", self.end_of_arm)):
                if chain.unread:
                    chain.comm_errors.status["n_gsr"] += 1
                    self._status[device] = {name: {**old, "timestamp_pc": now} for name, old in self._status[device].items()}
                else:
                    self._status[device] = {name: self._servo(self.axes[name], now) for name in chain.motors}

    def _steppers(self, now: float) -> dict[str, Any]:
        wheel = {"timestamp": now, "pos_calibrated": False, "guarded_event": 0}
        base = {
            "timestamp_pc": now,
            "x": self.x,
            "y": self.y,
            "theta": self.theta,
            "x_vel": self.axes["translate"].velocity,
            "y_vel": 0.0,
            "theta_vel": self.axes["rotate"].velocity,
            "left_wheel": wheel,
            "right_wheel": wheel,
        }
        joints = {name: self._prismatic(self.axes[name], now) for name in ("lift", "arm")}
        return {"pimu": {"runstop_event": self.run_stopped, "voltage": self.volts, "timestamp": now}, "base": base, **joints}

    def _prismatic(self, axis: Axis, now: float) -> dict[str, Any]:
        motor = {"timestamp": now, "pos_calibrated": self.homed, "guarded_event": axis.contacts, "effort_pct": 1.0}
        return {"timestamp_pc": now, "pos": axis.position, "vel": axis.velocity, "force": 0.0, "motor": motor}

    def _servo(self, axis: Axis, now: float) -> dict[str, Any]:
        if axis.unit != "%":
            return {"timestamp_pc": now, "pos": axis.position, "vel": axis.velocity, "effort": 0.0}
        aperture = 0.09 / 70 * axis.position
        conversion = {"aperture_m": aperture, "finger_rad": aperture / 2 / 0.171, "finger_effort": 0.0, "finger_vel": 0.0}
        return {
            "timestamp_pc": now,
            "pos": axis.position / GRIP,
            "vel": axis.velocity / GRIP,
            "pos_pct": axis.position,
            "effort": 0.0,
            "gripper_conversion": conversion,
        }
