"""What the simulated and the real robot's nodes share: the skill action, stop and resume, the client's heartbeat."""

from __future__ import annotations

import math
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fail2progress_msgs.action import AimCamera, ExecuteSkill
from fail2progress_msgs.msg import ErrorCode
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.lifecycle import State, TransitionCallbackReturn
from std_srvs.srv import Trigger

from fail2progress.core.scene import Array
from fail2progress.robots.base import ExecutionError, RefusedError
from fail2progress.ros.actions import with_a_code
from fail2progress.ros.catching_up import catch_up
from fail2progress.ros.conversions.robots import checked_point, joints_msg, transforms_msg
from fail2progress.ros.conversions.values import call_of, time_of
from fail2progress.ros.corrections import adjustments_of
from fail2progress.ros.engagement import Engagement
from fail2progress.ros.lifecycle import StackNode
from fail2progress.skills.adjustments import AS_DEFINED
from fail2progress.skills.base import SkillCall

WATCH = 0.02
"""Seconds between two looks at the client's heartbeat."""
LAST, SENT = 3.0, 0.3
"""Seconds in which motion has to end when the node is let go of, and then in which rclpy sends its result, unnoticed."""


class RobotNode(StackNode):
    """One skill at a time. Stop, a cancelled goal and the loss of the client all end motion and abort the goal."""

    robot: Any
    """What carries skills out, a Robot; set by `start`."""

    def offer(self) -> None:
        """Call in `start`, when the robot is there."""
        self.moving = threading.Lock()
        self.stopped = threading.Event()
        self.stops = self.taken_back = 0  # how often it was stopped, and how many of these stops who asked it to resume knew of
        self.lost = threading.Event()
        self.heard = 0.0
        self.engagement = Engagement(self.get_namespace())
        self.goal: Any = None
        self.watcher: threading.Thread | None = None
        self.adjustments = AS_DEFINED
        self.listen("heartbeat", self._hear, when_inactive=True, group=self.together)
        self.corrections = self.listen("corrections", self._correct, when_inactive=True, group=self.together)
        self.serve(Trigger, "stop_the_robot", self._stop)
        self.serve(Trigger, "resume_the_robot", self._resume)
        self.made.callback(self._finish)
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
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=self.together,
        )

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        """See LifecycleNode. Motion under way ends."""
        self.active = False  # first, so that no other one begins
        if self.moving.locked():
            self.halt()
        return super().on_deactivate(state)

    def _finish(self) -> None:
        """Motion ends, and whoever asked for it hears of that while there is a server."""
        self.active = False
        asked = self.moving.locked()
        self.halt()
        if asked and self.moving.acquire(timeout=LAST):
            self.moving.release()
            time.sleep(SENT)

    def _accept(self, request: Any) -> GoalResponse:
        """Goals of this run's planner and of people; of nobody while another robot's node has the same name."""
        ours = getattr(request, "run", "") in ("", self.others.run) and not self.others.foreign
        return GoalResponse.ACCEPT if self.active and ours else GoalResponse.REJECT

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
        self.engagement.hear(message)
        self.alive()

    def alive(self) -> None:
        """The client's heartbeat has come."""

    def _correct(self, message: Any) -> None:
        self.adjustments = adjustments_of(message)

    @property
    def _unwanted(self) -> bool:
        return not self.active or (self.goal is not None and bool(self.goal.is_cancel_requested))

    def _watch(self, over: threading.Event, limit: float) -> None:
        """Halt when the client was silent for so long (s), or its goal is not wanted. Delays of this process do not count."""
        self.heard = woken = time.monotonic()
        while not over.wait(WATCH):
            late, woken = time.monotonic() - woken - 2 * WATCH, time.monotonic()
            if late > 0:
                self.heard = min(self.heard + late, woken)
            if woken - self.heard > limit:
                self.lost.set()
            if self.lost.is_set() or self._unwanted:
                self.halt()
                return

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
        result, over = ExecuteSkill.Result(), threading.Event()
        if not self._begins(handle, result, handle.request.episode):
            return result
        try:
            self._carry_out(handle, result, over)
        finally:
            self._end(over)
        return self._answered(handle, result)

    def take_up(self, episode: str = "") -> str | None:
        """Why nothing can be begun now; None: whoever asks has the robot until `moving` is released. A task holds others off."""
        reason = self.engagement.reason(episode)
        if reason or self.moving.acquire(blocking=False):
            return reason or None
        return "another skill is under way: wait for its end, or stop it"

    def _begins(self, handle: Any, result: Any, episode: str = "") -> bool:
        reason = self.take_up(episode)
        if reason is not None:
            result.error_code, result.error_msg = ErrorCode.ROBOT_BUSY, reason
            handle.abort()
        return reason is None

    def _answered(self, handle: Any, result: Any) -> Any:
        """The result of a goal that is over."""
        if not self.active and result.error_code != ErrorCode.OK:
            result.error_code, result.error_msg = ErrorCode.ROBOT_STOPPED, "the robot's node was deactivated"
        if handle.is_cancel_requested:
            handle.canceled()
        elif result.error_code == ErrorCode.OK:
            handle.succeed()
        else:
            self.get_logger().error(result.error_msg)
            handle.abort()
        return result

    def _carry_out(self, handle: Any, result: Any, over: threading.Event) -> None:
        if self.stopped.is_set() or not self.active:
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
        if not self._begins(handle, result):
            return result
        try:
            if self.stopped.is_set() or not self.active:
                raise ExecutionError("the robot is stopped: call resume_the_robot")
            self.goal = handle
            self.lost.clear()
            self.attend(over, math.inf)
            self.aim(handle.request.object, checked_point(handle.request.point))
        except (ValueError, ExecutionError) as error:
            result.error_msg = str(error)
            result.error_code = ErrorCode.ROBOT_BAD_CALL if isinstance(error, ValueError) else self._code()
        finally:
            self._end(over)
        return self._answered(handle, result)

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
        try:
            if (self.lost.is_set() or self._unwanted) and not self.stopped.is_set():
                with suppress(ExecutionError):  # the run-stop is pressed: the next goal says so
                    self.take_goals()
        finally:
            self.goal = None
            self.moving.release()

    def _beat(self, over: threading.Event) -> None:
        """In place of a client's heartbeat."""
        while not over.wait(WATCH):
            self.alive()

    def tell_joints(self, joints: dict[str, tuple[float, float, float]]) -> None:
        """Position, velocity and effort by name."""
        self.tell("joint_states", joints_msg(joints, self.get_clock().now().to_msg()))

    def tell_transforms(self, transforms: list[tuple[str, str, Array]], topic: str = "tf", stamp: Any = None) -> None:
        """(7,) poses of children in their parents, at a time (now)."""
        self.tell(topic, transforms_msg(transforms, stamp or time_of(self.now())))
