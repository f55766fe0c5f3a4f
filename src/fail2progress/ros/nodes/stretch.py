"""stretch: the real Stretch RE2. Not run on a real robot; see docs/decisions/0009-real-stretch.md."""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from std_srvs.srv import Trigger

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import FRAME, Array
from fail2progress.robots.stretch.real.calibration import Offsets, read_calibration
from fail2progress.robots.stretch.real.joints import too_low
from fail2progress.robots.stretch.real.motion import Rules
from fail2progress.robots.stretch.real.readout import ODOM
from fail2progress.robots.stretch.real.robot import StretchRobot
from fail2progress.robots.stretch.real.states import StretchError, Trouble
from fail2progress.robots.stretch.real.transport import StretchTransport, TransportError, connect
from fail2progress.ros import graph as table
from fail2progress.ros.activity import Neighbours, to_activate
from fail2progress.ros.conversions.points import points_of
from fail2progress.ros.conversions.values import Refused, cloud_of, look_msg, stamp_of
from fail2progress.ros.nodes.robot import RobotNode
from fail2progress.ros.set_back import Since
from fail2progress.ros.stretch_driver.joints import speeds
from fail2progress.ros.stretch_driver.transport import DriverTransport, connect_driver
from fail2progress.ros.troubles import TROUBLES
from fail2progress.skills.base import SkillCall

SIGHT = 10.0
"""Seconds to wait for segments that were seen after the last motion."""
FRESH = 5.0
"""Seconds for which the looks after a skill serve the next one."""
HOMING = "end this node, run stretch_robot_home.py with free space around the robot, and start it again"


class StretchNode(RobotNode):
    """Skills on the robot. What it takes objects to be where is what `segments` said last, after the robot came to rest."""

    volts: float | None = None
    """Of the battery, as it was told last."""

    def __init__(self, entry: table.NodeEntry) -> None:
        """In the main thread. ValueError where there is no robot that could move, with what to do."""
        self.devices = ExitStack()
        super().__init__(entry)
        try:
            self.calibration = read_calibration()
            self.transport = self._reach(str(self.param("driver")))
        except TransportError as error:
            raise ValueError(str(error)) from error
        self.devices.callback(self.transport.stop)
        self.driver = self.transport if isinstance(self.transport, DriverTransport) else None
        if self.driver is not None:
            self.calibration = replace(self.calibration, offsets=Offsets())  # the driver has added its own
            self.get_logger().info("the robot is moved through the stretch_driver that runs")
        elif not self.transport.is_homed():
            self.devices.close()
            raise ValueError(f"the robot is not homed: {HOMING}")

    def _reach(self, wanted: str) -> StretchTransport:
        """stretch_body where nobody else holds the robot, else the driver that does. TransportError where neither is there."""
        try:
            if wanted != "stretch_driver":
                return connect()
        except TransportError:
            if wanted == "stretch_body" or (found := connect_driver()) is None:
                raise
        else:
            found = connect_driver()
        if found is None:
            raise TransportError("no stretch_driver runs: ros2 launch stretch_core stretch_driver.launch.py")
        if self.get_namespace() == "/":
            found.stop()
            raise TransportError(
                "a stretch_driver runs, and its services have the names of this stack's: start this one in a namespace "
                "(namespace:=f2p)"
            )
        return found

    def start(self) -> None:
        """See StackNode. The planning frame is where the robot stands now."""
        self.halting = threading.Lock()
        self.news = threading.Condition()
        self.seen: SegmentedCloud | None = None
        self.all_seen: tuple[int, Array] | None = None
        """When (ns), and (N, 3) points (m)."""
        self.since = Since(self.now)
        """What was seen before is of no use: the head has moved."""
        self.trouble: Trouble | None = None
        slower = speeds(float(self.param("stop_within"))) if self.driver is not None else {}
        rules = Rules(client_timeout=float(self.param("client_timeout")) or math.inf, slower=slower)
        try:
            self.robot = StretchRobot(
                self.transport, self.look, rules=rules, calibration=self.calibration, progress=self.feed_back, around=self.around
            )
        except TransportError as error:
            raise ValueError(str(error)) from error
        self.offer()
        self.neighbours = Neighbours(self, "segmentation")
        self.listen("segments", self._see, when_inactive=True)
        if self.param("free_space"):
            self.listen("obstacles", self._see_around, when_inactive=True)
        self.create_service(Trigger, "home_the_robot", self._home, callback_group=self.together)
        self.serve(Trigger, "look_around", self._look_around)
        self.create_timer(1.0 / float(self.param("rate")), self._tell_state, callback_group=self.alone)

    def destroy_node(self) -> None:
        """Let go of the devices, too."""
        self.devices.close()
        super().destroy_node()

    # Skills

    def perform(self, call: SkillCall) -> None:
        """See RobotNode."""
        self.trouble = None
        self.robot.alive()  # who sends a goal is there
        try:
            if not self.robot.fresh(FRESH):
                self.robot.observe()
            self.robot.execute(call)
        except StretchError as error:
            self.trouble = error.trouble
            raise

    def aim(self, name: str, point: Array) -> None:
        """See RobotNode."""
        self.trouble = None
        self.robot.alive()
        try:
            self.robot.aim(self._middle(name) if name else point)
        except StretchError as error:
            self.trouble = error.trouble
            raise

    def _middle(self, name: str) -> Array:
        """Of what was seen under a name. ValueError where nothing was."""
        cloud = self.seen
        if cloud is None or name not in cloud.names or not cloud.seen[cloud.index(name)]:
            there = ", ".join(cloud.names) if cloud is not None else "nothing: call look_around first"
            raise ValueError(f"{name!r} has not been seen; seen: {there}")
        return np.asarray(cloud.bounds()[cloud.index(name)].mean(axis=0))

    def halt(self) -> None:
        """See RobotNode. Returns at standstill."""
        with self.halting:
            self.robot.stop()

    def resume(self) -> None:
        """See RobotNode. A halt that is under way ends first: it would hold the next motion, too."""
        with self.halting:
            self.robot.resume()

    def take_goals(self) -> None:
        """See RobotNode."""
        self.resume()

    def alive(self) -> None:
        """See RobotNode."""
        self.robot.alive()

    def _code(self, refused: bool = False) -> int:
        if self.lost.is_set() or self.trouble is None or refused:
            return super()._code(refused)
        return int(TROUBLES[self.trouble])

    # Eyes

    def _see(self, message: Any) -> None:
        cloud = cloud_of(message)
        if cloud.frame != FRAME:
            raise Refused("frame", f"segments in {cloud.frame!r}, not in {FRAME!r}")
        with self.news:
            self.seen = cloud
            self.news.notify_all()

    def _see_around(self, message: Any) -> None:
        if message.header.frame_id != FRAME:
            raise Refused("frame", f"obstacles in {message.header.frame_id[:40]!r}, not in {FRAME!r}")
        with self.news:
            self.all_seen = stamp_of(message.header.stamp), np.asarray(points_of(message), float)
            self.news.notify_all()

    def around(self) -> Array | None:
        """All that the last look saw. StretchError where that is wanted and nobody tells it."""
        if not self.param("free_space"):
            return None
        end = time.monotonic() + SIGHT
        with self.news:
            while self.all_seen is None or not self.since.counts(self.all_seen[0]):
                if time.monotonic() > end or self.stopped.is_set():
                    why = self.neighbours.advice("start segmentation with obstacles: true, or this node with free_space: false")
                    raise StretchError(Trouble.NOT_SEEN, f"nothing on obstacles for {SIGHT:.0f} s: {why}")
                self.news.wait(0.05)
            return self.all_seen[1]

    def look(self) -> SegmentedCloud:
        """What is seen from now on: the head is at rest. StretchError where nothing is."""
        with self.news:
            self.seen = self.all_seen = None
            self.since.begin()
        self.tell("looks", look_msg(self.since.time, table.AFTER if self.robot.acted else table.BEFORE))
        try:
            return self._await_segments()
        finally:
            self.tell("looks", look_msg(self.now()))

    def _await_segments(self) -> SegmentedCloud:
        end = time.monotonic() + SIGHT
        with self.news:
            while self.seen is None or not self.since.counts(self.seen.stamp):
                if self.stopped.is_set() or self.lost.is_set() or self._unwanted:
                    raise StretchError(Trouble.STOPPED, "stopped while it was looking")
                if time.monotonic() > end:
                    why = self.neighbours.advice("do camera and segmentation run?")
                    raise StretchError(Trouble.NOT_SEEN, f"no segments for {SIGHT:.0f} s: {why}")
                self.news.wait(0.05)
            return self.seen

    def _look_around(self, request: Any, response: Any) -> Any:
        """The service: every look of the camera. Only the head moves, so it goes on without a client's heartbeat."""
        if (reason := self._barred()) is not None:
            response.message = reason
            return response
        over = threading.Event()
        try:
            self.lost.clear()
            self.robot.alive()
            self.attend(over, math.inf)
            seen = self.robot.observe()
            names = [name for name, there in zip(seen.names, seen.seen, strict=True) if there]
            response.success, response.message = True, f"sees {', '.join(names) or 'nothing'}"
        except StretchError as error:
            response.success, response.message = False, str(error)
        finally:
            self._end(over)
        return response

    def _barred(self) -> str | None:
        """As `take_up`, for a service: these can be called while the node is not active."""
        if not self.active:
            return to_activate(self.get_fully_qualified_name(), self.lifecycle_state)
        return self.take_up()

    # State

    def _tell_state(self) -> None:
        try:
            self.tell_joints(self.robot.joints())
            links = self.param("publish_links")
            self.tell_transforms([item for item in self.robot.transforms() if links or item[0] == ODOM])
            self.volts = self.robot.volts
        except StretchError as error:
            self.count(f"status/{error.trouble.value}", str(error))
        self.facts["state"] = " ".join((self.robot.state.value, self.robot.reason)).strip()
        self.facts["homed"] = str(self.transport.is_homed()).lower()
        self.facts["battery"] = f"{self.volts:.1f} V" if self.volts is not None else "not told"

    def health(self) -> tuple[bytes, str]:
        """See StackNode. A low battery is warned of: no skill is begun any more."""
        level, said = super().health()
        low = too_low(self.volts)
        return (DiagnosticStatus.WARN, f"{said}; {low}") if low and level != DiagnosticStatus.ERROR else (level, said)

    def _home(self, request: Any, response: Any) -> Any:
        """Homing goes on without regard for a stop: a driver does it; with stretch_body it is not done beside this node."""
        if self.active and self.transport.is_homed():
            response.success, response.message = True, "the robot is homed"
        elif self.active and self.driver is None:
            response.message = f"the robot is not homed: {HOMING}"
        elif self.driver is None:
            response.message = to_activate(self.get_fully_qualified_name(), self.lifecycle_state)
        elif (reason := self._barred()) is not None:
            response.message = reason
        else:
            self.lost.clear()
            try:
                self.driver.home()
                response.success, response.message = True, "homed by stretch_driver"
            except TransportError as error:
                response.message = str(error)
            finally:
                self._end(threading.Event())
        return response
