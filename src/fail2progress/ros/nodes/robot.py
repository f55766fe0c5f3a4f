"""What the simulated and the real robot's nodes share: the skill action, stop and resume, the client's heartbeat."""

from __future__ import annotations

import math
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from fail2progress_msgs.action import AimCamera, ExecuteSkill
from fail2progress_msgs.msg import ErrorCode
from geometry_msgs.msg import TransformStamped
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from fail2progress.core.scene import Array
from fail2progress.robots.base import ExecutionError, RefusedError
from fail2progress.ros.actions import with_a_code
from fail2progress.ros.catching_up import catch_up
from fail2progress.ros.conversions.values import call_of, time_of
from fail2progress.ros.corrections import adjustments_of
from fail2progress.ros.lifecycle import StackNode
from fail2progress.skills.adjustments import AS_DEFINED
from fail2progress.skills.base import SkillCall

FARTHEST = 20.0
"""Metres to what the camera is aimed at, at most."""
WATCH = 0.02
"""Seconds between two looks at the client's heartbeat."""


class RobotNode(StackNode):
    """One skill at a time. Stop, a cancelled goal and the loss of the client all end motion and abort the goal."""

    robot: Any
    """What carries skills out, a Robot; set by `start`."""

    def offer(self) -> None:
        """Call in `start`, when the robot is there."""
        self.moving = threading.Lock()
        self.stopped = threading.Event()
        self.stops = self.taken_back = 0
        """How often it was stopped, and how many of these stops whoever asked it to resume knew of."""
        self.lost = threading.Event()
        self.heard = 0.0
        self.goal: Any = None
        self.watcher: threading.Thread | None = None
        self.adjustments = AS_DEFINED
        self.listen("heartbeat", self._hear, when_inactive=True, group=self.together)
        self.corrections = self.listen("corrections", self._correct, when_inactive=True, group=self.together)
        self.serve(Trigger, "stop_the_robot", self._stop)
        self.serve(Trigger, "resume_the_robot", self._resume)
        self.action = self._offer(ExecuteSkill, "execute_skill", self.execute)
        self.aiming = self._offer(AimCamera, "aim_camera", self.execute_aim)

    def _offer(self, kind: Any, name: str, carry_out: Callable[[Any], Any]) -> Any:
        """An action's server, which takes goals while the node is active and alone."""
        return ActionServer(
            self,
            kind,
            name,
            with_a_code(self, kind, carry_out, ErrorCode.ROBOT_LOST),
            goal_callback=self._accept,
            cancel_callback=self._cancel,
            callback_group=self.together,
        )

    def _accept(self, request: Any) -> GoalResponse:
        """Goals of this run's planner and of people; of nobody while another robot's node has the same name."""
        ours = getattr(request, "run", "") in ("", self.others.run)
        return GoalResponse.ACCEPT if self.active and ours and not self.others.foreign else GoalResponse.REJECT

    @abstractmethod
    def aim(self, name: str, point: Array) -> None:
        """Turn the camera to something that was seen, or without a name to a (3,) point (m). ExecutionError where it cannot."""

    @abstractmethod
    def perform(self, call: SkillCall) -> None:
        """Carry a skill out. ExecutionError where the robot cannot, or was halted."""

    @abstractmethod
    def halt(self) -> None:
        """End motion now; from any thread."""

    def resume(self) -> None:
        """Take goals again after a stop. ExecutionError where that is not possible yet."""

    def take_goals(self) -> None:
        """Take goals again after a halt. ExecutionError where that is not possible yet."""

    # The client

    def _hear(self, message: Any) -> None:
        self.heard = time.monotonic()
        self.alive()

    def alive(self) -> None:
        """The client's heartbeat has come."""

    def _correct(self, message: Any) -> None:
        """Skills are carried out so from the next one on."""
        self.adjustments = adjustments_of(message)

    def _watch(self, over: threading.Event, limit: float) -> None:
        """Halt when the client falls silent for so long (s), or its goal is cancelled. Delays of this process do not count."""
        self.heard = woken = time.monotonic()
        while not over.wait(WATCH):
            late, woken = time.monotonic() - woken - 2 * WATCH, time.monotonic()
            if late > 0:
                self.heard = min(self.heard + late, woken)
            if woken - self.heard > limit:
                self.lost.set()
                self.halt()
                return
            if self.goal is not None and self.goal.is_cancel_requested:
                self.halt()
                return

    def _cancel(self, handle: Any) -> CancelResponse:
        return CancelResponse.ACCEPT

    # Stop

    def _stop(self, request: Any, response: Any) -> Any:
        with self.lock:
            self.stops += 1
            self.stopped.set()
        self.halt()
        self.get_logger().warning("stopped; resume_the_robot lets it go on")
        response.success, response.message = True, "stopped; call resume_the_robot to go on"
        return response

    def _resume(self, request: Any, response: Any) -> Any:
        """A stop that comes meanwhile holds: whoever asked did not know of it."""
        self.taken_back = self.stops
        try:
            self.resume()
        except ExecutionError as error:
            response.success, response.message = False, str(error)
            return response
        with self.lock:
            if not self.stopped_anew:
                self.stopped.clear()
        response.success, response.message = True, "takes goals again"
        if self.stopped.is_set():
            self.halt()
            response.success, response.message = False, "stopped meanwhile; call resume_the_robot to go on"
        return response

    @property
    def stopped_anew(self) -> bool:
        """Whether it was stopped after it was asked to resume."""
        return self.stops > self.taken_back

    # The action

    def execute(self, handle: Any) -> Any:
        """The action: every way out has a code and a text."""
        result = ExecuteSkill.Result()
        if not self.moving.acquire(blocking=False):
            result.error_code, result.error_msg = ErrorCode.ROBOT_BUSY, "another skill is under way"
            handle.abort()
            return result
        over = threading.Event()
        try:
            self._carry_out(handle, result, over)
        finally:
            self._end(over)
        if handle.is_cancel_requested:
            handle.canceled()
        elif result.error_code == ErrorCode.OK:
            handle.succeed()
        else:
            self.get_logger().error(result.error_msg)
            handle.abort()
        return result

    def _carry_out(self, handle: Any, result: Any, over: threading.Event) -> None:
        if self.stopped.is_set():
            result.error_code, result.error_msg = ErrorCode.ROBOT_STOPPED, "the robot is stopped: call resume_the_robot"
            return
        self.goal = handle
        self.lost.clear()
        try:
            call = call_of(handle.request.call)
            limit = math.inf if handle.request.unattended else float(self.param("client_timeout")) or math.inf
            self.attend(over, limit)
            self.get_logger().info(f"skill: {call}")
            catch_up(self.corrections)  # told before the goal
            self.robot.adjust(self.adjustments)
            self.perform(call)
        except ValueError as error:
            result.error_code, result.error_msg = ErrorCode.ROBOT_BAD_CALL, str(error)
        except ExecutionError as error:
            result.error_code, result.error_msg = self._code(isinstance(error, RefusedError)), str(error)
            if self.lost.is_set():
                result.error_msg = f"the client was silent for {self.param('client_timeout')} s; motion was ended"

    def _code(self, refused: bool = False) -> int:
        if self.lost.is_set():
            return int(ErrorCode.ROBOT_LOST)
        if self.stopped.is_set() or (self.goal is not None and self.goal.is_cancel_requested):
            return int(ErrorCode.ROBOT_STOPPED)
        return int(ErrorCode.ROBOT_REFUSED if refused else ErrorCode.ROBOT_CANNOT)

    def feed_back(self, share: float, phase: str) -> None:
        """Progress of the skill under way."""
        if self.goal is not None:
            kind = AimCamera if isinstance(self.goal.request, AimCamera.Goal) else ExecuteSkill
            self.goal.publish_feedback(kind.Feedback(phase=phase, share=float(min(max(share, 0.0), 1.0))))

    def execute_aim(self, handle: Any) -> Any:
        """The action: only the head moves, so it goes on without a client's heartbeat."""
        result, over = AimCamera.Result(), threading.Event()
        if not self.moving.acquire(blocking=False):
            result.error_code, result.error_msg = ErrorCode.ROBOT_BUSY, "a skill is under way: stop it, or wait for its end"
            handle.abort()
            return result
        try:
            if self.stopped.is_set():
                raise ExecutionError("the robot is stopped: call resume_the_robot")
            self.goal = handle
            self.lost.clear()
            self.attend(over, math.inf)
            self.aim(handle.request.object, checked_point(handle.request.point))
        except (ValueError, ExecutionError) as error:
            bad = isinstance(error, ValueError)
            result.error_code, result.error_msg = ErrorCode.ROBOT_BAD_CALL if bad else self._code(), str(error)
        finally:
            self._end(over)
        if handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.succeed() if result.error_code == ErrorCode.OK else handle.abort()
        return result

    def attend(self, over: threading.Event, limit: float) -> None:
        """Watch over a motion until it is over: halt it when it is cancelled, or the client was silent for so long (s)."""
        self.watcher = threading.Thread(target=self._watch, args=(over, limit), daemon=True)
        self.watcher.start()
        if math.isinf(limit):
            threading.Thread(target=self._beat, args=(over,), daemon=True).start()

    def _end(self, over: threading.Event) -> None:
        """Of a goal. Who cancels one, or comes back, may send another one: a halt for that reason holds up none after it."""
        over.set()
        if self.watcher is not None:
            self.watcher.join()
        cancelled = self.goal is not None and self.goal.is_cancel_requested
        try:
            if (self.lost.is_set() or cancelled) and not self.stopped.is_set():
                with suppress(ExecutionError):  # the run-stop is pressed: the next goal says so
                    self.take_goals()
        finally:
            self.goal = None
            self.moving.release()

    def _beat(self, over: threading.Event) -> None:
        """In place of a client's heartbeat."""
        while not over.wait(WATCH):
            self.alive()

    # State

    def tell_joints(self, joints: dict[str, tuple[float, float, float]]) -> None:
        """Position, velocity and effort by name."""
        message = JointState(name=list(joints))
        message.header.stamp = self.get_clock().now().to_msg()
        message.position, message.velocity, message.effort = ([v[i] for v in joints.values()] for i in range(3))
        self.tell("joint_states", message)

    def tell_transforms(self, transforms: list[tuple[str, str, Array]], topic: str = "tf", stamp: Any = None) -> None:
        """(7,) poses of children in their parents, at a time (now)."""
        stamp = stamp or time_of(self.now())
        items = []
        for parent, child, pose in transforms:
            item = TransformStamped(child_frame_id=child)
            item.header.stamp, item.header.frame_id = stamp, parent
            move, turn = item.transform.translation, item.transform.rotation
            move.x, move.y, move.z, turn.w, turn.x, turn.y, turn.z = map(float, pose)
            items.append(item)
        self.tell(topic, TFMessage(transforms=items))


def checked_point(values: Any) -> Array:
    """(3,) m; ValueError where it is none of this room."""
    point = np.array(values, float)
    if point.shape != (3,) or not (np.abs(point) <= FARTHEST).all():
        raise ValueError(f"a point must have three numbers within {FARTHEST:g} m, got {point.tolist()}")
    return point
