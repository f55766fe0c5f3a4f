"""What is wrong with a task file that a schema cannot see: supports that are not there, goals about nothing in the scene."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from fail2progress.core.goals import Atom, check_agree
from fail2progress.core.objects import Shape, category
from fail2progress.simulation.materials import DRAWER_TRAVEL
from fail2progress.tasks.atoms import expand
from fail2progress.tasks.base import Task
from fail2progress.tasks.layout import DRAWER_CLEARANCE, TOUCHING
from fail2progress.tasks.recipe import members
from fail2progress.tasks.schema import Choice, ObjectEntry, Size, TaskFile

Place = tuple[int | str, ...]
"""Where in a file: keys and positions from its root."""


def problem(content: TaskFile, borrowed: Task | None) -> tuple[Place, str] | None:
    """The first thing that is wrong and where, or None."""
    return next(iter([*_objects(content), *_counts(content), *_goals(content, borrowed)]), None)


def _objects(content: TaskFile) -> Iterator[tuple[Place, str]]:
    if bool(content.objects) == (content.scene_of is not None):
        yield ("objects",), "a task needs either objects of its own or scene_of another task"
    groups = _groups(content)
    earlier: dict[str, ObjectEntry] = {}
    for i, entry in enumerate(content.objects):
        at: Place = ("objects", i)
        if entry.name in earlier:
            yield (*at, "name"), f"{entry.name} stands here twice"
        yield from ((at + place, text) for place, text in _entry(entry, groups, earlier))
        yield from ((at + place, text) for place, text in _without_use(entry, earlier))
        crossed = next((name for name, other in earlier.items() if _always_crossed(entry, other)), None)
        if crossed is not None:
            yield (*at, "at"), f"{entry.name} stands inside {crossed}, wherever the two are drawn"
        earlier[entry.name] = entry
    for key, counts in content.counts.items():
        for name in counts:
            if content.objects and name not in earlier:
                yield ("counts", key, name), f"no object is called {name!r}; objects: {', '.join(earlier)}"


def _entry(entry: ObjectEntry, groups: frozenset[str], earlier: Mapping[str, ObjectEntry]) -> Iterator[tuple[Place, str]]:
    given = [key for key in ("at", "on", "inside", "against") if getattr(entry, key) is not None]
    if len(given) != 1:
        yield ("name",), f"{entry.name} needs exactly one of at, on, inside, against; it has {', '.join(given) or 'none'}"
        return
    drawer = category(entry.category).shape is Shape.DRAWER
    if entry.size is None and not drawer:
        yield ("name",), f"{entry.name} has no size"
    elif entry.size is not None:
        walls = _too_small(_least(entry.size), entry.category)
        yield from ((("size",), f"{entry.name} is a {entry.category}: {text}") for text in walls)
    if drawer and entry.inside is None:
        yield (given[0],), f"{entry.name} is a drawer: it is inside a cabinet"
    if entry.row is not None and (entry.on is None or entry.name not in groups or len(entry.supports) != 1):
        yield ("row",), f"{entry.name}: a row is a group (see counts) on one support"
    for support in entry.supports:
        base = support.removesuffix("_*")
        if base not in earlier:
            yield (given[0],), f"{support!r} is not there yet; before {entry.name} come: {', '.join(earlier) or 'none'}"
        elif support.endswith("_*") != (base in groups):
            yield (given[0],), f"{support!r}: " + ("write " + base + "_*" if base in groups else base + " is no group")
        elif entry.inside is not None and not category(earlier[base].category).container:
            yield (given[0],), f"{support} is a {earlier[base].category}, nothing goes inside"
        elif drawer and earlier[base].category != "cabinet":
            yield (given[0],), f"{entry.name} is a drawer: it is inside a cabinet, not a {earlier[base].category}"
        elif drawer and (small := list(_too_small(_room(earlier[base]), entry.category, DRAWER_CLEARANCE))):
            yield (given[0],), f"{support} has no room for a drawer: {small[0]}"
        elif drawer and (other := _drawer_of(earlier, support)) is not None:
            yield (given[0],), f"{support} has a drawer already: {other}"
        elif drawer and (entry.opening[0] < 0.0 or entry.opening[1] > _travel(earlier[base])):
            way = f"{entry.name} in {support} can be pulled out by 0 to {_travel(earlier[base]):.3f} m"
            yield ("opening",), f"{way}, got {list(entry.opening)}"


def _without_use(entry: ObjectEntry, earlier: Mapping[str, ObjectEntry]) -> Iterator[tuple[Place, str]]:
    """The keys that say something which the way of placing does not use."""
    kinds = [category(earlier[base].category) for name in entry.supports if (base := name.removesuffix("_*")) in earlier]
    free = entry.row is not None or (entry.on is not None and any(kind.shape in (Shape.TABLE, Shape.SHELF) for kind in kinds))
    used = {"yaw", "margin", "region"} if free else set()
    used |= {"opening"} if category(entry.category).shape is Shape.DRAWER else {"size"}
    for key in ("size", "yaw", "margin", "region", "opening"):
        if key not in used and getattr(entry, key) != ObjectEntry.model_fields[key].default:
            yield (key,), f"{entry.name}: {key} {_NO_USE[key]}; leave it out"


_NO_USE = {
    "size": "of a drawer follows from its cabinet",
    "yaw": "is for what stands on a table or a shelf (a fixed place has its own: at: {yaw: ...})",
    "margin": "is for what stands on a table or a shelf",
    "region": "is for what stands on a table or a shelf",
    "opening": "is for drawers",
}


def _least(size: Size) -> tuple[float, float, float]:
    """The smallest extents (m) that may be drawn."""
    x = size.x[0]
    return x, x if size.y == "x" else size.y[0], x if size.z == "x" else size.z[0]


def _room(cabinet: ObjectEntry) -> tuple[float, float, float]:
    return _least(cabinet.size) if cabinet.size is not None else (math.inf,) * 3


def _too_small(extents: Sequence[float], name: str, more: Sequence[float] = (0.0, 0.0, 0.0)) -> Iterator[str]:
    """Which extents (m) leave no hollow between the walls of a category, when it needs so much `more`."""
    kind = category(name)
    walls = {Shape.OPEN_BOX: (2, 2, 1), Shape.DRAWER: (2, 2, 1), Shape.SHELF: (1, 2, 2)}.get(kind.shape, (0, 0, 0))
    for axis, extent, count, clear in zip("xyz", extents, walls, more, strict=True):
        if count and extent <= kind.wall * count + clear:
            yield f"{axis} must be above {kind.wall * count + clear:.3f} m for its walls, got {extent:g}"


def _drawer_of(earlier: Mapping[str, ObjectEntry], cabinet: str) -> str | None:
    """A drawer that is in a cabinet in any case."""
    return next((name for name, other in earlier.items() if other.category == "drawer" and other.supports == (cabinet,)), None)


def _travel(cabinet: ObjectEntry) -> float:
    """How far (m) a drawer can always be pulled out of a cabinet, however short that is drawn."""
    return DRAWER_TRAVEL * (cabinet.size.x[0] - DRAWER_CLEARANCE[0]) if cabinet.size is not None else math.inf


def _always_crossed(entry: ObjectEntry, other: ObjectEntry) -> bool:
    """Whether two solid things at fixed places overlap in every trial. What is turned is left to the drawing of a scene."""
    one, two = _core(entry), _core(other)
    return bool(one and two) and all(a[0] < b[1] - TOUCHING and b[0] < a[1] - TOUCHING for a, b in zip(one, two, strict=True))


def _core(entry: ObjectEntry) -> list[tuple[float, float]]:
    """Along x, y and z the highest that an entry's lower side may be, and the lowest of its upper side (m); else nothing."""
    if entry.at is None or entry.size is None or entry.at.yaw != (0.0, 0.0) or category(entry.category).container:
        return []
    x, y, z = _least(entry.size)
    sides = [(middle[1] - size / 2, middle[0] + size / 2) for middle, size in ((entry.at.x, x), (entry.at.y, y))]
    return [*sides, (entry.at.top[1] - z, entry.at.top[0])]


def _counts(content: TaskFile) -> Iterator[tuple[Place, str]]:
    """The number of objects is that of the movable ones."""
    groups = _groups(content)
    for key, counts in content.counts.items():
        movable = [e for e in content.objects if category(e.category).movable]
        there = [name for entry in movable for name in members(entry, groups, counts)]
        if content.objects and len(there) != key:
            said = f"{key} movable objects are announced, there are {len(there)}"
            yield ("counts", key), f"{said}: {', '.join(there)}"


def _goals(content: TaskFile, borrowed: Task | None) -> Iterator[tuple[Place, str]]:
    for key, counts in content.counts.items():
        names = _names(content, counts, borrowed)
        for i, stage in enumerate(content.stages):
            yield from _stage(stage, ("stages", i), key, counts, names)


def _stage(
    stage: list[str] | Choice, at: Place, key: int, counts: Mapping[str, int], names: tuple[str, ...]
) -> Iterator[tuple[Place, str]]:
    patterns, place = (stage.of, (*at, "of")) if isinstance(stage, Choice) else (stage, at)
    wished: list[Atom] = []
    for j, pattern in enumerate(patterns):
        try:
            atoms = expand(pattern, counts)
        except ValueError as error:
            yield (*place, j), str(error)
            return
        wished += atoms
        unknown = next((name for atom in atoms for name in atom.names if name not in names), None)
        if unknown is not None:
            yield (*place, j), f"{pattern}: {unknown!r} is not in the scene of {key} objects: {', '.join(names)}"
    total = len(wished)
    wanted = 1 if not isinstance(stage, Choice) else key if stage.choose == "objects" else stage.choose
    try:
        check_agree(wished if not isinstance(stage, Choice) or wanted > 1 else ())
    except ValueError as error:
        yield at, str(error)
    if total < wanted:
        yield at, f"{total} atoms for {key} objects; {wanted} are needed"


def _names(content: TaskFile, counts: Mapping[str, int], borrowed: Task | None) -> tuple[str, ...]:
    if borrowed is not None and content.scene_of is not None:
        return borrowed.trial(content.scene_of.objects, 0).scene.names
    return tuple(name for entry in content.objects for name in members(entry, _groups(content), counts))


def _groups(content: TaskFile) -> frozenset[str]:
    return frozenset(name for counts in content.counts.values() for name in counts)
