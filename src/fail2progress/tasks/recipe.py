"""From the objects of a task file to scenes: drawn in the order of the file, each where its support has room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fail2progress.core.objects import ObjectSpec, Shape, category
from fail2progress.core.scene import Scene, pose
from fail2progress.tasks.layout import DoesNotFitError, Layout
from fail2progress.tasks.schema import ObjectEntry, draw

TRIES = 50
"""Scenes that are begun before a recipe is given up."""


@dataclass(frozen=True)
class Recipe:
    """The objects of a file, and which of them are groups."""

    entries: tuple[ObjectEntry, ...]
    groups: frozenset[str]

    def scene(self, rng: np.random.Generator, counts: Mapping[str, int]) -> Scene:
        """A scene at rest, nothing overlapping. DoesNotFitError where none is found in TRIES tries."""
        reason = ""
        for _ in range(TRIES):
            try:
                return self._scene(rng, counts)
            except DoesNotFitError as error:
                reason = str(error)
        raise DoesNotFitError(f"no layout found in {TRIES} tries: {reason}")

    def names(self, counts: Mapping[str, int]) -> tuple[str, ...]:
        """Names of the objects of a scene, in order."""
        return tuple(name for entry in self.entries for name in members(entry, self.groups, counts))

    def _scene(self, rng: np.random.Generator, counts: Mapping[str, int]) -> Scene:
        layout = Layout(rng)
        for entry in self.entries:
            names = members(entry, self.groups, counts)
            if entry.row is not None and names:
                _put_row(layout, entry, names, rng)
                continue
            for index, name in enumerate(names):
                _put(layout, entry, name, self._support(entry, index, counts, rng), rng)
        return layout.scene()

    def _support(self, entry: ObjectEntry, index: int, counts: Mapping[str, int], rng: np.random.Generator) -> str:
        """The support of one object: `cup_*` is the cup of the same number, cups taken round and round."""
        choices = entry.supports
        if not choices:
            return ""
        chosen = choices[0] if len(choices) == 1 else choices[int(rng.integers(len(choices)))]
        if not chosen.endswith("_*"):
            return chosen
        group = chosen.removesuffix("_*")
        return f"{group}_{index % max(counts.get(group, 1), 1) + 1}"


def members(entry: ObjectEntry, groups: frozenset[str], counts: Mapping[str, int]) -> tuple[str, ...]:
    """The names that an entry stands for: its own, or one for each member of a group."""
    if entry.name not in groups:
        return (entry.name,)
    return tuple(f"{entry.name}_{i + 1}" for i in range(counts.get(entry.name, 0)))


def _put(layout: Layout, entry: ObjectEntry, name: str, support: str, rng: np.random.Generator) -> None:
    """Draw one object and put it where the entry says."""
    if entry.category == "drawer":
        return layout.fit_drawer(name, support, draw(entry.opening, rng))
    spec = _spec(entry, name, rng)
    if entry.at is not None:
        top = draw(entry.at.top, rng)
        x, y = draw(entry.at.x, rng), draw(entry.at.y, rng)
        return layout.fix(spec, pose(x, y, top - spec.size[2] / 2, draw(entry.at.yaw, rng)))
    if entry.inside is not None:
        return layout.drop_in(spec, support)
    if entry.against is not None:
        return layout.beside(spec, support, int(rng.integers(4)))
    if _is_surface(layout, support):
        shares = entry.region.x, entry.region.y
        return layout.stand(spec, support, draw(entry.yaw, rng), draw(entry.margin, rng), shares=shares)
    return layout.stack(spec, support)


def _put_row(layout: Layout, entry: ObjectEntry, names: Sequence[str], rng: np.random.Generator) -> None:
    """Draw a group and stand it in a row."""
    assert entry.row is not None
    turned = entry.row.along == "y"
    specs = [_spec(entry, name, rng) for name in names]
    if turned:  # a row lies along the x of its members, so their own x and y change places
        specs = [ObjectSpec(s.name, s.category, (s.size[1], s.size[0], s.size[2])) for s in specs]
    gaps = [draw(entry.row.gap, rng) for _ in specs[1:]]
    yaw = draw(entry.yaw, rng) + (np.pi / 2 if turned else 0.0) + layout.heading(entry.supports[0])
    shares = entry.region.x, entry.region.y
    layout.stand_row(specs, entry.supports[0], gaps, yaw, draw(entry.margin, rng), shares=shares)


def _spec(entry: ObjectEntry, name: str, rng: np.random.Generator) -> ObjectSpec:
    assert entry.size is not None
    return ObjectSpec(name, entry.category, entry.size.draw(rng))


def _is_surface(layout: Layout, support: str) -> bool:
    """Whether things stand anywhere on a support, not on its middle."""
    return category(layout.objects[layout.index(support)].category).shape in (Shape.TABLE, Shape.SHELF)
