"""Which places scenes of different objects share: MuJoCo Warp steps many worlds of one structure, whose numbers may differ.

A structure has places for fixed things, movable things and drawers, each with room for so many boxes and cylinders. What a scene
does not fill is padding. Drawers come with the fixed thing that each slides in, the first ones of the fixed places.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from fail2progress.core.objects import CATEGORIES, ObjectSpec, Shape
from fail2progress.core.scene import Scene

Room = tuple[int, int]
"""How many boxes and how many cylinders a place has."""


@dataclass(frozen=True)
class Structure:
    """The places of a batch. `cabinets`: for each drawer, the fixed place that it slides in, or -1."""

    fixed: tuple[Room, ...] = ()
    movable: tuple[Room, ...] = ()
    drawers: tuple[Room, ...] = ()
    cabinets: tuple[int, ...] = ()

    @property
    def places(self) -> int:
        """How many objects there is room for."""
        return len(self.fixed) + len(self.movable) + len(self.drawers)

    @property
    def rooms(self) -> tuple[Room, ...]:
        """The room of every place: fixed, movable, drawers. Place k is body k + 1 of the model."""
        return self.fixed + self.movable + self.drawers

    def fits(self, other: Structure) -> bool:
        """Whether whatever has that structure has room in this one."""
        return self.joined(other) == self

    def joined(self, other: Structure) -> Structure | None:
        """The least structure that both have room in; None where their drawers slide in different places."""
        shorter, longer = sorted((self.cabinets, other.cabinets), key=len)
        if longer[: len(shorter)] != shorter:
            return None
        fixed, movable = _largest(self.fixed, other.fixed), _largest(self.movable, other.movable)
        return Structure(fixed, movable, _largest(self.drawers, other.drawers), longer)


def _largest(one: Sequence[Room], other: Sequence[Room]) -> tuple[Room, ...]:
    pairs = itertools.zip_longest(one, other, fillvalue=(0, 0))
    return tuple((max(a[0], b[0]), max(a[1], b[1])) for a, b in pairs)


def structure(scene: Scene) -> Structure:
    """The places that one scene needs."""
    rows = _rows(scene)
    fixed, movable, drawers = (tuple(_room(scene.objects[row]) for row in kind) for kind in rows)
    names = [scene.names[row] for row in rows[0]]
    homes = [scene.objects[row].inside_of for row in rows[2]]
    return Structure(fixed, movable, drawers, tuple(names.index(home) if home in names else -1 for home in homes))


def common(shapes: Iterable[Structure], start: Structure | None = None) -> Structure | None:
    """The least structure in which all have room, and `start`; None where there is none."""
    found: Structure | None = start or Structure()
    for shape in shapes:
        found = found.joined(shape) if found is not None else None
    return found


def places(scene: Scene, shared: Structure) -> list[int]:
    """The place of each object of a scene in a structure that has room for it."""
    starts = (0, len(shared.fixed), len(shared.fixed) + len(shared.movable))
    result = [0] * len(scene)
    for first, rows in zip(starts, _rows(scene), strict=True):
        for k, row in enumerate(rows):
            result[row] = first + k
    return result


def _rows(scene: Scene) -> tuple[list[int], list[int], list[int]]:
    """Rows of the fixed things, cabinets first, of the movable ones and of the drawers; those of more parts before others."""
    drawers = [row for row, spec in enumerate(scene.objects) if spec.is_drawer]
    homes = list(dict.fromkeys(scene.objects[row].inside_of for row in drawers))
    fixed = [row for row, spec in enumerate(scene.objects) if not spec.movable and not spec.is_drawer]
    movable = [row for row, spec in enumerate(scene.objects) if spec.movable]

    def order(row: int) -> tuple[int, int, int]:
        spec = scene.objects[row]
        boxes, cylinders = _room(spec)
        return homes.index(spec.name) if spec.name in homes else len(homes), -boxes, -cylinders

    return sorted(fixed, key=order), sorted(movable, key=order), drawers


def _room(spec: ObjectSpec) -> Room:
    return _room_of(spec.kind.shape)


@cache
def _room_of(shape: Shape) -> Room:
    """Sizes change nothing in how many parts a shape has."""
    parts = ObjectSpec("one", next(one.name for one in CATEGORIES.values() if one.shape is shape), (1.0, 1.0, 1.0)).primitives()
    rounded = sum(part.cylinder for part in parts)
    return len(parts) - rounded, rounded
