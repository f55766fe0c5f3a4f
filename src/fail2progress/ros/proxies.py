"""The loop's robot and monitor, where these are other processes: what they say is waited for, with time limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import ExecuteSkill
from fail2progress_msgs.msg import ErrorCode, Step

from fail2progress.agent.monitor import Monitor, SkillExecution, StepResult
from fail2progress.core.observation import SegmentedCloud
from fail2progress.robots.base import ExecutionError, Robot
from fail2progress.ros.conversions.records import mismatch_of
from fail2progress.ros.conversions.values import call_msg, cloud_of, relations_of, uuid_text
from fail2progress.ros.lifecycle import GoalClient
from fail2progress.skills.base import SkillCall

if TYPE_CHECKING:
    from fail2progress.ros.nodes.planner import PlannerNode

ASK_AGAIN = 3.0
"""Seconds after which a result is asked for once more."""


class Interrupted(RuntimeError):
    """The loop was stopped, or another node did not answer: with an ErrorCode."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class RemoteRobot(Robot):
    """Eyes and hands are the relations node and the robot node."""

    def __init__(self, node: PlannerNode) -> None:
        self.node = node
        self.finished = 0
        self.since = node.now()

    def observe(self) -> SegmentedCloud:
        """What the relations node saw, at rest, after everything that was done so far."""
        node, seconds = self.node, float(self.node.param("observation_timeout"))

        def look() -> Any:
            message = node.heard.get(("relations", None))
            if message is None or message.moving:
                return None
            stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
            after = self.finished == 0 or (uuid_text(message.episode) == node.episode and message.finished == self.finished)
            return message if after and stamp >= self.since else None

        found = node.await_news(look, seconds)
        if found is None:
            raise Interrupted(
                ErrorCode.PLANNER_NO_OBSERVATION, f"no relations for {seconds:.0f} s: do camera, segmentation and relations run?"
            )
        return cloud_of(found.segments)

    def execute(self, call: SkillCall) -> None:
        """Have a skill carried out, and tell of its end."""
        try:
            self.node.skills.carry_out(call)
        except ExecutionError as error:
            self.node.step(Step.FAILED, ErrorCode.ROBOT_CANNOT, str(error))
            raise
        except Interrupted as error:
            self.node.step(Step.FAILED, error.code, str(error))
            raise
        self.finished += 1
        self.since = self.node.now()
        self.node.step(Step.FINISHED)


class RemoteMonitor(Monitor):
    """The monitor node's verdict."""

    def __init__(self, node: PlannerNode) -> None:
        self.node = node

    def check(self, attempt: SkillExecution, after: SegmentedCloud) -> StepResult:
        """See Monitor. `after` is what the monitor sees as well: both get it from the relations node."""
        node, seconds = self.node, float(self.node.param("verdict_timeout"))
        verdict = node.await_news(lambda: node.heard.get(("verdict", (node.episode, attempt.step))), seconds)
        if verdict is None:
            raise Interrupted(ErrorCode.PLANNER_NO_OBSERVATION, f"no verdict for {seconds:.0f} s: does the monitor run?")
        event = None
        if verdict.failure:
            identity = uuid_text(verdict.event)
            event = node.await_news(lambda: node.heard.get(("failure", identity)), seconds)
        return StepResult(attempt.planned, relations_of(verdict.observed), tuple(map(mismatch_of, verdict.mismatches)), event)


class SkillClient:
    """Sends a skill to the robot node and waits for its end; cancels it when the task is cancelled."""

    def __init__(self, node: PlannerNode) -> None:
        self.node = node
        self.client = GoalClient(node, ExecuteSkill, "execute_skill", callback_group=node.together)

    def carry_out(self, call: SkillCall) -> None:
        """ExecutionError where the robot says that it cannot; Interrupted where it is stopped or does not answer."""
        if not self.client.wait_for_server(timeout_sec=20.0):
            raise Interrupted(ErrorCode.ROBOT_LOST, "no robot: nobody offers execute_skill")
        goal = ExecuteSkill.Goal(call=call_msg(call))
        handle = self._wait(self.client.send_goal_async(goal, feedback_callback=self._feedback), 20.0)
        if not handle.accepted:
            raise Interrupted(ErrorCode.ROBOT_BUSY, "the robot does not take the skill: it is busy, stopped or inactive")
        seconds = float(self.node.param("skill_timeout"))
        try:
            answer = await_result(handle, self.node.check_wanted, seconds)
        except Interrupted:
            handle.cancel_goal_async()
            raise
        if answer is None:
            handle.cancel_goal_async()
            raise Interrupted(ErrorCode.ROBOT_LOST, f"the skill did not end within {seconds:.0f} s")
        if answer.status == GoalStatus.STATUS_UNKNOWN:
            raise Interrupted(ErrorCode.ROBOT_LOST, "the robot node was started anew and knows nothing of the skill")
        if answer.status == GoalStatus.STATUS_CANCELED:
            raise Interrupted(ErrorCode.ROBOT_STOPPED, answer.result.error_msg or "the skill was cancelled")
        if answer.result.error_code in (ErrorCode.ROBOT_STOPPED, ErrorCode.ROBOT_BUSY, ErrorCode.ROBOT_LOST):
            raise Interrupted(answer.result.error_code, answer.result.error_msg)
        if answer.result.error_code != ErrorCode.OK:
            raise ExecutionError(answer.result.error_msg)

    def _feedback(self, message: Any) -> None:
        self.node.facts["skill"] = f"{message.feedback.phase} {message.feedback.share:.0%}"

    def _wait(self, future: Any, seconds: float) -> Any:
        """The result of a future."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        end = time.monotonic() + seconds
        while not done.wait(0.05):
            self.node.check_wanted()
            if time.monotonic() > end:
                raise Interrupted(ErrorCode.ROBOT_LOST, f"the robot did not answer within {seconds:.0f} s")
        return future.result()


def await_result(handle: Any, check: Callable[[], None], seconds: float) -> Any:
    """The answer to a goal, or None when the time is over. `check` is called all the while and may raise.

    It is asked for again and again: a server that was started anew answers at once that it knows nothing of the goal (status
    unknown), while a dead one looks alive for as long as the middleware's lease runs.
    """
    came, asked = threading.Event(), []
    begun, due = time.monotonic(), 0.0
    while time.monotonic() - begun < seconds:
        if time.monotonic() >= due:
            asked.append(handle.get_result_async())
            asked[-1].add_done_callback(lambda _: came.set())
            due = time.monotonic() + ASK_AGAIN
        if came.wait(0.05):
            return next(future.result() for future in asked if future.done())
        check()
    return None
