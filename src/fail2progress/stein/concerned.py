"""Which objects a failure concerns, what hangs together with what, and what stands in or on what (docs/decisions/0026)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.memory import witnessed
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, RelationState, binary_relations
from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall

SEEN_MOVING = 0.005
"""Metres from which a segment was seen to move: blocks 2 mm apart do not touch and are pushed all the same."""
_BONDS = ("contact", "inside", "above")


@dataclass(frozen=True)
class Observed:
    """What a failure shows: both observations, the relations R_F before the skill, its call, and the objects that the broken
    relations name."""

    before: SegmentedCloud
    after: SegmentedCloud
    relations: RelationState
    call: SkillCall
    named: tuple[str, ...]


@dataclass(frozen=True)
class Concern:
    """Rows of segments. `clusters` hold everything that is placed, each as one; the first has what the skill acted on."""

    concerned: tuple[int, ...]
    clusters: tuple[tuple[int, ...], ...]
    parent: dict[int, int]
    """What a segment stands in or on, tables left out."""


def concern(failure: Observed, scene: Scene) -> Concern:
    """What a failure concerns: the moved segment, all that was seen to move, what a broken relation names, what hangs together.

    `scene` is the rebuilt one: what it leaves out is not placed.
    """
    before, after, relations = failure.before, failure.after, failure.relations
    placed = [
        i for i, name in enumerate(before.names) if before.categories[i] != "table" and before.seen[i] and name in scene.names
    ]
    bonds = _bonds(before.names, relations, scene, placed)
    moved = before.index(failure.call.object)
    group = _reached({moved, *(i for i in seen_moving(before, after, failure.call.object) if i in placed)}, bonds)
    clusters = [group]
    for row in placed:
        if not any(row in cluster for cluster in clusters):
            clusters.append(_reached({row}, bonds))
    wanted = {before.names.index(name) for name in failure.named if name in before.names} & set(placed)
    concerned = group.union(*(cluster for cluster in clusters if cluster & wanted))
    parent = parents(before.names, relations, scene, placed)
    return Concern(tuple(sorted(concerned)), tuple(tuple(sorted(cluster)) for cluster in clusters), parent)


def seen_moving(before: SegmentedCloud, after: SegmentedCloud, handled: str) -> list[int]:
    """Rows of what moved, by as much as both sides of its box agree on: what is merely hidden moves one side only, and where what
    is out of sight was expected to go says nothing."""
    low, high = (after.bounds() - before.bounds()).transpose(1, 0, 2)
    agreed = np.where(low * high > 0, np.minimum(np.abs(low), np.abs(high)), 0.0).max(axis=1)
    return [int(i) for i in np.flatnonzero(witnessed(before, after, handled) & (agreed > SEEN_MOVING))]


def _bonds(names: Sequence[str], relations: RelationState, scene: Scene, placed: list[int]) -> NDArray[np.bool_]:
    """(N, N) what touches, holds or carries what; a drawer and its cabinet."""
    columns = [BINARY.index(name) for name in _BONDS]
    bonds = np.array((np.asarray(relations.binary, float)[..., columns] > 0.5).any(axis=-1), dtype=bool)
    for row, other in _held(names, scene, placed):
        bonds[row, other] = True
    for spec in scene.objects:
        if spec.inside_of is not None and spec.name in names and spec.inside_of in names:
            bonds[names.index(spec.name), names.index(spec.inside_of)] = True
    keep = np.zeros(len(names), bool)
    keep[placed] = True
    return np.asarray((bonds | bonds.T) & keep & keep[:, None])


def _reached(start: set[int], bonds: NDArray[np.bool_]) -> set[int]:
    """Everything that hangs together with a start."""
    found, fringe = set(start), list(start)
    while fringe:
        new = {int(i) for i in np.flatnonzero(bonds[fringe.pop()])} - found
        found |= new
        fringe += new
    return found


def parents(names: Sequence[str], relations: RelationState, scene: Scene, placed: list[int]) -> dict[int, int]:
    """The smallest thing that a segment is in, the cabinet of a drawer, or the highest thing that it stands on and touches."""
    volume = {i: float(np.prod(scene.objects[scene.index(names[i])].size)) for i in placed}
    top = {i: float(scene.bounds()[scene.index(names[i]), 1, 2]) for i in placed}
    held, found = _held(names, scene, placed), dict[int, int]()
    for row in placed:
        others = [other for other in placed if other != row and not leads_to(found, other, row)]

        def holds(relation: str, other: int, row: int = row) -> bool:
            return relations.value(relation, names[row], names[other]) > 0.5

        cabinet = scene.objects[scene.index(names[row])].inside_of
        holders = [other for other in others if names[other] == cabinet or holds("inside", other) or (row, other) in held]
        below = [other for other in others if holds("above", other) and holds("contact", other)]
        if holders:
            found[row] = min(holders, key=volume.__getitem__)
        elif below:
            found[row] = max(below, key=top.__getitem__)
    return found


def _held(names: Sequence[str], scene: Scene, placed: list[int]) -> set[tuple[int, int]]:
    """What lies within which container of the rebuilt scene: a detector may know of a full shelf that it is touched, no more."""
    inside = binary_relations(scene.bounds(), np.zeros((len(scene), len(scene)), bool))[..., BINARY.index("inside")]
    holders = [other for other in placed if scene.objects[scene.index(names[other])].kind.container]
    within = {(row, other): (scene.index(names[row]), scene.index(names[other])) for row in placed for other in holders}
    return {pair for pair, at in within.items() if inside[at]}


def leads_to(parent: dict[int, int], row: int, goal: int) -> bool:
    """Whether a row is another one, or in or on it, however many things are between them."""
    while row != goal and row in parent:
        row = parent[row]
    return row == goal


def members(found: Concern, moved: int, names: tuple[str, ...], scene: Scene) -> tuple[int, ...]:
    """Members of the failed cluster that the robot can move, but for the one whose place is the cluster's."""
    while moved in found.parent:
        moved = found.parent[moved]
    rows = [row for row in found.clusters[0] if scene.objects[scene.index(names[row])].movable and row != moved]
    return tuple(rows)


def drawers(cluster: Sequence[int], names: tuple[str, ...], scene: Scene) -> dict[int, tuple[float, float]]:
    """Drawers of a cluster: how far they are open and can be, metres."""
    rows = {row: scene.objects[scene.index(names[row])] for row in cluster}
    return {
        row: (float(scene.openings.get(spec.name, 0.0)), 0.75 * spec.size[0])
        for row, spec in rows.items()
        if spec.is_drawer and spec.inside_of in scene.names
    }
