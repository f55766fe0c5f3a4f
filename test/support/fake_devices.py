"""The devices of an imitated Stretch; see fake_stretch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from support.fake_axes import GRIP, Axis

if TYPE_CHECKING:
    from support.fake_stretch import FakeStretch


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
        self.soft_motion_limits = {"current": [axis.low, axis.high]}
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
    """Its torque: the run-stop's edge switches it off, the release on; quick_stop() off and on again, run-stopped or not."""

    def __init__(self, axis: Axis) -> None:
        self._axis = axis
        self.soft_motion_limits = {"current": [axis.low, axis.high]}
        self.quick_stops = 0
        self.torque = True

    def quick_stop(self) -> None:
        self.quick_stops += 1
        self.torque = True
        self._axis.hold()


class FakeErrors:
    def __init__(self) -> None:
        self.status = {"n_rx": 0, "n_tx": 0, "n_gsr": 0, "error_rate_avg_hz": 0}


class FakeChain:
    def __init__(self, body: FakeStretch, names: tuple[str, ...]) -> None:
        self._body = body
        self.motors = {name: FakeServo(body.axes[name]) for name in names}
        self.comm_errors = FakeErrors()
        self.unread = False
        """Every reading of the group fails: stamps go on, positions and velocities stay, errors are counted."""

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
