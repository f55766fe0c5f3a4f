"""The monitor's part of the loop: one attempt at a skill, judged by what was seen afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.brief import brief
from fail2progress.core.goals import Goal
from fail2progress.core.images import png
from fail2progress.core.memory import matched_first, matching
from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch, event_id
from fail2progress.failures.monitor import Conduct, MonitorRule, mismatches
from fail2progress.failures.surprise import astray
from fail2progress.planning.planned import PlannedSkill
from fail2progress.skills.base import SkillCall


@dataclass(frozen=True)
class SkillExecution:
    """A skill about to be carried out, with all that is needed to judge it later: wherever and whenever that is done."""

    task: str
    objects: int
    seed: int
    step: int
    """Which skill of the episode it is, from 0."""
    goal: Goal
    plan: tuple[SkillCall, ...]
    planned: PlannedSkill
    model: str
    """SHA-256 digest of the model that planned."""
    before: SegmentedCloud
    relations_before: RelationState
    image_before: NDArray[np.uint8] | None = None
    """(H, W, 3) RGB, where it is at hand."""
    place: int | None = None
    """Which skill of the plan it is, from 0; None where nobody says so: the first one with this call."""
    robot: str = ""
    """The kind of robot that carries it out, where that is known."""

    __repr__ = brief

    @property
    def conduct(self) -> Conduct:
        """The skill with what held before it and what its plan has left after it."""
        call, place = self.planned.call, self.place
        if place is None:
            place = self.plan.index(call) if call in self.plan else len(self.plan)
        return Conduct(call, self.relations_before, self.plan[place + 1 :])


@dataclass(frozen=True)
class StepResult:
    """One skill that was carried out: what was expected and what was seen afterwards.

    An event without mismatches is a surprise: the plan goes on, and something can be learnt. Mismatches come with an event.
    """

    planned: PlannedSkill
    observed: RelationState
    mismatches: tuple[Mismatch, ...]
    event: FailureEvent | None
    conduct: Conduct | None = None
    """The skill with what held before it and what its plan had left after it."""

    __repr__ = brief

    def __post_init__(self) -> None:
        assert self.event is not None or not self.mismatches, "a failure without its event"


class Monitor(ABC):
    """Compares what was expected with what is seen."""

    @abstractmethod
    def check(self, attempt: SkillExecution, after: Observation) -> StepResult:
        """R^_k against R'_k. A failure is durable before this returns."""


@dataclass(frozen=True)
class RuleMonitor(Monitor):
    """Judges by a rule, and keeps every failure the moment it is found."""

    keep: Callable[[FailureEvent], object]
    rule: MonitorRule = field(default_factory=MonitorRule)

    def check(self, attempt: SkillExecution, after: Observation) -> StepResult:
        """See Monitor."""
        taken = judge(attempt, matched_first(after, attempt.before), self.rule)
        if taken.event is not None:
            self.keep(taken.event)
        return taken


def judge(attempt: SkillExecution, after: Observation, rule: MonitorRule) -> StepResult:
    """The relations R^_k of `after` against R'_k of the attempt; what matters becomes an event, and so does a surprise."""
    found = mismatches(attempt.planned.expected, after.relations, attempt.goal, rule, attempt.conduct)
    event = _event(attempt, after, found) if found or _surprises(attempt, after, rule) else None
    return StepResult(attempt.planned, after.relations, found, event, attempt.conduct)


def _surprises(attempt: SkillExecution, after: Observation, rule: MonitorRule) -> bool:
    if not rule.motion:
        return False
    planned, states = attempt.planned, (attempt.planned.expected, after.relations)
    away = astray(attempt.before, after.cloud, planned.displacement, planned.call.object, states)
    return rule.surprises(planned.call.skill, away)


def _event(attempt: SkillExecution, after: Observation, found: tuple[Mismatch, ...]) -> FailureEvent:
    """With all that is seen afterwards: what was not known before has no points before, and nothing was expected of it."""
    names, before = after.cloud.names, matching(attempt.before, after.cloud)
    header = Header(
        id=event_id(attempt.before, attempt.planned.call, attempt.model, attempt.seed, attempt.step),
        time=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        task=attempt.task,
        objects=attempt.objects,
        seed=attempt.seed,
        step=attempt.step,
        goal=tuple(map(str, attempt.goal.atoms)),
        call=Call.of(attempt.planned.call),
        plan=tuple(map(Call.of, attempt.plan)),
        model=attempt.model,
        mismatches=found,
        names=names,
        categories=before.categories,
        frame=before.frame,
        stamps=(attempt.before.stamp, after.cloud.stamp),
        robot=attempt.robot,
    )
    images = {"before": attempt.image_before, "after": after.image}
    return FailureEvent(
        header=header,
        before=before,
        after=after.cloud,
        relations_before=attempt.relations_before.of(names),
        expected=attempt.planned.expected.of(names),
        observed=after.relations,
        images={key: png(image) for key, image in images.items() if image is not None},
    )
