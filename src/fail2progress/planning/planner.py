"""The planner: stages of a goal to a plan, skill by skill with the relations that the model expects after each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.brief import brief
from fail2progress.core.goals import Goal
from fail2progress.core.relations import RelationState
from fail2progress.models.base import LatentState, SkillEffectModel, expected_motion
from fail2progress.models.checked import detected
from fail2progress.models.prediction import Belief, relation_state
from fail2progress.planning.optimise import CrossEntropy, Optimiser
from fail2progress.planning.planned import PlannedSkill
from fail2progress.planning.refusals import NOTHING_REFUSED, Refusals
from fail2progress.planning.search import COLLISION, REACHED, SearchOptions, joined, search
from fail2progress.planning.steps import action, ahead, atom_log_probabilities, size, step_parameters
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import skill
from fail2progress.skills.samplers import Segments, Step

UNSEEN = "not seen yet: {}"
_AS_SURE = 0.8
"""Share of a plan's probability from which one without repeats is taken: two pushes go farther than one."""
_STILL = 0.002
"""Metres up to which nothing has moved."""


@dataclass(frozen=True)
class PlanSkeleton:
    """What a plan is made of, to be carried on with: H steps, their points (H, d) of the unit cube, and where each stage ends."""

    steps: tuple[Step, ...]
    units: Tensor
    stages: tuple[tuple[int, Goal], ...]
    reason: str = REACHED
    """Why the search for it ended: "reached", or what kept it from a stage's goal."""
    unseen: tuple[str, ...] = ()
    """What the goals name and nobody has seen yet: nothing is planned for it."""

    __repr__ = brief

    def rest(self) -> PlanSkeleton:
        """Without the first step, which has been carried out."""
        stages = tuple((end - 1, goal) for end, goal in self.stages if end > 1)
        return replace(self, steps=self.steps[1:], units=self.units[1:], stages=stages)

    def without_repeats(self) -> PlanSkeleton:
        """Without steps that are like an earlier one: the same skill, on the same thing, to the same target."""
        return self.of([k for k, step in enumerate(self.steps) if step not in self.steps[:k]])

    def of(self, kept: list[int]) -> PlanSkeleton:
        """With some of the steps alone, by their places."""
        stages = tuple((sum(k < end for k in kept), goal) for end, goal in self.stages)
        return replace(self, steps=tuple(self.steps[k] for k in kept), units=self.units[kept], stages=stages)


@dataclass(frozen=True)
class Plan:
    """A skill sequence and the model's probability that it reaches the goal. Empty if the goal is believed to hold.

    What has not been seen yet takes no part in it: a plan is to be made again when something `unseen` comes into view.
    """

    goal: Goal
    skills: tuple[PlannedSkill, ...]
    probability: float
    """Of all atoms between things that were seen."""
    reached: bool
    """Whether every atom of the goal is believed true (P > 0.5) after the last skill, and everything that it names was seen."""
    skeleton: PlanSkeleton

    __repr__ = brief

    @property
    def reason(self) -> str:
        """Why the search ended where it did: "reached", or what kept it from more."""
        return self.skeleton.reason

    @property
    def unseen(self) -> tuple[str, ...]:
        """What the goal names and nobody had seen when the plan was made."""
        return self.skeleton.unseen

    def __len__(self) -> int:
        return len(self.skills)


@dataclass
class Planner:
    """Search over skeletons, then optimise the parameters of the whole sequence for P(G)."""

    model: SkillEffectModel
    generator: torch.Generator
    options: SearchOptions = field(default_factory=SearchOptions)
    optimiser: Optimiser = field(default_factory=CrossEntropy)

    def plan(
        self, belief: Belief, stages: tuple[Goal, ...], carry_on: PlanSkeleton | None = None, refused: Refusals = NOTHING_REFUSED
    ) -> Plan:
        """Reach each stage in turn from what is believed. ValueError where the goal names what was not seen.

        `carry_on` is what is left of an earlier plan: if it is still believed to reach the goal, there is no new search. No plan
        begins with what the robot has refused from here.
        """
        segments = Segments(belief.names, belief.categories, belief.hidden)
        unseen = _unseen(belief, stages)
        if carry_on is not None and carry_on.steps and carry_on.unseen == unseen:
            plan = self._plan(belief, carry_on, stages[-1], segments)
            if plan.probability > 0.5:
                return plan
        known = tuple(goal for goal in (stage.without(unseen) for stage in stages) if goal is not None)
        found = self._allowed(belief, known, segments, refused)
        if unseen:
            reason = UNSEEN.format(", ".join(unseen))
            found = replace(found, unseen=unseen, reason=reason if found.reason == REACHED else f"{reason}; {found.reason}")
        return self._plan(belief, found, stages[-1], segments)

    def _allowed(self, belief: Belief, stages: tuple[Goal, ...], segments: Segments, refused: Refusals) -> PlanSkeleton:
        """The best that does not begin with what the robot has refused; of no steps where there is none."""
        found = self._search(belief, stages, segments, refused)
        while refused and found.steps:
            first, names = found.steps[0], segments.names
            parameters, _ = step_parameters(belief.state, first, found.units[:1], segments)
            if refused.forbid(first, names):
                return found.of([])
            if not bool(refused.near(first, parameters, names)):
                break
            refused = refused.giving_up(first, names)
            found = self._search(belief, stages, segments, refused)
        return found

    def _search(self, belief: Belief, stages: tuple[Goal, ...], segments: Segments, refused: Refusals) -> PlanSkeleton:
        """Skeletons stage by stage, then the parameters of the whole sequence."""
        state = belief.state
        steps: list[Step] = []
        units: list[Tensor] = []
        marks: list[tuple[int, Goal]] = []
        reason = REACHED
        for goal in stages:
            part = search(self.model, state, goal, segments, self.options, self.generator, NOTHING_REFUSED if steps else refused)
            state = part.state
            steps += part.steps
            units += part.units.unbind(0)
            marks.append((len(steps), goal))
            reason = part.reason if reason == REACHED else reason
        skeleton = PlanSkeleton(tuple(steps), joined(units, size(steps)), tuple(marks), reason)
        if not steps:
            return skeleton
        found, score = self._optimised(belief, skeleton, segments, self.generator, refused)
        return self._that_matter(belief, self._once(belief, found, score, segments, refused), segments)

    def _optimised(
        self, belief: Belief, skeleton: PlanSkeleton, segments: Segments, generator: torch.Generator, refused: Refusals
    ) -> tuple[PlanSkeleton, float]:
        """The best parameters of a sequence, and their score."""
        marks = list(skeleton.stages)
        units, score = self.optimiser.best(
            lambda p: score_units(self.model, belief.state, skeleton.steps, p, marks, segments, refused),
            skeleton.units,
            generator,
        )
        return replace(skeleton, units=units), score

    def _once(self, belief: Belief, skeleton: PlanSkeleton, score: float, segments: Segments, refused: Refusals) -> PlanSkeleton:
        """The sequence without what it does a second time, if that is believed to reach every goal about as surely.

        A thing that is put where it may or may not be inside is expected to come along half of the way, and is put in once more:
        the search, which takes what it needs next, cannot know that another place would have been enough.
        """
        shorter = skeleton.without_repeats()
        if len(shorter.steps) == len(skeleton.steps):
            return skeleton
        aside = torch.Generator()  # what is only tried leaves what comes after as it is
        aside.set_state(self.generator.get_state())
        found, without = self._optimised(belief, shorter, segments, aside, refused)
        return found if without > max(score, math.log(0.5)) + math.log(_AS_SURE) else skeleton

    @torch.no_grad()
    def _that_matter(self, belief: Belief, skeleton: PlanSkeleton, segments: Segments) -> PlanSkeleton:
        """Without the steps that are expected to change nothing: nothing moves, and all is believed as it was before."""
        state, relations, kept = belief.state, detected(self.model, belief.state), []
        for k, (step, unit) in enumerate(zip(skeleton.steps, skeleton.units, strict=True)):
            parameters, _ = step_parameters(state, step, unit.unsqueeze(0), segments)
            effect = ahead(self.model, state, relations, action(step, parameters), segments)
            now = zip((relations.binary, relations.unary), (effect.relations.binary, effect.relations.unary), strict=True)
            still = float(expected_motion(state, effect).norm(dim=-1).max()) <= _STILL
            if not still or any(not torch.equal(one > 0, other > 0) for one, other in now):
                kept.append(k)
                state, relations = effect.state, effect.relations
        return skeleton if len(kept) == len(skeleton.steps) else skeleton.of(kept)

    @torch.no_grad()
    def _plan(self, belief: Belief, skeleton: PlanSkeleton, goal: Goal, segments: Segments) -> Plan:
        """Roll the chosen sequence out once more and keep what is expected after every skill."""
        state, skills = belief.state, []
        relations = detected(self.model, state)
        for step, unit in zip(skeleton.steps, skeleton.units, strict=True):
            parameters, _ = step_parameters(state, step, unit.unsqueeze(0), segments)
            effect = ahead(self.model, state, relations, action(step, parameters), segments)
            names = belief.names
            target = None if step.target is None else names[step.target]
            call = SkillCall(step.skill, names[step.object], _within(step, parameters[0]), target)
            shift = expected_motion(state, effect)[0].numpy().astype(float)
            skills.append(PlannedSkill(call, relation_state(effect.relations, belief), shift))
            state, relations = effect.state, effect.relations
        known = goal.without(skeleton.unseen)
        if known is None:
            return Plan(goal, tuple(skills), 0.0, False, skeleton)
        log_p = atom_log_probabilities(relations, known, belief.names)[0]
        reached = bool((log_p > math.log(0.5)).all()) and not skeleton.unseen
        return Plan(goal, tuple(skills), math.exp(float(log_p.sum())), reached, skeleton)


def nothing_to_do(goal: Goal, seen: RelationState) -> Plan:
    """The plan of no skills, where a goal is seen to hold."""
    chance = math.prod(atom.probability(seen) for atom in goal.atoms)
    return Plan(goal, (), chance, True, PlanSkeleton((), joined([], 0), ()))


def _unseen(belief: Belief, stages: tuple[Goal, ...]) -> tuple[str, ...]:
    """What goals name that has a segment and no points: it is known to exist, and not where."""
    mask = belief.state.mask[0]
    blind = {name for row, name in enumerate(belief.names) if not bool(mask[row])}
    return tuple(dict.fromkeys(name for goal in stages for name in goal.objects if name in blind))


def _within(step: Step, parameters: Tensor) -> tuple[float, ...]:
    """(m,) parameters, from which single precision may have taken them by a rounding, within their bounds."""
    definition = skill(step.skill)
    return tuple(np.clip(parameters.double().numpy(), definition.low, definition.high).tolist())


@torch.no_grad()
def score_units(
    model: SkillEffectModel,
    start: LatentState,
    steps: tuple[Step, ...],
    units: Tensor,
    marks: list[tuple[int, Goal]],
    segments: Segments,
    refused: Refusals = NOTHING_REFUSED,
) -> Tensor:
    """(K,) ln P of every stage's goal where the stage ends, summed, less what collisions cost, and a beginning that was refused;
    units (K, H, d)."""
    state, relations = start.expand(len(units)), detected(model, start).expand(len(units))
    total = torch.zeros(len(units))
    for k, step in enumerate(steps):
        parameters, collides = step_parameters(state, step, units[:, k], segments)
        effect = ahead(model, state, relations, action(step, parameters), segments)
        if refused and not k:
            collides = collides | refused.near(step, parameters, segments.names)
        total = total - COLLISION * collides
        state, relations = effect.state, effect.relations
        for end, goal in marks:
            if end == k + 1:
                total = total + atom_log_probabilities(effect.relations, goal, segments.names).sum(dim=1)
    return total
