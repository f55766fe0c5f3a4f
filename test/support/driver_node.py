"""An imitation of stretch_driver, the robot's own ROS 2 driver, on an imitated robot: its topics, services and trajectory action.

What it shares with the real one: states 30 times a second, stamped when published; commands go out in that loop; position,
navigation, homing and run-stopped modes; goals above five a second are refused while one is active; a goal's point is
reached by increments, each joint within the driver's own tolerance, or the goal ends after ten seconds while motion goes on; a
new goal takes over from the one before, without an end to its motion; a cancelled goal's motion goes on, too; stop_the_robot
sends pan, tilt, yaw, gripper, lift, arm and base by 0, which steppers brake for at their default acceleration and servos of wrist
and head do nothing for, and ends no goal; what is out of range is clipped; a contact ends a goal by
code 100; cmd_vel counts in navigation mode for half a second.
"""

import math
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import rclpy
from control_msgs.action import FollowJointTrajectory
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from sensor_msgs.msg import BatteryState, JointState
from std_msgs.msg import Bool, String
from std_srvs.srv import SetBool, Trigger

from fail2progress.ros.executor import NodeExecutor
from support.fake_axes import GRIP, Axis
from support.fake_stretch import FakeStretch

PERIOD = 1 / 30
NAMES = {
    "joint_lift": "lift", "wrist_extension": "arm", "joint_head_pan": "head_pan", "joint_head_tilt": "head_tilt",
    "joint_wrist_yaw": "wrist_yaw", "joint_wrist_pitch": "wrist_pitch", "joint_wrist_roll": "wrist_roll",
    "joint_gripper_finger_left": "stretch_gripper", "translate_mobile_base": "translate", "rotate_mobile_base": "rotate",
}  # fmt: skip
TOLERANCES = {"arm": 0.008, "head_pan": 0.15, "head_tilt": 0.52, "translate": 0.005, "rotate": math.radians(6)}
"""Of the others 0.015."""
DEFAULTS = {"m": (0.1, 0.1), "rad": (2.0, 4.0), "%": (4.0 * GRIP, 8.0 * GRIP)}
STEPPERS = {"lift": 0.20, "arm": 0.14, "translate": 0.12, "rotate": 0.50}
"""Their default accelerations, m/s^2 and rad/s^2."""
PER_RADIAN = 2 * 0.171 / (0.09 / 70)
"""Per cent of the gripper per radian of a finger."""
LONGEST = 10.0
BUSY = 0.2


class DriverNode:
    """`body` is what it moves; its clock runs by itself."""

    def __init__(self, body: FakeStretch, mode: str = "navigation") -> None:
        self.body, self.mode, self._before = body, mode, mode
        self.refused, self.stops, self.goals = 0, 0, 0
        self.unheard, self.asked = 0, 0
        """How many of its first answers about ranges nobody hears, and how often it was asked for them."""
        self.node = rclpy.create_node("stretch_driver", use_global_arguments=False)
        self._latest = 0
        self._active: Any = None
        self._begun = -math.inf
        self._twist, self._twisted = (0.0, 0.0), -math.inf
        self._queue: list[Any] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._connect()
        self._executor = NodeExecutor(6)
        self._executor.add_node(self.node)
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._executor.spin, self._loop)]
        for thread in self._threads:
            thread.start()

    def _connect(self) -> None:
        make, together = self.node.create_publisher, ReentrantCallbackGroup()
        self._outlets = {
            name: make(kind, name, 1)
            for name, kind in {
                "stretch/joint_states": JointState, "odom": Odometry, "battery": BatteryState, "joint_limits": JointState,
                "is_homed": Bool, "is_runstopped": Bool, "mode": String, "tool": String,
            }.items()
        }  # fmt: skip
        services = {
            "/switch_to_navigation_mode": lambda: self._switch("navigation"),
            "/switch_to_position_mode": lambda: self._switch("position"),
            "/stop_the_robot": self._stop,
            "/home_the_robot": self._home,
            "/get_joint_states": self._tell_limits,
        }
        for name, act in services.items():
            self.node.create_service(
                Trigger, name, lambda _, response, act=act: act() or _done(response), callback_group=together
            )
        self.node.create_service(SetBool, "/runstop", self._runstop, callback_group=together)
        self.node.create_subscription(Twist, "/stretch/cmd_vel", self._drive, 1, callback_group=together)
        self._server = ActionServer(
            self.node, FollowJointTrajectory, "/stretch_controller/follow_joint_trajectory", self._execute,
            goal_callback=self._take, cancel_callback=lambda _: CancelResponse.ACCEPT, callback_group=together,
        )  # fmt: skip

    # services

    def _switch(self, mode: str) -> None:
        self.mode = mode

    def _stop(self) -> None:
        self.stops += 1
        for name, acceleration in STEPPERS.items():
            self._queue.append(partial(self.body.axes[name].hold, acceleration))
        gripper = self.body.axes["stretch_gripper"]
        self._command({"stretch_gripper": (gripper.position, *DEFAULTS[gripper.unit])})

    def _home(self) -> None:
        before, self.mode = self.mode, "homing"
        time.sleep(0.2)
        self.body.homed, self.mode = True, before

    def _runstop(self, request: Any, response: Any) -> Any:
        self.body.press() if request.data else self.body.release()
        return _done(response)

    def _tell_limits(self) -> None:
        self.asked += 1
        if self.asked <= self.unheard:
            return
        of = {joint: self.body.axes[name] for joint, name in NAMES.items() if name in self.body.axes}
        of = {("joint_arm" if joint == "wrist_extension" else joint): axis for joint, axis in of.items() if axis.high < math.inf}
        lows, highs = [axis.low for axis in of.values()], [axis.high for axis in of.values()]
        self._outlets["joint_limits"].publish(JointState(name=list(of), position=lows, velocity=highs))

    def _drive(self, message: Any) -> None:
        if self.mode == "navigation":
            self._twist, self._twisted = (message.linear.x, message.angular.z), time.monotonic()

    # trajectories

    def _take(self, goal: Any) -> Any:
        soon = time.monotonic() - self._begun < BUSY
        if self._active is not None and self._active.is_active and soon:
            self.refused += 1
            return GoalResponse.REJECT
        self._begun = time.monotonic()
        return GoalResponse.ACCEPT

    def _execute(self, handle: Any) -> Any:
        self._active, self._latest = handle, self._latest + 1
        number, trajectory = self._latest, handle.request.trajectory
        self.goals += 1
        if self.mode != "position":
            return _failed(handle, *_refused_in(self.mode))
        names = [NAMES.get(joint, "") for joint in trajectory.joint_names]
        if not names or any(n not in self.body.axes for n in names) or {"translate", "rotate"} <= set(names):
            return _failed(handle, FollowJointTrajectory.Result.INVALID_JOINTS, "joint names violated a command group's rules")
        for point in trajectory.points:
            moves = self._moves(names, point)
            with self._lock:
                self._command(moves)
            begun, contacts = self.body.clock.now(), self._contacts()
            time.sleep(2 * PERIOD)
            while not all(self._reached(name, to) for name, (to, *_) in moves.items()):
                if handle.is_cancel_requested:
                    handle.canceled()
                    return FollowJointTrajectory.Result()
                if number != self._latest or self._over.is_set():
                    handle.abort()
                    return FollowJointTrajectory.Result()
                if self._contacts() > contacts:
                    return _failed(handle, 100, "--")
                if self.body.clock.now() - begun > LONGEST:
                    return _failed(handle, FollowJointTrajectory.Result.PATH_TOLERANCE_VIOLATED, "default_goal_timeout exceeded")
                time.sleep(0.01)
        handle.succeed()
        return FollowJointTrajectory.Result(error_string="Achieved all target points.")

    def _contacts(self) -> int:
        return sum(self.body.axes[name].contacts for name in ("lift", "arm"))

    def _moves(self, names: list[str], point: Any) -> dict[str, tuple[float, float, float]]:
        """Where each joint goes, in the imitated robot's units, with speed and acceleration."""
        found = {}
        for index, name in enumerate(names):
            axis, to = self.body.axes[name], point.positions[index]
            scale = GRIP if axis.unit == "%" else 1.0
            to = axis.position + to if name in ("translate", "rotate") else to * PER_RADIAN if axis.unit == "%" else to
            speed, acceleration = DEFAULTS[axis.unit]
            if point.velocities and point.accelerations:
                speed, acceleration = scale * point.velocities[index], scale * point.accelerations[index]
            found[name] = min(max(to, axis.low), axis.high), abs(speed), abs(acceleration)
        return found

    def _command(self, moves: Mapping[str, tuple[float, float, float]]) -> None:
        """Steppers wait for the loop's push; servos obey at once."""
        for name, (to, speed, acceleration) in moves.items():
            if self.body.run_stopped or not self.body.homed:
                continue
            self.body.record(name, to, speed, acceleration)
            act = partial(_go, self.body.axes[name], to, speed, acceleration)
            self._queue.append(act) if name in STEPPERS else act()

    def _reached(self, name: str, to: float) -> bool:
        axis = self.body.axes[name]
        scale = PER_RADIAN if axis.unit == "%" else 1.0
        return abs(axis.position - to) < scale * TOLERANCES.get(name, 0.015)

    # states

    def _loop(self) -> None:
        while not self._over.wait(PERIOD):
            if self.body.run_stopped and self.mode != "runstopped":
                self._before, self.mode = self.mode, "runstopped"
            elif not self.body.run_stopped and self.mode == "runstopped":
                self.mode = self._before
            if self.body.broken:
                continue  # an exception in its loop: nothing is published any more
            with self._lock:
                queue, self._queue = self._queue, []
            for act in queue:
                act()
            self._wheel()
            self._publish()

    def _wheel(self) -> None:
        if self.mode == "navigation":
            for name, speed in zip(("translate", "rotate"), self._twist, strict=True):
                axis = self.body.axes[name]
                going = speed if time.monotonic() - self._twisted < 0.5 else 0.0
                axis.go(axis.position + going, abs(going), 1.0) if going else axis.hold()

    def _publish(self) -> None:
        out, status = self._outlets, self.body.get_status()
        stamp = self.node.get_clock().now().to_msg()
        states = JointState()
        states.header.stamp = stamp
        for joint, name in NAMES.items():
            if name in self.body.axes and name not in ("translate", "rotate"):
                self._append(states, joint, name, status)
        odometry, base = Odometry(), status["base"]
        odometry.header.stamp = stamp
        odometry.pose.pose.position.x, odometry.pose.pose.position.y = base["x"], base["y"]
        odometry.pose.pose.orientation.z = math.sin(base["theta"] / 2)
        odometry.pose.pose.orientation.w = math.cos(base["theta"] / 2)
        odometry.twist.twist.linear.x, odometry.twist.twist.angular.z = base["x_vel"], base["theta_vel"]
        said = {"odom": odometry, "battery": BatteryState(voltage=self.body.volts), "is_homed": Bool(data=self.body.homed),
                "is_runstopped": Bool(data=self.body.run_stopped), "mode": String(data=self.mode),
                "tool": String(data=self.body.eoa_name), "stretch/joint_states": states}  # fmt: skip
        for name, message in said.items():
            out[name].publish(message)

    @staticmethod
    def _append(states: Any, joint: str, name: str, status: Any) -> None:
        if name in ("lift", "arm"):
            position, velocity = status[name]["pos"], status[name]["vel"]
        else:
            servo = status["head" if name.startswith("head") else "end_of_arm"][name]
            position, velocity = servo["pos"], servo["vel"]
            if name == "stretch_gripper":
                position, velocity = servo["pos_pct"] / PER_RADIAN, 0.09 / 70 * servo["vel"] / 2
        states.name.append(joint), states.position.append(position), states.velocity.append(velocity), states.effort.append(0.0)

    def close(self) -> None:
        self._over.set()
        self._executor.shutdown(timeout_sec=2.0)
        for thread in self._threads:
            thread.join(timeout=2.0)
        self.node.destroy_node()


def _go(axis: Axis, to: float, speed: float, acceleration: float) -> None:
    """Towards a goal; braking, where it is nearer than that takes."""
    if abs(to - axis.position) < axis.velocity**2 / (2 * acceleration):
        axis.hold(acceleration)
    else:
        axis.go(to, speed, acceleration)


def _done(response: Any) -> Any:
    response.success, response.message = True, "done"
    return response


def _refused_in(mode: str) -> tuple[int, str]:
    """Code and text for a goal of one point in a mode that takes none."""
    if mode == "navigation":
        return -100, "Joint Trajectory Server only accepts goals in position or trajectory mode"
    if mode == "trajectory":
        return FollowJointTrajectory.Result.INVALID_JOINTS, "no trajectory in goal contains enough waypoints"
    return FollowJointTrajectory.Result.INVALID_GOAL, f"Cannot execute goals while in mode={mode}"


def _failed(handle: Any, code: int, text: str) -> Any:
    handle.abort()
    return FollowJointTrajectory.Result(error_code=code, error_string=text)
