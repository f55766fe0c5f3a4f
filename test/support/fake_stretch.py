"""A Stretch RE2 that is not there, behind the calls of stretch_body that the driver uses, on a clock of its own.

What it shares with the real one: commands to steppers wait for push_command(), which is dropped when it follows another within
12.5 ms (motor sync); servos obey at once; moves are trapezoids; move_to() clips at the soft limits and is silently ignored where
a joint is not homed; the status is read by threads, 25 times a second for steppers and 15 for servos; hold mode brakes hard;
the run-stop and a contact put motors into safety mode, which they leave on the next command alone; stop() does not stop a motion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.fake_axes import GRIP, Axis, FakeClock, axes_of

SYNC_PERIOD = 1 / 80


class FakeStepper:
    MODE_HOLD = 2

    def __init__(self, hold: Callable[[], None]) -> None:
        self._hold = hold
        self.queued: Callable[[], None] | None = None
        self.holds: list[float | None] = []

    def set_command(
        self,
        mode=None,
        x_des=None,
        v_des=None,
        a_des=None,
        i_des=None,
        stiffness=None,
        i_feedforward=None,
        i_contact_pos=None,
        i_contact_neg=None,
    ) -> None:
        assert mode == self.MODE_HOLD
        self.holds.append(i_feedforward)
        self.queued = self._hold


class FakePrismatic:
    def __init__(self, body: FakeStretch, axis: Axis, i_feedforward: float) -> None:
        self._body, self._axis = body, axis
        self.motor = FakeStepper(axis.hold)
        self.i_feedforward = i_feedforward

    def move_to(
        self,
        x_m,
        v_m=None,
        a_m=None,
        stiffness=None,
        contact_thresh_pos_N=None,
        contact_thresh_neg_N=None,
        req_calibration=True,
        contact_thresh_pos=None,
        contact_thresh_neg=None,
    ) -> None:
        if not self._body.homed:
            return
        self._body.record(self._axis.name, x_m, v_m, a_m)
        goal = min(max(x_m, self._axis.low), self._axis.high)
        self.motor.queued = lambda: self._axis.go(goal, abs(v_m), abs(a_m))


class FakeBase:
    def __init__(self, body: FakeStretch) -> None:
        self._body = body
        self.left_wheel = FakeStepper(self._hold)
        self.right_wheel = FakeStepper(self._hold)

    def _hold(self) -> None:
        self._body.axes["translate"].hold()
        self._body.axes["rotate"].hold()

    def _by(self, name: str, x: float, v: float, a: float) -> None:
        self._body.record(name, x, v, a)
        axis = self._body.axes[name]
        self.left_wheel.queued = lambda: axis.go(axis.position + x, abs(v), abs(a))
        self.right_wheel.queued = None

    def translate_by(self, x_m, v_m=None, a_m=None, stiffness=None, contact_thresh_N=None, contact_thresh=None) -> None:
        self._by("translate", x_m, v_m, a_m)

    def rotate_by(self, x_r, v_r=None, a_r=None, stiffness=None, contact_thresh_N=None, contact_thresh=None) -> None:
        self._by("rotate", x_r, v_r, a_r)


class FakeServo:
    def __init__(self, axis: Axis) -> None:
        self._axis = axis
        self.quick_stops = 0

    def quick_stop(self) -> None:
        self.quick_stops += 1
        self._axis.hold()


class FakeChain:
    def __init__(self, body: FakeStretch, names: tuple[str, ...]) -> None:
        self._body = body
        self.motors = {name: FakeServo(body.axes[name]) for name in names}

    def move_to(self, joint, x_r, v_r=None, a_r=None) -> None:
        self._body.answer()
        if self._body.run_stopped or not self._body.homed:
            return
        self._body.record(joint, x_r, v_r, a_r)
        axis = self._body.axes[joint]
        scale = GRIP if axis.unit == "%" else 1.0
        axis.go(min(max(x_r, axis.low), axis.high), abs(v_r) * scale, abs(a_r) * scale)

    def get_joint(self, joint_name):
        return self.motors.get(joint_name)


class FakePimu:
    def __init__(self, body: FakeStretch) -> None:
        self._body = body
        self.triggered = False

    def runstop_event_trigger(self) -> None:
        self.triggered = True


@dataclass
class Recorded:
    time: float
    joint: str
    to: float
    speed: float
    acceleration: float


class FakeStretch:
    """See the module. Attributes that tests set: homed, run_stopped (press()), broken, frozen, deaf."""

    def __init__(self, clock: FakeClock | None = None, tool: str = "tool_stretch_dex_wrist") -> None:
        self.clock = clock or FakeClock()
        self.clock.tick = self.step
        self.eoa_name = tool
        self.homed = True
        self.run_stopped = False
        self.broken = self.frozen = self.deaf = False
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
        return True

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

    def release(self) -> None:
        self.run_stopped = False

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
        if now - self._read["stepper"] >= 1 / 25 - 1e-9:
            self._read["stepper"] = now
            self._status.update(self._steppers(now))
        if now - self._read["servo"] >= 1 / 15 - 1e-9:
            self._read["servo"] = now
            for device, chain in (("head", self.head), ("end_of_arm", self.end_of_arm)):
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
        return {"pimu": {"runstop_event": self.run_stopped, "timestamp": now}, "base": base, **joints}

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
