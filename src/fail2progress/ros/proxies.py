"""The loop's robot and monitor, where these are other processes: what they say is waited for, with time limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import ExecuteSkill
from fail2progress_msgs.msg import ErrorCode, Step

from fail2progress.agent.monitor import Monitor, SkillExecution, StepResult
from fail2progress.agent.observer import Observer
from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.models.base import SkillEffectModel
from fail2progress.planning.planned import PlannedSkill
from fail2progress.robots.base import ExecutionError, RefusedError, Robot
from fail2progress.ros.actions import Dispatcher, await_result
from fail2progress.ros.conversions.observations import observation_of
from fail2progress.ros.conversions.records import mismatches_of
from fail2progress.ros.conversions.values import call_msg, relations_of, stamp_of, uuid_text
from fail2progress.ros.corrections import adjustments_msg
from fail2progress.ros.set_back import Since
from fail2progress.skills.adjustments import Adjustments
from fail2progress.skills.base import SkillCall

if TYPE_CHECKING:
    from fail2progress.ros.nodes.planner import PlannerNode

AGREEMENT = 5.0
"""Seconds to wait for relations by the model that plans, before those by another one are taken."""
DIGEST = 64
"""Characters of a model's digest; other detectors have shorter names."""


ANSWER = 20.0
"""Seconds in which the robot must say whether it takes a skill."""
GONE = 15.0
"""Seconds for which nobody has offered skills, after which the one under way is given up: a restart takes less."""


HEARD = 5.0
"""Seconds in which corrections come to those who hear them; then a skill is asked for without."""


class Interrupted(RuntimeError):
    """The loop was stopped, or another node did not answer: with an ErrorCode."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class RemoteObserver(Observer):
    """What the relations node saw and detected, at rest, after everything that was done so far."""

    def __init__(self, node: PlannerNode) -> None:
        self.node = node
        self.finished = 0
        self.since = Since(node.now)
        self._forget()

    def look(self, done: PlannedSkill | None = None) -> Observation:
        """See Observer. The relations node knows of the skill itself."""
        node, seconds = self.node, float(self.node.param("observation_timeout"))
        found = node.await_news(self._by_the_planning_model, min(AGREEMENT, seconds)) or node.await_news(self._newest, seconds)
        if found is None:
            raise Interrupted(
                ErrorCode.PLANNER_NO_OBSERVATION, f"no relations for {seconds:.0f} s: do camera, segmentation and relations run?"
            )
        return observation_of(found)

    def adopt(self, model: SkillEffectModel, digest: str) -> Observation:
        """See Observer. The relations node hears of the model itself."""
        return self.look()

    def done(self) -> None:
        """A skill has ended: what was seen before is of no use any more."""
        self.finished += 1
        self.since.begin()
        self._forget()

    def _forget(self) -> None:
        """What came before now."""
        with self.node.news:
            self.node.heard.pop(("relations", None), None)

    def _newest(self) -> Any:
        node, message = self.node, self.node.heard.get(("relations", None))
        if message is None or message.moving:
            return None
        after = self.finished == 0 or (uuid_text(message.episode) == node.episode and message.finished == self.finished)
        return message if after and self.since.counts(stamp_of(message.header.stamp)) else None

    def _by_the_planning_model(self) -> Any:
        message = self._newest()
        agrees = message is not None and (len(message.model) != DIGEST or message.model == self.node.agent.digest)
        return message if agrees else None


class RemoteRobot(Robot):
    """Eyes and hands are the relations node and the robot node."""

    def __init__(self, node: PlannerNode, observer: RemoteObserver) -> None:
        self.node, self.observer = node, observer

    def observe(self) -> SegmentedCloud:
        """See Robot."""
        return self.observer.look().cloud

    def adjust(self, adjustments: Adjustments) -> None:
        """See Robot. The robot's node hears of it by a topic."""
        super().adjust(adjustments)
        self.node.tell("corrections", adjustments_msg(self.adjustments))

    def execute(self, call: SkillCall) -> None:
        """Have a skill carried out, and tell of its end."""
        try:
            self.node.skills.carry_out(call)
        except ExecutionError as error:
            refused = isinstance(error, RefusedError)
            self.node.step(Step.FAILED, ErrorCode.ROBOT_REFUSED if refused else ErrorCode.ROBOT_CANNOT, str(error))
            raise
        except Interrupted as error:
            self.node.step(Step.FAILED, error.code, str(error))
            raise
        self.observer.done()
        self.node.step(Step.FINISHED)


class RemoteMonitor(Monitor):
    """The monitor node's verdict."""

    def __init__(self, node: PlannerNode) -> None:
        self.node = node

    def check(self, attempt: SkillExecution, after: Observation) -> StepResult:
        """See Monitor. `after` is what the monitor sees as well: both get it from the relations node."""
        node, seconds = self.node, float(self.node.param("verdict_timeout"))
        verdict = node.await_news(lambda: node.heard.get(("verdict", (node.episode, attempt.step))), seconds)
        if verdict is None:
            raise Interrupted(ErrorCode.PLANNER_NO_OBSERVATION, f"no verdict for {seconds:.0f} s: does the monitor run?")
        event = None
        if verdict.failure:
            identity = uuid_text(verdict.event)
            event = node.await_news(lambda: node.heard.get(("failure", identity)), seconds)
            if event is None:
                raise Interrupted(
                    ErrorCode.PLANNER_NO_OBSERVATION, f"failure {identity} was announced and not told within {seconds:.0f} s"
                )
        found = mismatches_of(verdict.mismatches)
        return StepResult(attempt.planned, relations_of(verdict.observed), found, event, attempt.conduct)


class SkillClient:
    """Sends a skill to the robot node and waits for its end; cancels it when the task is cancelled."""

    def __init__(self, node: PlannerNode) -> None:
        self.node = node
        self.client = Dispatcher(node, ExecuteSkill, "execute_skill", callback_group=node.together)

    def carry_out(self, call: SkillCall) -> None:
        """RefusedError or ExecutionError where the robot says so; Interrupted where it is stopped or does not answer."""
        if not self.client.found(20.0):
            raise Interrupted(ErrorCode.ROBOT_LOST, "no robot: nobody offers execute_skill")
        self._await_corrections()
        goal = ExecuteSkill.Goal(call=call_msg(call), run=self.node.others.run, episode=self.node.episode)
        handle = self.client.ask(goal, self.node.check_wanted, ANSWER, self._feedback)
        if handle is None:
            raise Interrupted(ErrorCode.ROBOT_LOST, f"the robot did not answer within {ANSWER:.0f} s")
        if not handle.accepted:
            raise Interrupted(ErrorCode.ROBOT_BUSY, "the robot does not take the skill: it is busy, stopped or inactive")
        seconds = float(self.node.param("skill_timeout"))
        try:
            answer = await_result(handle, self._check(), seconds)
        except Interrupted:
            handle.cancel_goal_async()
            raise
        if answer is None:
            handle.cancel_goal_async()
            raise Interrupted(ErrorCode.ROBOT_LOST, f"the skill did not end within {seconds:.0f} s")
        if answer.status == GoalStatus.STATUS_UNKNOWN:
            raise Interrupted(ErrorCode.ROBOT_LOST, "the robot node was restarted and knows nothing of the skill")
        if answer.status == GoalStatus.STATUS_CANCELED:
            raise Interrupted(ErrorCode.ROBOT_STOPPED, answer.result.error_msg or "the skill was cancelled")
        if answer.result.error_code in (ErrorCode.ROBOT_STOPPED, ErrorCode.ROBOT_BUSY, ErrorCode.ROBOT_LOST):
            raise Interrupted(answer.result.error_code, answer.result.error_msg)
        if answer.result.error_code == ErrorCode.ROBOT_REFUSED:
            raise RefusedError(answer.result.error_msg)
        if answer.result.error_code != ErrorCode.OK:
            raise ExecutionError(answer.result.error_msg)

    def _await_corrections(self) -> None:
        """Until the robot's node has got what the skill is to be carried out with: a goal may overtake it."""
        end = time.monotonic() + HEARD
        while not self.node.delivered("corrections", 0.05) and time.monotonic() < end:
            self.node.check_wanted()

    def _check(self) -> Callable[[], None]:
        """To be called all the while: Interrupted where the skill is not wanted any more, or where nobody has offered any for
        some time. A node that is restarted does so again before."""
        seen = time.monotonic()

        def check() -> None:
            nonlocal seen
            self.node.check_wanted()
            seen = time.monotonic() if self.client.ready else seen
            if time.monotonic() - seen > GONE:
                raise Interrupted(ErrorCode.ROBOT_LOST, "the robot's node is gone: nobody offers execute_skill any more")

        return check

    def _feedback(self, message: Any) -> None:
        self.node.facts["skill"] = f"{message.feedback.phase} {message.feedback.share:.0%}"
