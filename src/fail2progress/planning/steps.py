"""Steps of a plan: atoms of goals as numbers, and points of the unit cube as actions of a skill."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import Action, Effect, LatentState, RelationLogits, SkillEffectModel, expected_motion
from fail2progress.models.checked import predicted
from fail2progress.models.revealed import reveal
from fail2progress.planning.contents import with_contents
from fail2progress.planning.drawers import anchored, with_drawers
from fail2progress.skills.registry import SKILLS, skill
from fail2progress.skills.samplers import Segments, Step, planner_sampler
from fail2progress.skills.vocabulary import current

AtomRows = tuple[str, int, "int | None", bool]
"""Relation, subject (row), other (row; None of a unary relation), and whether it shall hold."""


def atom_rows(atom: Atom, names: tuple[str, ...]) -> AtomRows:
    """An atom by the rows of its objects; ValueError for an object that was not seen."""
    for name in atom.names:
        if name not in names:
            raise ValueError(f"the goal names {name!r}, which was not seen; seen: {', '.join(names)}")
    other = None if atom.other is None else names.index(atom.other)
    return atom.relation, names.index(atom.subject), other, atom.holds


def atom_log_probabilities(relations: RelationLogits, goal: Goal, names: tuple[str, ...]) -> Tensor:
    """(B, atoms) ln P of every atom of a goal; their sum is ln P(G)."""
    logits = [_logit(relations, atom_rows(atom, names)) for atom in goal.atoms]
    return torch.nn.functional.logsigmoid(torch.stack(logits, dim=1))


def _logit(relations: RelationLogits, atom: AtomRows) -> Tensor:
    relation, subject, other, holds = atom
    if other is None:
        logit = relations.unary[:, subject, UNARY.index(relation)]
    else:
        logit = relations.binary[:, subject, other, BINARY.index(relation)]
    return logit if holds else -logit


def size(steps: tuple[Step, ...] | list[Step]) -> int:
    """Dimension of the unit cube that is large enough for the parameters of any of the steps."""
    return max((planner_sampler(skill(step.skill)).size for step in steps), default=0)


def step_parameters(state: LatentState, step: Step, unit: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
    """(B, d) points of the unit cube to (B, m) parameters of the step's skill, and (B,) whether something is in the way.

    `state` holds B scenes; a skill takes the first of the d numbers, as many as it needs.
    """
    sampler = planner_sampler(skill(step.skill))
    return sampler.parameters(state, step, unit[:, : sampler.size], segments)


def ahead(model: SkillEffectModel, state: LatentState, before: RelationLogits, action: Action, segments: Segments) -> Effect:
    """One skill ahead, with what opening shows, and what is known of drawers and contents. `before`: what is believed now."""
    effect = predicted(model, state, action)
    after = reveal(model, anchored(model, state, effect, segments), segments.hidden)
    relations = with_contents(effect.relations, before, expected_motion(state, effect))
    return replace(effect, state=after, relations=with_drawers(relations, after, segments))


def action(step: Step, parameters: Tensor) -> Action:
    """One step with its parameters (B, m) for B scenes."""
    count, width = parameters.shape
    number = torch.full((count,), current().index(step.skill))
    padded = torch.nn.functional.pad(parameters, (0, SKILLS.action_size - width))
    return Action(number, torch.full((count,), step.object), padded)
