"""StretchTransport on a running stretch_driver: trajectories, its stop and its states. Facts: docs/decisions/0046."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from std_srvs.srv import SetBool, Trigger

from fail2progress.robots.stretch.real.joints import JOINTS, REFUSAL
from fail2progress.robots.stretch.real.transport import Status, TransportError
from fail2progress.ros.actions import GoalClient
from fail2progress.ros.security.policy import CLIENT
from fail2progress.ros.stretch_driver.hearing import listen
from fail2progress.ros.stretch_driver.joints import CONTACT, NAMES, Heard, refusal, trajectory
from fail2progress.ros.stretch_driver.parts import DriverBase, DriverChain, DriverPimu, DriverPrismatic

POSITION_MODE = "/switch_to_position_mode"
"""A service of the driver by which it is known."""
RANGES = "/get_joint_states"
"""A service that has the driver tell its joints' ranges, once, on a topic."""
TRAJECTORY = "/stretch_controller/follow_joint_trajectory"
DISCOVERY = 10.0
"""Seconds in which a driver that runs is found: a busy computer may hold either side for some."""
SILENCE = 1.0
"""Seconds without a word after which the driver has gone."""
PATIENCE = 10.0
"""Seconds in which the driver must have said everything once."""
AGAIN = 0.1
"""Seconds after which a refused goal is sent again, and a stop that did not end motion: the driver takes five goals a second."""
TRIES = 6
ASKED = 3
"""How often ranges are asked for: an answer to nobody is lost, as long as the driver has not found who hears it."""
RANGES_PATIENCE = 3.0
"""Seconds for each answer."""
HOMING = 180.0
"""Seconds that homing takes at most."""


class DriverTransport:
    """A StretchTransport. Every motion is one trajectory of one point, held together by push_command()."""

    def __init__(self) -> None:
        # Own arguments win over those of the process, by which a launch calls every node in it by the stack's node's name.
        self.node = rclpy.create_node(CLIENT, cli_args=["--ros-args", "-r", f"__node:={CLIENT}"])
        self.heard = Heard()
        self.lift, self.arm = DriverPrismatic(self, "lift"), DriverPrismatic(self, "arm")
        self.base, self.pimu = DriverBase(self), DriverPimu(self)
        self.head, self.end_of_arm = (DriverChain(self, device, self._fitted) for device in ("head", "end_of_arm"))
        self._lock = threading.RLock()
        self._queue: dict[str, tuple[float, float | None, float | None]] = {}
        self._wanted = self._pressing = False
        self._handle: Any = None
        self._goal: Any = None
        """What is under way; a goal of which nothing is heard any more is not this one."""
        self._tries, self._due = 0, 0.0
        self._stop_due = 0.0
        self._squeezes_again = False
        """The driver's stop has let go of a grasp."""
        self._hold_due = 0.0
        self._squeeze: float | None = None
        """The finger's angle by which something is held."""
        self._trouble = ""
        self._connect()
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _connect(self) -> None:
        """Everything by which the driver is spoken to."""
        listen(self.node, self.heard)
        self._trajectories = GoalClient(self.node, FollowJointTrajectory, TRAJECTORY)
        names = (POSITION_MODE, "/stop_the_robot", "/home_the_robot", RANGES)
        self._services = {name: self.node.create_client(Trigger, name) for name in names}
        self._run_stop = self.node.create_client(SetBool, "/runstop")

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    # What stretch_body offers

    @property
    def eoa_name(self) -> str:
        """See StretchTransport."""
        return str(self.heard.tool)

    def startup(self) -> bool:
        """Wait for the driver and have it take positions; False where nobody offers what it offers."""
        if not self._services[POSITION_MODE].wait_for_service(timeout_sec=DISCOVERY):
            return False
        if not self._trajectories.wait_for_server(timeout_sec=PATIENCE) or not _until(lambda: not self.heard.missing()):
            missing = ", ".join(self.heard.missing()) or TRAJECTORY
            raise TransportError(f"a stretch_driver runs, but says nothing on {missing}: start it by its own launch file")
        if self.heard.mode != "position":
            self.call(POSITION_MODE)
        self._ask_ranges()
        return True

    def _ask_ranges(self) -> None:
        """Until all are told; it says which are not, as nominal ones hold for these joints."""
        if self._services[RANGES].wait_for_service(timeout_sec=RANGES_PATIENCE):
            for _ in range(ASKED):
                self.call(RANGES)
                if _until(lambda: not self.heard.untold(), RANGES_PATIENCE):
                    return
        said = f"stretch_driver has not told the ranges of {', '.join(self.heard.untold())}: nominal ones are used"
        self.node.get_logger().warning(said)

    def call(self, name: str, seconds: float = PATIENCE) -> None:
        """One of the driver's services. TransportError where it does not do it."""
        future = self._services[name].call_async(Trigger.Request())
        if not _until(future.done, seconds):
            raise TransportError(f"stretch_driver did not answer {name} within {seconds:.0f} s: look at its log")
        if not future.result().success:
            raise TransportError(f"stretch_driver refuses {name}: {future.result().message}")

    def home(self) -> None:
        """Have the driver home the robot, which moves every joint to its end. TransportError where it does not."""
        self.call("/home_the_robot", HOMING)

    def stop(self) -> None:
        """See StretchTransport."""
        self._executor.shutdown(timeout_sec=1.0)
        self._thread.join(timeout=1.0)
        self.node.destroy_node()

    def is_homed(self) -> bool:
        """See StretchTransport."""
        return bool(self.heard.homed)

    def get_status(self) -> Status:
        """See StretchTransport. RuntimeError where the driver is silent."""
        with self._lock:
            if self._goal is not None and self._tries and time.monotonic() >= self._due:
                self._send(self._goal)
            if self._squeezes_again and self._goal is None:
                self._hold_servos()
        silent = time.monotonic() - self.heard.at
        if silent > SILENCE:
            raise RuntimeError(f"stretch_driver has said nothing for {silent:.1f} s")
        return {**self.heard.status(), REFUSAL: self._trouble}

    def push_command(self) -> None:
        """See StretchTransport."""
        with self._lock:
            queue, wanted, pressing = self._queue, self._wanted, self._pressing
            self._queue, self._wanted, self._pressing = {}, False, False
            if pressing:
                self._run_stop.call_async(SetBool.Request(data=True))
            if wanted:
                self._end()
            elif queue:
                self._trouble, self._squeezes_again = "", False
                self._squeeze = min(queue.get("stretch_gripper", (self._squeeze or 0.0,))[0], 0.0) or None
                self._tries = 0
                self._send(trajectory(queue))

    # Queue

    def move(self, name: str, to: float, speed: float | None, acceleration: float | None) -> None:
        """See Queue."""
        with self._lock:
            self._queue[name] = to, speed, acceleration

    def hold(self) -> None:
        """See Queue."""
        with self._lock:
            self._queue, self._wanted = {}, True

    def rest(self, servo: str) -> None:
        """See Queue. The other servos are told with the stop."""
        if servo == "stretch_gripper":
            self._squeeze, self._squeezes_again = None, False

    def run_stop(self) -> None:
        """See Queue."""
        self._pressing = True

    def range(self, name: str) -> Mapping[str, tuple[float, float]]:
        """See Queue."""
        return {"current": self.heard.limits[name]} if name in self.heard.limits else {}

    def _fitted(self) -> tuple[str, ...]:
        there = set(self.heard.joints.name) if self.heard.joints is not None else set()
        return tuple(name for name, joint in NAMES.items() if joint in there)

    # Trajectories

    def _send(self, goal: Any) -> None:
        self._goal, self._handle, self._due, self._stop_due = goal, None, float("inf"), 0.0
        self._trajectories.send_goal_async(goal).add_done_callback(partial(self._taken, goal))

    def _taken(self, goal: Any, future: Any) -> None:
        """The driver has taken a goal, or refused it, as it does five times a second at most."""
        handle = future.result()
        with self._lock:
            if goal is not self._goal:
                if handle.accepted:  # motion was ended meanwhile
                    handle.cancel_goal_async()
                    self._end()
            elif handle.accepted:
                self._handle, self._tries = handle, 0
                handle.get_result_async().add_done_callback(partial(self._over, goal))
            else:
                self._tries, self._due = self._tries + 1, time.monotonic() + AGAIN
                if self._tries >= TRIES:
                    self._give_up(f"stretch_driver takes no goals (mode {self.heard.mode}): see its log")

    def _over(self, goal: Any, future: Any) -> None:
        result = future.result().result
        with self._lock:
            if goal is not self._goal:
                return
            if result.error_code == CONTACT:
                self.heard.contacts += 1
            elif why := refusal(result):
                remedy = f"have it take positions (ros2 service call {POSITION_MODE} ...), or see its log"
                self._give_up(f"stretch_driver: {why}: {remedy}")
            self._goal = self._handle = None

    def _give_up(self, why: str) -> None:
        self._goal, self._tries, self._trouble = None, 0, why

    def _end(self) -> None:
        """Cancel the goal, which alone ends no motion, and have all actuators stop; once more where they go on."""
        handle, self._goal, self._handle, self._tries = self._handle, None, None, 0
        if handle is not None:
            handle.cancel_goal_async()
        self._hold_servos()
        if time.monotonic() >= self._stop_due:
            self._stop_due = time.monotonic() + AGAIN
            self._services["/stop_the_robot"].call_async(Trigger.Request()).add_done_callback(self._stopped)

    def _hold_servos(self) -> None:
        """Send servos to where they can stop, as the driver's stop does not end their motion, and the fingers to squeeze."""
        to = self.heard.servos()
        if self._squeezes_again and self._squeeze is not None:
            to["stretch_gripper"] = self._squeeze, JOINTS["stretch_gripper"].speed
        if to and time.monotonic() >= self._hold_due:
            self._hold_due = time.monotonic() + AGAIN
            self._squeezes_again = False
            goal = trajectory({name: (place, speed, JOINTS[name].acceleration) for name, (place, speed) in to.items()})
            self._trajectories.send_goal_async(goal).add_done_callback(partial(self._told_to_hold, "stretch_gripper" in to))

    def _told_to_hold(self, squeezing: bool, future: Any) -> None:
        """A refused goal is sent again: for what still moves by the next stop, for the fingers with the next look."""
        with self._lock:
            if squeezing and not future.result().accepted:
                self._squeezes_again = True

    def _stopped(self, _: Any) -> None:
        """Its stop also lets go of what the fingers squeeze: they squeeze again, with the next look at the states."""
        with self._lock:
            if self._squeeze is not None and self._goal is None:
                self._squeezes_again = True


def _until(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it came true in time (s)."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def connect_driver() -> DriverTransport | None:
    """The driver that runs, ready for goals; None where there is none. TransportError where it is there and cannot be used."""
    made = DriverTransport()
    try:
        if made.startup():
            return made
    except BaseException:
        made.stop()
        raise
    made.stop()
    return None
