"""Which steps could help: what skills say that they achieve, and what must hold before them.

A step whose preconditions are not believed to hold is replaced by the steps that could make them hold: a drawer is opened before
something is put into it, what rests on an object is taken away before the object is grasped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.goals import Goal
from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import LatentState, RelationLogits
from fail2progress.planning.steps import AtomRows, atom_rows
from fail2progress.skills.definition import Achieves, Lifted, SkillDefinition
from fail2progress.skills.registry import SKILLS, skill
from fail2progress.skills.samplers import Segments, Step, planner_sampler

_DEPTH = 3
"""Preconditions of steps for preconditions: so deep."""
_Binding = dict[str, "int | None"]


@dataclass(frozen=True)
class Scene:
    """One predicted scene (B = 1) with what is believed of it."""

    state: LatentState
    segments: Segments
    goal: Goal
    binary: NDArray[np.bool_]
    """(N, N, 9) what is believed to hold."""
    unary: NDArray[np.bool_]
    above: NDArray[np.float32]
    """(N, N) logits of "above"."""

    @classmethod
    def of(cls, state: LatentState, relations: RelationLogits, segments: Segments, goal: Goal) -> Scene:
        """From a model's belief. What is movable or a drawer follows from categories."""
        unary = (relations.unary[0] > 0).numpy()
        rows = range(len(segments.names))
        for relation, known in (("movable", segments.is_movable), ("drawer", segments.is_drawer)):
            unary[:, UNARY.index(relation)] = [known(row) for row in rows]
        binary, mask = relations.binary[0], state.mask[0].numpy()
        holds = (binary > 0).numpy() & (mask[:, None] & mask[None])[..., None]
        return cls(state, segments, goal, holds, unary, binary[..., BINARY.index("above")].numpy())

    def believed(self, atom: AtomRows) -> bool:
        """Whether an atom is as it shall be. What is open is asked of drawers only."""
        relation, subject, other, holds = atom
        if other is None:
            return bool(self.unary[subject, UNARY.index(relation)]) == holds
        return bool(self.binary[subject, other, BINARY.index(relation)]) == holds

    def was_seen(self, *rows: int | None) -> bool:
        """Whether it is known where things are: nothing is done to, or with, what was never seen."""
        return all(row is None or bool(self.state.mask[0, row]) for row in rows)

    def support(self, row: int) -> int | None:
        """What the goal wants an object on, or else the surface that it is believed to be on; None where there is none.

        Things touch side by side as well: contact with what is no surface says nothing of where to stand.
        """
        surfaces = [other for other in range(len(self.segments.names)) if self.segments.is_surface(other)]
        for atom in self.goal.atoms:
            relation, subject, other, holds = atom_rows(atom, self.segments.names)
            wanted = relation == "above" or (relation == "contact" and other in surfaces)
            if subject == row and holds and wanted and other is not None:
                return other
        return max(surfaces, key=lambda surface: float(self.above[row, surface]), default=None)

    def surfaces(self, but: int | None) -> list[int]:
        """All surfaces except one."""
        rows = range(len(self.segments.names))
        return [row for row in rows if self.segments.is_surface(row) and row != but and self.was_seen(row)]


def relevant_steps(missing: list[AtomRows], scene: Scene) -> list[Step]:
    """Steps that could make a missing atom true, in order, each once; instead of what cannot be yet, what must come before it."""
    steps: dict[Step, None] = {}
    for atom in missing:
        for step in achieving(atom, scene):
            steps.update((ready, None) for ready in _ready(step, scene, _DEPTH))
    return list(steps)


def achieving(atom: AtomRows, scene: Scene) -> Iterator[Step]:
    """The steps of all skills that say that they can make an atom true."""
    for definition in SKILLS.values():
        for achieves in definition.achieves:
            binding = _bind(achieves.atom, atom)
            if binding is not None:
                yield from _aimed(definition, achieves, binding, scene)


def unmet(step: Step, scene: Scene) -> list[AtomRows]:
    """The preconditions of a step that are not believed to hold."""
    found = []
    for condition in skill(step.skill).preconditions:
        for binding in _bindings(condition.atom, condition.when, step, len(scene.segments.names)):
            grounded = _ground(condition.atom, binding)
            if all(scene.believed(_ground(one, binding)) for one in condition.when) and not scene.believed(grounded):
                found.append(grounded)
    return found


def _ready(step: Step, scene: Scene, depth: int) -> Iterator[Step]:
    """A step that can be carried out now, or those that bring it nearer."""
    missing = unmet(step, scene)
    if not missing:
        yield step
    elif depth:
        for atom in missing:
            for before in achieving(atom, scene):
                if before != step:
                    yield from _ready(before, scene, depth - 1)


def _bind(lifted: Lifted, atom: AtomRows) -> _Binding | None:
    """Roles to rows, where a lifted atom can be the one that is wanted."""
    relation, subject, other, holds = atom
    if (lifted.relation, lifted.holds, lifted.other is None) != (relation, holds, other is None):
        return None
    return {lifted.subject: subject, **({} if lifted.other is None else {lifted.other: other})}


def _aimed(definition: SkillDefinition, achieves: Achieves, binding: _Binding, scene: Scene) -> Iterator[Step]:
    """The steps of one skill for one binding: one for everything that it may aim at."""
    row, other = binding.get("object"), binding.get("other")
    if row is None or not _acts_on(definition, row, scene.segments):
        return
    support = scene.support(row)
    aims: dict[str, list[int | None]] = {
        "bound": [binding.get("target")],
        "other": [other],
        "none": [None],
        "support": [] if support is None else [support],
        "elsewhere": [*scene.surfaces(but=other)],
    }
    sampler = planner_sampler(definition)
    for target in aims[achieves.aim]:
        step = Step(definition.name, row, target)
        if target != row and scene.was_seen(row, target) and sampler.applicable(scene.state, step, scene.segments):
            yield step


def _acts_on(definition: SkillDefinition, row: int, segments: Segments) -> bool:
    return segments.is_drawer(row) if definition.acts_on == "drawer" else segments.is_movable(row)


def _bindings(atom: Lifted, when: tuple[Lifted, ...], step: Step, count: int) -> Iterator[_Binding]:
    """Every way to fill the roles of a condition; none where it speaks of a target that the step does not have."""
    roles = {role for one in (atom, *when) for role in (one.subject, one.other)}
    if "target" in roles and step.target is None:
        return
    fixed: _Binding = {"object": step.object, "target": step.target}
    if "other" not in roles:
        yield fixed
        return
    for row in range(count):
        if row != step.object:
            yield {**fixed, "other": row}


def _ground(lifted: Lifted, binding: _Binding) -> AtomRows:
    subject = binding[lifted.subject]
    if subject is None:
        raise ValueError(f"{lifted.relation}: no {lifted.subject} is bound")
    return lifted.relation, subject, None if lifted.other is None else binding[lifted.other], lifted.holds
