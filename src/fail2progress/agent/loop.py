"""The loop on one page: perceive, plan, act, monitor, learn; failures are durable before anything acts on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fail2progress.agent.correcting import Correcting
from fail2progress.agent.monitor import Monitor, RuleMonitor, SkillExecution, StepResult
from fail2progress.agent.observer import Observer, RobotObserver
from fail2progress.core.brief import brief
from fail2progress.core.goals import Goal
from fail2progress.core.observation import Observation
from fail2progress.core.parts import guarded
from fail2progress.core.relations import RelationState
from fail2progress.failures.calibration import rule_for
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.monitor import MonitorRule
from fail2progress.models.base import SkillEffectModel
from fail2progress.perception.relations.registry import DEFAULT, relation_detector
from fail2progress.planning.planned import PlannedSkill
from fail2progress.planning.planner import Plan, Planner, nothing_to_do
from fail2progress.planning.refusals import NOTHING_REFUSED, Refusals
from fail2progress.robots.base import ExecutionError, RefusedError, Robot


@dataclass(frozen=True)
class TaskSpec:
    """What the robot is asked to do, and what the records shall say about it."""

    stages: tuple[Goal, ...]
    task: str = "goal"
    objects: int = 0
    seed: int = 0

    @property
    def goal(self) -> Goal:
        """What must hold in the end."""
        return self.stages[-1]


@dataclass(frozen=True)
class AgentConfig:
    """How the loop behaves. Open loop carries the first plan out to its end; otherwise it plans again after every skill, and
    without a skill that the robot refused to begin.

    A plan that was made before everything the goal names had been seen ends, in either case, when more of it comes into view.
    """

    replan: bool = True
    stop_at_failure: bool = False
    max_skills: int = 20
    rule: MonitorRule | None = None
    """When a mismatch matters; None: as calibrated for the model."""
    surprises: bool = False
    """Whether motions that surprise by the calibrated rule become events too. They stop nothing."""
    relations: str = DEFAULT
    """Name of the relation detector."""


@dataclass(frozen=True)
class Episode:
    """What happened. `outcome` is "done" (the goal is seen to hold), "goal missed" (the plan was carried out alone, and the goal
    is not seen to hold), "failure" (stopped at one), "no plan", "no plan: why" (the same was done in vain), "too many skills",
    "execution: why" or "out of sight: what", where something that the goal names has gone from where it was, and nobody knows
    where to."""

    outcome: str
    plans: tuple[Plan, ...]
    taken: tuple[StepResult, ...]

    __repr__ = brief

    @property
    def failures(self) -> tuple[FailureEvent, ...]:
        """The failures met, in order."""
        return tuple(step.event for step in self.taken if step.event is not None and step.mismatches)

    @property
    def surprises(self) -> tuple[FailureEvent, ...]:
        """What went otherwise than expected without harm to the plan, in order."""
        return tuple(step.event for step in self.taken if step.event is not None and not step.mismatches)


DONE = "done"
"""Outcome of a goal that is seen to hold."""
NO_PLAN = "no plan"
"""Beginning of the outcome where nothing more can be done for the goal."""
IN_VAIN = 2
"""How often in a row the same is done, where plans are hopeless and nothing of what is missing changes."""
HOPELESS = 0.01
"""Probability up to which a plan is believed not to reach the goal."""
MISSED = "goal missed"
"""Outcome of a plan that was carried out to its end and did not reach the goal."""

EventCallback = Callable[[str, object], None]
"""Told of "plan" (a Plan), "attempt" (a SkillExecution), "skill" (a StepResult) and "refused" (Refusals) as they come."""

ModelProvider = Callable[[], "tuple[SkillEffectModel, str] | None"]
"""A model to go on with and its digest, or None where the present one stays. Asked before every plan."""


@dataclass
class Agent:
    """A planner with its model's digest, where failures go the moment they are detected, and who learns from them."""

    planner: Planner
    digest: str
    keep: Callable[[FailureEvent], object]
    config: AgentConfig = field(default_factory=AgentConfig)
    on_event: EventCallback = lambda kind, value: None
    monitor: Monitor | None = None
    """Default: one that judges by the configured rule, in this process."""
    observer: Observer | None = None
    """Default: one that looks through the robot and detects relations as configured, in this process."""
    learn: Callable[[FailureEvent], object] = lambda event: None
    """Called with every failure that does not stop the loop; what it learns comes in by `provide_model`."""
    provide_model: ModelProvider = lambda: None
    correcting: Correcting | None = None
    """Corrects how skills are carried out, from one episode to the next; None: nobody does."""

    def run(self, robot: Robot, assignment: TaskSpec) -> Episode:
        """Pursue the goal until it holds, a failure stops the loop, or nothing more can be done."""
        if self.correcting is None:
            return self._pursue(robot, assignment)
        began = self.correcting.begin()
        with guarded("robot", robot, meant=ExecutionError):
            robot.adjust(began.adjustments)
        episode = self._pursue(robot, assignment)
        self.correcting.review(episode.taken, began)
        return episode

    def _pursue(self, robot: Robot, assignment: TaskSpec) -> Episode:
        observer = self.observer or RobotObserver(
            robot, relation_detector(self.config.relations, self.planner.model, self.digest)
        )
        plans: list[Plan] = []
        taken: list[StepResult] = []
        seen = observer.look()
        begun = seen.relations
        pending: list[PlannedSkill] = []
        acted: list[Plan] = []
        refused = NOTHING_REFUSED
        stages = assignment.stages
        while len(taken) < self.config.max_skills:
            news = _comes_into_view(plans, seen)
            if not pending or self.config.replan or news:
                if plans and not (self.config.replan or news):
                    done = assignment.goal.satisfied(seen.relations)
                    return Episode(DONE if done else MISSED, tuple(plans), tuple(taken))
                seen = self._adopt(self.provide_model(), observer, seen)
                stages = _left(stages, seen.relations)
                plans.append(self._plan(observer, seen, stages, plans, bool(taken and taken[-1].mismatches), refused))
                pending = list(plans[-1].skills)
                if not pending:
                    done = assignment.goal.satisfied(seen.relations)
                    return Episode(DONE if done else _nothing_left(refused), tuple(plans), tuple(taken))
                if self.config.replan and not refused and (why := _in_vain(assignment.stages, begun, [*acted, plans[-1]], taken)):
                    return Episode(f"{NO_PLAN}: {why}", tuple(plans), tuple(taken))
            planned = pending.pop(0).of(seen.cloud.names)
            attempt = self._attempt(robot.kind, assignment, plans[-1], planned, seen, len(taken), len(pending))
            try:
                with guarded("robot", robot, meant=ExecutionError):
                    robot.execute(planned.call)
            except RefusedError as error:
                refused = refused.adding(planned.call, str(error))
                self.on_event("refused", refused)
                if self.config.replan and not refused.enough:
                    continue
                return Episode(_nothing_left(refused), tuple(plans), tuple(taken))
            except ExecutionError as error:
                return Episode(f"execution: {error}", tuple(plans), tuple(taken))
            refused = NOTHING_REFUSED
            try:
                seen = observer.look(planned)
            except ExecutionError as error:
                return Episode(f"execution: {error}", tuple(plans), tuple(taken))
            acted.append(plans[-1])
            taken.append(self._check(attempt, seen))
            if self.config.stop_at_failure and taken[-1].mismatches:
                return Episode("failure", tuple(plans), tuple(taken))
            if taken[-1].event is not None:
                self.learn(taken[-1].event)
            lost = [name for name in assignment.goal.objects if name not in seen.cloud.names]
            if lost:
                return Episode(f"out of sight: {', '.join(lost)}", tuple(plans), tuple(taken))
        done = bool(taken) and assignment.goal.satisfied(taken[-1].observed)
        return Episode(DONE if done else "too many skills", tuple(plans), tuple(taken))

    def _plan(
        self,
        observer: Observer,
        seen: Observation,
        stages: tuple[Goal, ...],
        plans: Sequence[Plan],
        failed: bool,
        refused: Refusals,
    ) -> Plan:
        """A plan from here, of no skills where what is left to be reached is seen to hold: whatever the model believes of what it
        cannot see, as in a drawer that was shut. What is left of the plan before is tried first, unless its last skill `failed`
        or was `refused`: between the same things, as expected so far."""
        earlier = plans[-1] if plans else None
        if earlier is not None and not earlier.unseen and all(stage.satisfied(seen.relations) for stage in stages):
            plan = nothing_to_do(stages[-1], seen.relations)
        else:
            belief = observer.belief(self.planner.model, seen)
            same = earlier is not None and not failed and not refused and earlier.skills[0].expected.names == belief.names
            rest = earlier.skeleton.rest() if earlier is not None and same else None
            plan = self.planner.plan(belief, stages, rest, refused)
        self.on_event("plan", plan)
        return plan

    def _attempt(
        self, robot: str, assignment: TaskSpec, plan: Plan, planned: PlannedSkill, before: Observation, step: int, left: int
    ) -> SkillExecution:
        """What is about to be tried, announced; `left`: how many skills of the plan come after it."""
        of = (assignment.task, assignment.objects, assignment.seed, step, assignment.goal)
        calls = tuple(skill.call for skill in plan.skills)
        place = len(calls) - left - 1
        attempt = SkillExecution(*of, calls, planned, self.digest, before.cloud, before.relations, before.image, place, robot)
        self.on_event("attempt", attempt)
        return attempt

    def _check(self, attempt: SkillExecution, after: Observation) -> StepResult:
        """R^_k against R'_k; what matters becomes an event, durable before this returns."""
        kind, surprises = self.planner.model.name, self.config.surprises
        rule = self.config.rule or rule_for(attempt.model, self.config.relations, kind, surprises)
        monitor = self.monitor or RuleMonitor(self.keep, rule)
        taken = monitor.check(attempt, after)
        self.on_event("skill", taken)
        return taken

    def _adopt(self, better: tuple[SkillEffectModel, str] | None, observer: Observer, seen: Observation) -> Observation:
        """Go on with another model: between two plans, so that no plan mixes two. The scene as that model sees it."""
        if better is None:
            return seen
        self.planner.model, self.digest = better
        return observer.adopt(*better)


def _comes_into_view(plans: list[Plan], seen: Observation) -> bool:
    """Whether something is seen now that the last plan could not know of."""
    known = {name for name, there in zip(seen.cloud.names, seen.cloud.seen, strict=True) if there}
    return bool(plans) and not known.isdisjoint(plans[-1].unseen)


def _nothing_left(refused: Refusals) -> str:
    """The outcome where there is nothing more to be carried out: why the robot could not do what was asked of it at first."""
    return f"execution: {refused.reasons[0]}" if refused else NO_PLAN


def _in_vain(stages: tuple[Goal, ...], begun: RelationState, plans: list[Plan], taken: list[StepResult]) -> str:
    """Why there is no use in the newest plan: it is believed not to reach the goal, as those of the steps taken, and begins once
    more with what was done the last times without any change in what is missing. Empty where there may be."""
    calls = [step.planned.call for step in taken[-IN_VAIN:]] + [plans[-1].skills[0].call]
    seen = (begun, *(step.observed for step in taken))[-IN_VAIN - 1 :]
    same = len({(call.skill, call.object, call.target) for call in calls}) == 1
    hopeful = any(plan.probability > HOPELESS or plan.unseen for plan in plans[-IN_VAIN - 1 :])
    changing = len({tuple(stage.missing(state) for stage in stages) for state in seen}) > 1
    if len(taken) < IN_VAIN or not same or hopeful or changing:
        return ""
    return f"{calls[0].skill} of {calls[0].object} changed nothing that is missing, {IN_VAIN} times; {plans[-1].reason}"


def _left(stages: tuple[Goal, ...], relations: RelationState) -> tuple[Goal, ...]:
    """The stages still to be reached: those before the last are done once they hold."""
    while len(stages) > 1 and stages[0].satisfied(relations):
        stages = stages[1:]
    return stages
