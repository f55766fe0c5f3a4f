"""Skeleton search: which skills on which objects, in which order, by the model's own predicted relations.

Best-first over sequences of steps. A node is a predicted state; its children are the steps that could make a missing atom of the
goal true, each with the best of a batch of sampled parameters. Cost so far is what the skills cost, the estimate of what is left
the number of objects with something missing. Costlier skills of a node are tried when nothing cheaper is left to try.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.core.goals import Goal
from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import LatentState, RelationLogits, SkillEffectModel
from fail2progress.models.checked import detected
from fail2progress.planning.refusals import NOTHING_REFUSED, Refusals
from fail2progress.planning.relevance import Scene, relevant_steps
from fail2progress.planning.steps import action, ahead, atom_log_probabilities, atom_rows, size, step_parameters
from fail2progress.skills.registry import skill
from fail2progress.skills.samplers import Segments, Step

_HALF = float(torch.log(torch.tensor(0.5)))
COLLISION = 8.0
"""Taken off the score (nats) of parameters with which something is in the way."""
LEAST_SLACK = 4
"""Skills beyond one for every object with something missing that a plan may have for any goal."""
REACHED = "reached"
EXHAUSTED = "no skill can make what is missing true"
LENGTH = "no plan of up to {} skills was found to reach it"
BUDGET = "the search was given up after {} expansions"
TIME = "the search was given up after {:g} s"
REPEATS = "the search only repeated itself: the last {} expansions led to nothing that was not expected before"
LEAST_EXPANSIONS, EXPANSIONS_EACH = 40, 4
"""Expansions of a search for any goal, and for every object that the goal speaks of: each adds one skill to one sequence."""
_PAIRS = 200_000
"""Pairs of things in all the scenes that are predicted as one batch, at most: memory goes with them."""
_KEPT = [BINARY.index(relation) for relation in ("above", "inside")]


@dataclass(frozen=True)
class SearchOptions:
    """How widely to search."""

    samples: int = 32
    expansions: int | None = None
    """None: EXPANSIONS_EACH for every object that the goal speaks of, and LEAST_EXPANSIONS at least."""
    seconds: float = 120.0
    """After so long no node is expanded any more: far more than goals of ten objects take."""
    slack: int | None = None
    """Skills that a plan may have beyond one for every object with something missing. None: one more for every object that the
    goal speaks of, and LEAST_SLACK at least, since a skill may be believed to undo all that holds (docs/decisions/0091)."""
    patience: int = 6
    """Expansions in a row that may lead to nothing new."""


@dataclass(frozen=True)
class Skeleton:
    """Steps, the points (H, d) of the unit cube found for them, the state they lead to, and whether the goal holds there."""

    steps: tuple[Step, ...]
    units: Tensor
    state: LatentState
    relations: RelationLogits
    reached: bool
    score: float
    reason: str
    """Why the search ended: "reached", or what kept it from it."""


@dataclass(frozen=True)
class _Node:
    steps: tuple[Step, ...]
    units: tuple[Tensor, ...]
    state: LatentState
    relations: RelationLogits
    log_p: Tensor
    """(atoms,) ln P of the goal's atoms."""
    cost: float = 0.0

    @property
    def missing(self) -> list[int]:
        return (~(self.log_p > _HALF)).nonzero().flatten().tolist()

    def signature(self, segments: Segments) -> bytes:
        """What is believed at it of the goal, and on and in what everything is: equal ones differ in places only."""
        above, inside = (self.relations.binary[0, ..., relation] for relation in _KEPT)
        on = torch.where(segments.surfaces(), above, -torch.inf).argmax(dim=1)
        strongest, within = inside.max(dim=1)
        held = torch.where(strongest > 0, within, -1)
        open_now = self.relations.unary[0, segments.drawers(), UNARY.index("open")] > 0
        return b"".join(part.numpy().tobytes() for part in (self.log_p > _HALF, on, held, open_now))


@torch.no_grad()
def search(
    model: SkillEffectModel,
    state: LatentState,
    goal: Goal,
    segments: Segments,
    options: SearchOptions,
    generator: torch.Generator,
    refused: Refusals = NOTHING_REFUSED,
) -> Skeleton:
    """The first skeleton found whose goal atoms are all believed true, else the best one seen. None begins with what the robot
    has refused."""
    relations = detected(model, state)
    root = _Node((), (), state, relations, atom_log_probabilities(relations, goal, segments.names)[0])
    return _Search(model, goal, segments, options, generator, refused).run(root)


class _Search:
    """One search under way."""

    def __init__(
        self,
        model: SkillEffectModel,
        goal: Goal,
        segments: Segments,
        options: SearchOptions,
        generator: torch.Generator,
        refused: Refusals,
    ) -> None:
        self.model, self.goal, self.segments, self.options, self.generator = model, goal, segments, options, generator
        self.refused = refused
        self.count = itertools.count()
        self.queue: list[tuple[float, float, int, _Node, list[list[Step]] | None]] = []
        self.known: set[Hashable] = set()

    def run(self, root: _Node) -> Skeleton:
        """Expand the most promising node until the goal is reached, or there is no use in going on."""
        limit, most = self._left(root) + self._slack(), self._expansions()
        best, stale, expanded, reason, begin = root, 0, 0, EXHAUSTED, time.monotonic()
        self._is_new(root)
        self._push(root, None)
        while self.queue:
            if expanded == most:
                reason = BUDGET.format(expanded)
                break
            if time.monotonic() - begin > self.options.seconds:
                reason = TIME.format(self.options.seconds)
                break
            if stale >= self.options.patience:
                reason = REPEATS.format(stale)
                break
            *_, node, groups = heapq.heappop(self.queue)
            expanded += 1
            best = max(best, node, key=lambda n: (-len(n.missing), float(n.log_p.sum())))
            if not node.missing:
                break
            if len(node.steps) < limit:
                stale = 0 if self._widen(node, groups) else stale + 1
            else:
                reason = REPEATS.format(stale) if stale else LENGTH.format(limit)
        return _skeleton(best, REACHED if not best.missing else reason)

    def _push(self, node: _Node, groups: list[list[Step]] | None) -> None:
        """Into the queue, with the steps that are left to try at it, the cheapest skills first; None: not worked out yet."""
        dearer = skill(groups[0][0].skill).cost - 1.0 if groups else 0.0
        rank = -float(node.log_p.sum()) if groups is None else float("inf")
        heapq.heappush(self.queue, (node.cost + self._left(node) + dearer, rank, next(self.count), node, groups))

    def _widen(self, node: _Node, groups: list[list[Step]] | None) -> bool:
        """Put a node's next children into the queue; whether one of them is like none before."""
        if groups is None:
            groups = self._groups(node)
            if groups and skill(groups[0][0].skill).cost > 1.0:
                self._push(node, groups)
                return True
        if not groups:
            return False
        steps, *dearer = groups
        children = self._expand(node, steps)
        if dearer:
            self._push(node, dearer)
        new = [self._is_new(child) for child in children]
        for child in children:
            self._push(child, None)
        return any(new)

    def _is_new(self, node: _Node) -> bool:
        """Whether neither what is believed at a node nor the steps to it, in any order, were met before."""
        keys: set[Hashable] = {node.signature(self.segments), frozenset(Counter(node.steps).items())}
        new = self.known.isdisjoint(keys)
        self.known |= keys
        return new

    def _groups(self, node: _Node) -> list[list[Step]]:
        """Steps that could help, of skills that the model was trained with, by the cost of their skills."""
        missing = [atom_rows(self.goal.atoms[i], self.segments.names) for i in node.missing]
        scene = Scene.of(node.state, node.relations, self.segments, self.goal)
        known = self.model.vocabulary.names
        steps = [step for step in relevant_steps(missing, scene) if step.skill in known]
        if not node.steps:
            steps = [step for step in steps if not self.refused.forbid(step, self.segments.names)]
        costs = sorted({skill(step.skill).cost for step in steps})
        return [[step for step in steps if skill(step.skill).cost == cost] for cost in costs]

    def _slack(self) -> int:
        """Skills beyond one for every object with something missing."""
        given = self.options.slack
        return max(LEAST_SLACK, len({atom.subject for atom in self.goal.atoms})) if given is None else given

    def _expansions(self) -> int:
        """How many nodes may be expanded."""
        given, spoken_of = self.options.expansions, len({atom.subject for atom in self.goal.atoms})
        return max(LEAST_EXPANSIONS, EXPANSIONS_EACH * spoken_of) if given is None else given

    def _left(self, node: _Node) -> int:
        """How many objects have something missing: each needs a skill of its own."""
        return len({self.goal.atoms[i].subject for i in node.missing})

    def _expand(self, node: _Node, steps: list[Step]) -> list[_Node]:
        """One child for every step, all their samples predicted as one batch, or as several where that would be large."""
        samples = self.options.samples
        unit = torch.rand(len(steps), samples, size(steps), generator=self.generator)
        unit[:, 0] = 0.5
        room = max(_PAIRS // (samples * len(self.segments.names) ** 2), 1)
        parts = [slice(begin, begin + room) for begin in range(0, len(steps), room)]
        return [child for part in parts for child in self._children(node, steps[part], unit[part])]

    def _children(self, node: _Node, steps: list[Step], unit: Tensor) -> list[_Node]:
        """One child for every step, with the best of its samples (steps, samples, d)."""
        samples = self.options.samples
        wide = node.state.expand(samples)
        parts = [self._parameters(node, wide, step, unit[i]) for i, step in enumerate(steps)]
        actions = [action(step, parameters) for step, (parameters, _) in zip(steps, parts, strict=True)]
        batch = type(actions[0])(*(torch.cat([getattr(a, f) for a in actions]) for f in ("skill", "object", "parameters")))
        count = len(batch.skill)
        effect = ahead(self.model, node.state.expand(count), node.relations.expand(count), batch, self.segments)
        log_p = atom_log_probabilities(effect.relations, self.goal, self.segments.names)
        score = log_p.sum(dim=1) - COLLISION * torch.cat([hit for _, hit in parts])
        chosen = score.view(len(steps), -1).argmax(dim=1) + torch.arange(len(steps)) * samples
        return [
            _Node(
                (*node.steps, step),
                (*node.units, unit.flatten(0, 1)[row]),
                effect.state.take(row.view(1)),
                RelationLogits(effect.relations.binary[row.view(1)], effect.relations.unary[row.view(1)]),
                log_p[row],
                node.cost + skill(step.skill).cost,
            )
            for step, row in zip(steps, chosen, strict=True)
        ]

    def _parameters(self, node: _Node, wide: LatentState, step: Step, unit: Tensor) -> tuple[Tensor, Tensor]:
        """(B, m) parameters of a step at a node, and (B,) whether something speaks against them."""
        parameters, against = step_parameters(wide, step, unit, self.segments)
        if self.refused and not node.steps:
            against = against | self.refused.near(step, parameters, self.segments.names)
        return parameters, against


def _skeleton(node: _Node, reason: str) -> Skeleton:
    units = joined(node.units, size(node.steps))
    return Skeleton(node.steps, units, node.state, node.relations, not node.missing, float(node.log_p.sum()), reason)


def joined(units: tuple[Tensor, ...] | list[Tensor], width: int) -> Tensor:
    """Points of unit cubes (d_k,) as one tensor (H, d); a skill that takes fewer numbers leaves the rest alone."""
    if not units:
        return torch.empty(0, width)
    return torch.stack([torch.nn.functional.pad(unit, (0, width - len(unit)), value=0.5) for unit in units])
