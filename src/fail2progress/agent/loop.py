"""The loop on one page: perceive, plan, act, monitor; failures are made durable before anything acts on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from fail2progress.agent.memory import ObjectMemory
from fail2progress.agent.robot import ExecutionError, Robot
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch, event_id
from fail2progress.failures.monitor import MonitorRule, mismatches
from fail2progress.models.predictor import Belief, believe, detect
from fail2progress.planning.planner import Plan, PlannedSkill, Planner
from fail2progress.world.goals import Goal
from fail2progress.world.observation import SegmentedCloud
from fail2progress.world.relations import RelationState


@dataclass(frozen=True)
class Assignment:
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
class Conduct:
    """How the loop behaves. Open loop carries the first plan out to its end; otherwise it plans again after every skill."""

    replan: bool = True
    stop_at_failure: bool = False
    max_skills: int = 20
    rule: MonitorRule = field(default_factory=MonitorRule)


@dataclass(frozen=True)
class Taken:
    """One skill that was carried out: what was expected and what was seen afterwards."""

    planned: PlannedSkill
    observed: RelationState
    mismatches: tuple[Mismatch, ...]
    event: FailureEvent | None


@dataclass(frozen=True)
class Episode:
    """What happened. `outcome` is "done", "failure" (stopped at one), "no plan", "too many skills" or "execution: why"."""

    outcome: str
    plans: tuple[Plan, ...]
    taken: tuple[Taken, ...]

    @property
    def failures(self) -> tuple[FailureEvent, ...]:
        """The failures met, in order."""
        return tuple(step.event for step in self.taken if step.event is not None)


Watch = Callable[[str, object], None]
"""Told of "plan" (a Plan) and "skill" (a Taken) as they come."""


@dataclass
class Agent:
    """A planner with its model's digest, and where failures go the moment they are detected."""

    planner: Planner
    digest: str
    keep: Callable[[FailureEvent], object]
    conduct: Conduct = field(default_factory=Conduct)
    watch: Watch = lambda kind, value: None

    def run(self, robot: Robot, assignment: Assignment) -> Episode:
        """Pursue the goal until it holds, a failure stops the loop, or nothing more can be done."""
        memory = ObjectMemory()
        plans: list[Plan] = []
        taken: list[Taken] = []
        cloud = memory.update(robot.observe())
        pending: list[PlannedSkill] = []
        stages = assignment.stages
        while len(taken) < self.conduct.max_skills:
            belief = believe(self.planner.model, cloud)
            before = detect(self.planner.model, belief)
            if not pending or self.conduct.replan:
                if pending == [] and plans and not self.conduct.replan:
                    return Episode("done", tuple(plans), tuple(taken))
                stages = _left(stages, before)
                plans.append(self._plan(belief, stages, plans[-1] if plans and taken[-1].event is None else None))
                pending = list(plans[-1].skills)
                if not pending:
                    done = assignment.goal.satisfied(before)
                    return Episode("done" if done else "no plan", tuple(plans), tuple(taken))
            planned = pending.pop(0)
            try:
                robot.execute(planned.call)
            except ExecutionError as error:
                return Episode(f"execution: {error}", tuple(plans), tuple(taken))
            after = memory.update(robot.observe(), planned.displacement)
            taken.append(self._monitor(assignment, plans[-1], planned, cloud, after, before, len(taken)))
            if taken[-1].event is not None and self.conduct.stop_at_failure:
                return Episode("failure", tuple(plans), tuple(taken))
            cloud = after
        done = bool(taken) and assignment.goal.satisfied(taken[-1].observed)
        return Episode("done" if done else "too many skills", tuple(plans), tuple(taken))

    def _plan(self, belief: Belief, stages: tuple[Goal, ...], earlier: Plan | None) -> Plan:
        """A plan from here; what is left of an earlier one, carried out as expected so far, is tried first."""
        plan = self.planner.plan(belief, stages, earlier.outline.rest() if earlier is not None else None)
        self.watch("plan", plan)
        return plan

    def _monitor(
        self,
        assignment: Assignment,
        plan: Plan,
        planned: PlannedSkill,
        before: SegmentedCloud,
        after: SegmentedCloud,
        relations_before: RelationState,
        step: int,
    ) -> Taken:
        """R^_k against R'_k; what matters becomes an event, durable before this returns."""
        observed = detect(self.planner.model, believe(self.planner.model, after))
        found = mismatches(planned.expected, observed, assignment.goal, self.conduct.rule)
        event = None
        if found:
            header = Header(
                id=event_id(before, planned.call, self.digest, assignment.seed, step),
                time=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
                task=assignment.task,
                objects=assignment.objects,
                seed=assignment.seed,
                step=step,
                goal=tuple(map(str, assignment.goal.atoms)),
                call=Call.of(planned.call),
                plan=tuple(Call.of(skill.call) for skill in plan.skills),
                model=self.digest,
                mismatches=found,
                names=before.names,
                categories=before.categories,
                frame=before.frame,
                stamps=(before.stamp, after.stamp),
            )
            event = FailureEvent(
                header=header,
                before=before,
                after=after,
                relations_before=relations_before,
                expected=planned.expected,
                observed=observed,
            )
            self.keep(event)
        taken = Taken(planned, observed, found, event)
        self.watch("skill", taken)
        return taken


def _left(stages: tuple[Goal, ...], relations: RelationState) -> tuple[Goal, ...]:
    """The stages still to be reached: those before the last are done once they hold."""
    while len(stages) > 1 and stages[0].satisfied(relations):
        stages = stages[1:]
    return stages
