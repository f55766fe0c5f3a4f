"""Skeleton search: which objects go where, in which order, by the model's own predicted relations.

Best-first over sequences of steps. A node is a predicted state; its children are the steps that could make a missing atom of the
goal true, each with the best of a batch of sampled placements. Cost so far is the number of skills, the estimate of what is left
the number of objects with something missing.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.core.goals import Goal
from fail2progress.core.relations import BINARY
from fail2progress.models.base import LatentState, RelationLogits, SkillEffectModel
from fail2progress.planning.steps import Segments, Step, action, atom_log_probabilities, atom_rows, place_parameters

_HALF = float(torch.log(torch.tensor(0.5)))
_COLLISION = 8.0
"""Taken off the score (nats) of a placement that collides."""


@dataclass(frozen=True)
class SearchOptions:
    """How widely to search."""

    samples: int = 32
    expansions: int = 40
    slack: int = 4
    """Skills that a plan may have beyond one for every object with something missing."""


@dataclass(frozen=True)
class Skeleton:
    """Steps, the places (H, 2) found for them, the state they lead to, and whether the goal is believed to hold there."""

    steps: tuple[Step, ...]
    places: Tensor
    state: LatentState
    relations: RelationLogits
    reached: bool
    score: float


@dataclass(frozen=True)
class _Node:
    steps: tuple[Step, ...]
    places: tuple[Tensor, ...]
    state: LatentState
    relations: RelationLogits
    log_p: Tensor
    """(atoms,) ln P of the goal's atoms."""

    @property
    def missing(self) -> list[int]:
        return (self.log_p <= _HALF).nonzero().flatten().tolist()


@torch.no_grad()
def search(
    model: SkillEffectModel,
    state: LatentState,
    goal: Goal,
    segments: Segments,
    options: SearchOptions,
    generator: torch.Generator,
) -> Skeleton:
    """The first skeleton found whose goal atoms are all believed true, else the best one seen."""
    relations = model.detect(state)
    root = _Node((), (), state, relations, atom_log_probabilities(relations, goal, segments.names)[0])
    limit = _left(root, goal) + options.slack
    count = itertools.count()
    queue = [(0.0, 0.0, next(count), root)]
    best = root
    for _ in range(options.expansions):
        if not queue:
            break
        node = heapq.heappop(queue)[-1]
        best = max(best, node, key=lambda n: (-len(n.missing), float(n.log_p.sum())))
        if not node.missing:
            break
        if len(node.steps) < limit:
            for child in _expand(model, node, goal, segments, options, generator):
                cost = len(child.steps) + _left(child, goal)
                heapq.heappush(queue, (cost, -float(child.log_p.sum()), next(count), child))
    places = torch.stack(best.places) if best.places else torch.empty(0, 2)
    return Skeleton(best.steps, places, best.state, best.relations, not best.missing, float(best.log_p.sum()))


def _left(node: _Node, goal: Goal) -> int:
    """How many objects have something missing: each needs a skill of its own."""
    return len({goal.atoms[i].subject for i in node.missing})


def relevant_steps(node_missing: list[int], goal: Goal, segments: Segments, relations: RelationLogits) -> list[Step]:
    """Steps that could make a missing atom true: into the container, onto the surface, or once more onto the same surface."""
    steps: dict[Step, None] = {}
    for i in node_missing:
        subject, other, relation, _ = atom_rows(goal.atoms[i], segments.names)
        if BINARY[relation] in ("inside", "above", "contact"):
            steps[Step(subject, other)] = None
        else:
            steps.update((Step(row, _support(goal, row, segments, relations)), None) for row in (subject, other))
    return [step for step in steps if not _fixed(step.object, segments)]


def _support(goal: Goal, row: int, segments: Segments, relations: RelationLogits) -> int:
    """The surface that the goal wants an object on, or else the one that it is believed to be on."""
    for atom in goal.atoms:
        subject, other, relation, holds = atom_rows(atom, segments.names)
        if subject == row and holds and BINARY[relation] in ("above", "contact"):
            return other
    above = relations.binary[0, row, :, BINARY.index("above")].clone()
    return int(torch.where(segments.surfaces(), above, -torch.inf).argmax())


def _fixed(row: int, segments: Segments) -> bool:
    return segments.categories[row] in ("table", "shelf", "cabinet", "drawer")


def _expand(
    model: SkillEffectModel,
    node: _Node,
    goal: Goal,
    segments: Segments,
    options: SearchOptions,
    generator: torch.Generator,
) -> list[_Node]:
    """One child for every relevant step, all their samples predicted as one batch."""
    steps = relevant_steps(node.missing, goal, segments, node.relations)
    if not steps:
        return []
    unit = torch.rand(len(steps), options.samples, 2, generator=generator)
    unit[:, 0] = 0.5
    wide = node.state.expand(options.samples)
    parts = [place_parameters(wide, step, unit[i], segments) for i, step in enumerate(steps)]
    actions = [action(step, parameters) for step, (parameters, _) in zip(steps, parts, strict=True)]
    batch = type(actions[0])(*(torch.cat([getattr(a, f) for a in actions]) for f in ("skill", "object", "parameters")))
    effect = model.predict(node.state.expand(len(batch.skill)), batch)
    log_p = atom_log_probabilities(effect.relations, goal, segments.names)
    score = log_p.sum(dim=1) - _COLLISION * torch.cat([hit for _, hit in parts])
    chosen = score.view(len(steps), -1).argmax(dim=1) + torch.arange(len(steps)) * options.samples
    return [
        _Node(
            (*node.steps, step),
            (*node.places, unit.view(-1, 2)[row]),
            effect.state.take(row.view(1)),
            RelationLogits(effect.relations.binary[row.view(1)], effect.relations.unary[row.view(1)]),
            log_p[row],
        )
        for step, row in zip(steps, chosen, strict=True)
    ]
