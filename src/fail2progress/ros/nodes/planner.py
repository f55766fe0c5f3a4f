"""planner: the loop of `agent.loop` with the stack's other nodes as its eyes, hands and judge."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from fail2progress_msgs.action import ExecuteTask
from fail2progress_msgs.msg import ErrorCode, FailureReport, Heartbeat, ModelUpdate, Plan, Step
from rclpy.action import ActionServer, CancelResponse, GoalResponse

from fail2progress.agent.loop import Agent, AgentConfig, TaskSpec
from fail2progress.agent.monitor import SkillExecution, StepResult
from fail2progress.core.descriptions import resolve
from fail2progress.core.goals import Goal
from fail2progress.core.parts import PartError
from fail2progress.failures.sentences import story
from fail2progress.models.base import SkillEffectModel
from fail2progress.planning import planner as planning
from fail2progress.planning.refusals import Refusals
from fail2progress.ros.actions import with_a_code
from fail2progress.ros.conversions.observations import observation_of
from fail2progress.ros.conversions.records import event_of, mismatches_of, step_msg
from fail2progress.ros.conversions.values import (
    SCHEMA,
    Refused,
    check_schema,
    check_texts,
    goal_msg,
    goal_of,
    header,
    planned_msg,
    relations_of,
    stamp_of,
    uuid_msg,
    uuid_text,
)
from fail2progress.ros.corrections import remote_correcting
from fail2progress.ros.model_node import ModelNode
from fail2progress.ros.outcomes import ended
from fail2progress.ros.proxies import Interrupted, RemoteMonitor, RemoteObserver, RemoteRobot, SkillClient

Found = TypeVar("Found")
HEARTBEAT, MOST_STAGES = 0.03, 64


class PlannerNode(ModelNode):
    """One task at a time. What the other nodes say is kept as it comes; the loop waits for what it needs."""

    def start(self) -> None:
        """See StackNode."""
        self.load()
        self.heard: dict[tuple[str, Any], Any] = {}
        """The newest of every kind that the loop waits for, by kind and key."""
        self.news, self.busy, self.episode = threading.Condition(), threading.Lock(), ""
        self.asked: Any = None
        self.ending = threading.Event()
        self.made.callback(self.ending.set)
        self.skills = SkillClient(self)
        self.listen("relations", self._relations, group=self.together)
        self.listen("verdicts", self._verdict, group=self.together)
        self.listen("failures", self._failure, group=self.together)
        self.listen("failure_reports", lambda m: self.hear("report", uuid_text(m.failure), m), group=self.together)
        self.action = ActionServer(
            self,
            ExecuteTask,
            "execute_task",
            with_a_code(self, ExecuteTask, self.execute, ErrorCode.PLANNER_STOPPED),
            goal_callback=self.accept,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
            callback_group=self.together,
        )

    # What is heard

    def hear(self, kind: str, key: Any, message: Any) -> None:
        """Keep a message and wake the loop."""
        with self.news:
            self.heard[kind, key] = message
            while len(self.heard) > 256:
                self.heard.pop(next(iter(self.heard)))
            self.news.notify_all()

    def _relations(self, message: Any) -> None:
        """Checked before the loop sees it."""
        observation_of(message)
        stamp_of(message.header.stamp)
        self.hear("relations", None, message)

    def _verdict(self, message: Any) -> None:
        check_schema(message)
        relations_of(message.observed)
        mismatches_of(message.mismatches)
        self.hear("verdict", (uuid_text(message.episode), int(message.step)), message)

    def _failure(self, message: Any) -> None:
        event = event_of(message)
        self.hear("failure", event.id, event)

    def update_model(self, message: Any) -> None:
        """See ModelNode; a lesson about a failure is what the loop waits for after it."""
        super().update_model(message)
        for event in message.events[:64]:
            self.hear("lesson", uuid_text(event), message)

    def await_news(self, look: Callable[[], Found | None], seconds: float) -> Found | None:
        """What `look` finds, or None when the time is over. Interrupted when the task is cancelled or the node ends."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                found = look()
                if found is not None:
                    return found
                self.check_wanted()
                if time.monotonic() > end:
                    return None
                self.news.wait(0.05)

    def check_wanted(self) -> None:
        """Interrupted when the task is cancelled, or the node ends or is deactivated."""
        if self.ending.is_set() or not self.active or self.asked is None or self.asked.is_cancel_requested:
            raise Interrupted(ErrorCode.PLANNER_STOPPED, "stopped")

    # The task

    def accept(self, request: Any) -> GoalResponse:
        """One task at a time, and only while active; of this run, or of a person where there is no other planner."""
        free = self.active and not self.others.foreign and not self.busy.locked()
        return GoalResponse.ACCEPT if free and request.run in ("", self.others.run) else GoalResponse.REJECT

    def execute(self, handle: Any) -> Any:
        """The action: pursue the goals; every way out has a code and a text."""
        result = ExecuteTask.Result()
        if not self.busy.acquire(blocking=False):
            result.error_code, result.error_msg = ErrorCode.PLANNER_BUSY, "another task is under way"
            handle.abort()
            return result
        self.asked, self.episode = handle, str(uuid.uuid4())
        alive = threading.Event()
        beating = threading.Thread(target=self._beat, args=(alive,), daemon=True)
        beating.start()
        self.failures, self.done_steps = list[str](), 0
        self._tell_over()  # a planner that has died cannot say any more how its last step ended
        try:
            self._answer(handle.request, result)
            self._close(handle, result)
        finally:
            self._tell_over()
            alive.set()
            beating.join()
            self.tell("heartbeat", Heartbeat(header=header(self.now(), ""), episode=self.episode, last=True))
            self.busy.release()  # last: the next task has its own failures and steps
        return result

    def _tell_over(self) -> None:
        self.tell("steps", Step(header=header(self.now(), ""), schema_version=SCHEMA, phase=Step.OVER))

    def _answer(self, request: Any, result: Any) -> None:
        try:
            self._pursue(request, result)
        except Interrupted as reason:
            result.error_code, result.error_msg = reason.code, str(reason)
        except ValueError as error:
            bad = ErrorCode.MODEL_DAMAGED if isinstance(error, PartError) else ErrorCode.PLANNER_BAD_GOAL
            result.error_code, result.error_msg = bad, str(error)
        result.failures = [uuid_msg(identity) for identity in self.failures]
        result.skills, result.model = self.done_steps, self.live.current.digest

    def _close(self, handle: Any, result: Any) -> None:
        if handle.is_cancel_requested:
            handle.canceled()
        elif result.error_code == ErrorCode.OK:
            handle.succeed()
        else:
            handle.abort()
        self.get_logger().info(f"task over: {result.outcome or result.error_msg}")

    def _pursue(self, request: Any, result: Any) -> None:
        model, observer = self.live.current, RemoteObserver(self)
        planner = planning.Planner(model.model, torch.Generator().manual_seed(int(request.seed)))
        agent = Agent(
            planner,
            model.digest,
            keep=lambda event: None,
            config=AgentConfig(
                replan=not request.open_loop, stop_at_failure=request.open_loop, max_skills=int(self.param("max_skills"))
            ),
            on_event=self._watch,
            monitor=RemoteMonitor(self),
            observer=observer,
            learn=self._learn,
            provide_model=self._renew,
            correcting=remote_correcting(self),
        )
        self.agent, self.plans = agent, 0
        stages = self._stages(request, observer)
        if request.show:
            result.outcome = f"would pursue: {'; then '.join(map(str, stages))}"
            return
        assignment = TaskSpec(stages, request.task, int(request.objects), int(request.seed))
        episode = agent.run(RemoteRobot(self, observer), assignment)
        if episode.outcome == "failure":  # the loop has stopped there, so nobody has waited yet
            left = len(episode.plans[-1]) - len(episode.taken)
            rest = f": {left} more of the plan's skills counted on what did not come about" if left else ""
            self.say("act", f"stopped{rest}")
            self._learn(episode.failures[-1])
        result.outcome, result.error_code = ended(episode)
        result.error_msg = "" if result.error_code == ErrorCode.OK else result.outcome

    def _stages(self, request: Any, observer: RemoteObserver) -> tuple[Goal, ...]:
        """The goals to reach one after the other; those in words are resolved in what is seen now, and told."""
        given = request.goals or request.stages
        if not 0 < len(given) <= MOST_STAGES:
            raise Refused("count", f"a task of {len(given)} stages; goals or stages hold 1 to {MOST_STAGES}")
        if not request.goals:
            stages = tuple(map(goal_of, given))
            if request.show:
                unseen = {name for stage in stages for name in stage.objects} - {*observer.look().cloud.names}
                if unseen:
                    raise Refused("name", f"not seen: {', '.join(sorted(unseen))}")
            return stages
        check_texts(*given)
        seen = observer.look()
        stages = tuple(resolve(text, seen) for text in given)
        self.say("perceive", f"sees {', '.join(seen.cloud.names)}; goal: {'; then '.join(map(str, stages))}")
        return stages

    def _watch(self, kind: str, value: object) -> None:
        """Tell plans, steps and failures as the loop reaches them."""
        if isinstance(value, planning.Plan):
            self.say("plan", f"{len(value)} skills, P(goal) = {value.probability:.2f}")
            self.tell("plan", self._plan_msg(value))
        elif isinstance(value, SkillExecution):
            self.attempt = value
            self.say("act", str(value.planned.call))
            self.step(Step.STARTED)
        elif isinstance(value, Refusals):
            self.say("act", f"the robot refuses: {value.reasons[-1]}")
        elif isinstance(value, StepResult):
            self.done_steps += 1
            event = value.event
            if event is not None:
                self.failures.append(event.id)
            self.say("monitor", f"failure {event.id}: {' '.join(story(event))}" if event is not None else "as expected")

    def step(self, phase: int, code: int = 0, text: str = "") -> None:
        """Tell of the present attempt."""
        self.tell("steps", step_msg(self.attempt, self.episode, phase, self.now(), code, text))

    def say(self, phase: str, text: str) -> None:
        """Feedback to the client of the task."""
        self.get_logger().info(f"{phase}: {text}")
        if self.asked is not None:
            self.asked.publish_feedback(ExecuteTask.Feedback(phase=phase, step=self.done_steps, text=text))

    def _plan_msg(self, plan: planning.Plan) -> Any:
        return Plan(
            header=header(self.now(), ""),
            schema_version=SCHEMA,
            episode=uuid_msg(self.episode),
            first_step=self.done_steps,
            goal=goal_msg(plan.goal),
            skills=[planned_msg(skill) for skill in plan.skills],
            probability=plan.probability,
            reached=plan.reached,
            model=self.agent.digest,
        )

    def _learn(self, event: Any) -> None:
        """Wait until the failure has been learnt from, or is known to be none of the model's."""
        seconds = float(self.param("learn_timeout"))
        if seconds <= 0:
            return
        self.say("learn", f"waiting for what is learnt from failure {event.id}")
        heard = self.await_news(lambda: self._lesson(event.id), seconds)
        self.say("learn", heard or f"nothing was learnt from failure {event.id} in {seconds:.0f} s; going on")

    def _lesson(self, identity: str) -> str | None:
        lesson, report = self.heard.get(("lesson", identity)), self.heard.get(("report", identity))
        if lesson is not None:
            return f"{f'{lesson.version} accepted' if lesson.kind == ModelUpdate.ACCEPTED else 'no new model'}: {lesson.reason}"
        if report is not None and report.category != FailureReport.SYMBOLIC_PREDICTION:
            why = f" ({report.reason})" if report.reason else ""
            return f"{report.category.replace('_', ' ')}{why}: nothing to learn for the model"
        return None

    def _renew(self) -> tuple[SkillEffectModel, str] | None:
        """The current model, before every plan."""
        current = self.live.current
        return None if current.digest == self.agent.digest else (current.model, current.digest)

    def _beat(self, over: threading.Event) -> None:
        """While a task is under way the robot hears that its client is alive."""
        while not over.wait(HEARTBEAT):
            self.tell("heartbeat", Heartbeat(header=header(self.now(), ""), episode=self.episode))
