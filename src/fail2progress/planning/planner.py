"""The planner: stages of a goal to a plan, skill by skill with the relations that the model expects after each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fail2progress.core.goals import Goal
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array
from fail2progress.models.base import LatentState, SkillEffectModel, expected_motion
from fail2progress.models.prediction import Belief, relation_state
from fail2progress.planning.optimise import CrossEntropy, Optimiser
from fail2progress.planning.search import SearchOptions, search
from fail2progress.planning.steps import Segments, Step, action, atom_log_probabilities, place_parameters
from fail2progress.skills.base import SkillCall

_COLLISION = 8.0


@dataclass(frozen=True)
class PlannedSkill:
    """phi_k(a_k), R'_k: the relations expected after it, and the motion (N, 3) expected, in metres."""

    call: SkillCall
    expected: RelationState
    displacement: Array


@dataclass(frozen=True)
class PlanSkeleton:
    """What a plan is made of, to be carried on with: H steps, their places (H, 2), and after how many steps each stage ends."""

    steps: tuple[Step, ...]
    places: Tensor
    stages: tuple[tuple[int, Goal], ...]

    def rest(self) -> PlanSkeleton:
        """Without the first step, which has been carried out."""
        return PlanSkeleton(self.steps[1:], self.places[1:], tuple((end - 1, goal) for end, goal in self.stages if end > 1))


@dataclass(frozen=True)
class Plan:
    """A skill sequence and the model's probability that it reaches the goal. Empty if the goal is believed to hold."""

    goal: Goal
    skills: tuple[PlannedSkill, ...]
    probability: float
    reached: bool
    """Whether every atom of the goal is believed true (P > 0.5) after the last skill."""
    skeleton: PlanSkeleton

    def __len__(self) -> int:
        return len(self.skills)


@dataclass
class Planner:
    """Search over skeletons, then optimise the places of the whole sequence for P(G)."""

    model: SkillEffectModel
    generator: torch.Generator
    options: SearchOptions = field(default_factory=SearchOptions)
    optimiser: Optimiser = field(default_factory=CrossEntropy)

    def plan(self, belief: Belief, stages: tuple[Goal, ...], carry_on: PlanSkeleton | None = None) -> Plan:
        """Reach each stage in turn from what is believed. ValueError where the goal names what was not seen.

        `carry_on` is what is left of an earlier plan: if it is still believed to reach the goal, there is no new search.
        """
        segments = Segments(belief.names, belief.categories)
        if carry_on is not None and carry_on.steps:
            plan = self._plan(belief, carry_on, stages[-1], segments)
            if plan.probability > 0.5:
                return plan
        return self._plan(belief, self._search(belief, stages, segments), stages[-1], segments)

    def _search(self, belief: Belief, stages: tuple[Goal, ...], segments: Segments) -> PlanSkeleton:
        """Skeletons stage by stage, then the places of the whole sequence."""
        state = belief.state
        steps: list[Step] = []
        places: list[Tensor] = []
        marks: list[tuple[int, Goal]] = []
        for goal in stages:
            skeleton = search(self.model, state, goal, segments, self.options, self.generator)
            state = skeleton.state
            steps += skeleton.steps
            places.append(skeleton.places)
            marks.append((len(steps), goal))
        found = torch.cat(places)
        if steps:
            found, _ = self.optimiser.best(
                lambda p: score_places(self.model, belief.state, tuple(steps), p, marks, segments), found, self.generator
            )
        return PlanSkeleton(tuple(steps), found, tuple(marks))

    @torch.no_grad()
    def _plan(self, belief: Belief, skeleton: PlanSkeleton, goal: Goal, segments: Segments) -> Plan:
        """Roll the chosen sequence out once more and keep what is expected after every skill."""
        state, skills = belief.state, []
        relations = self.model.detect(state)
        for step, unit in zip(skeleton.steps, skeleton.places, strict=True):
            parameters, _ = place_parameters(state, step, unit.unsqueeze(0), segments)
            effect = self.model.predict(state, action(step, parameters))
            names = belief.names
            call = SkillCall(step.skill, names[step.object], tuple(parameters[0].tolist()), names[step.target])
            shift = expected_motion(state, effect)[0].numpy().astype(float)
            skills.append(PlannedSkill(call, relation_state(effect.relations, belief), shift))
            state, relations = effect.state, effect.relations
        log_p = atom_log_probabilities(relations, goal, belief.names)[0]
        reached = bool((log_p > math.log(0.5)).all())
        return Plan(goal, tuple(skills), math.exp(float(log_p.sum())), reached, skeleton)


@torch.no_grad()
def score_places(
    model: SkillEffectModel,
    start: LatentState,
    steps: tuple[Step, ...],
    places: Tensor,
    marks: list[tuple[int, Goal]],
    segments: Segments,
) -> Tensor:
    """(K,) ln P of every stage's goal where the stage ends, summed, less what collisions cost; places (K, H, 2)."""
    state = start.expand(len(places))
    total = torch.zeros(len(places))
    for k, step in enumerate(steps):
        parameters, collides = place_parameters(state, step, places[:, k], segments)
        effect = model.predict(state, action(step, parameters))
        total = total - _COLLISION * collides
        state = effect.state
        for end, goal in marks:
            if end == k + 1:
                total = total + atom_log_probabilities(effect.relations, goal, segments.names).sum(dim=1)
    return total
