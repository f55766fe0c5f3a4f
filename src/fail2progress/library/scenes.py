"""Scenes and tasks of one's own, or by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from fail2progress.core.choice import first_mistake
from fail2progress.core.goals import Goal
from fail2progress.core.objects import category
from fail2progress.core.scene import Scene
from fail2progress.library.arguments import plain, require, require_whole, several, told
from fail2progress.library.standing import check_standing
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.base import Trial
from fail2progress.tasks.check import problem
from fail2progress.tasks.recipe import Recipe
from fail2progress.tasks.registry import task as task_named
from fail2progress.tasks.schema import TaskFile

TABLE_SIZE = (0.50, 0.56, 0.04)
"""Full extents (m) of a table that says no size."""
_TABLE_X, _TABLE_Y, _TABLE_TOP = 0.60, 0.40, 0.50
_PLACES = ("at", "on", "inside", "against")
OWN = "own"
"""What the records call a task made of a scene and a goal."""

Goals = str | Goal | Iterable[str | Goal]


def scene(objects: Iterable[Mapping[str, object]], seed: int = 0) -> Scene:
    """A scene at rest of objects by name, category and size, nothing overlapping.

    Each object is a mapping with the keys of a task file (docs/guide/task.md): `name`, `category` (cuboid, capsule, cup,
    open_box, shelf, cabinet, drawer, table), `size` (full extents x, y, z in metres; a range [low, high] varies with the seed),
    and one of `at` (x, y of the middle and height of the top, metres in the planning frame), `on`, `inside`, `against`. What says
    no place stands on the first table. Tables that say none stand to the robot's left and right; where no table is given,
    `table_a` and `table_b` do. Numbers and arrays of NumPy are taken as those of Python.

    Raises ValueError: a key, category, size or support that is wrong, no room, or something movable `at` a place where it would
    fall, or would stand in another thing.

        cups = scene([{"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.09)}], seed=1)
        print(cups.names, cups.position("mug"))
    """
    given = several(objects, "objects", "a list of mappings")
    for thing in given:
        require(thing, Mapping, "an object", "a mapping with name, category and size")
    require_whole(seed, "seed")
    things = [{str(key): plain(value) for key, value in thing.items()} for thing in given]
    if not any(thing.get("category") == "table" for thing in things):
        tables: list[dict[str, object]] = [{"name": f"table_{letter}", "category": "table"} for letter in "ab"]
        things = [*tables, *things]
    content = _content(_placed(things))
    made = Recipe(tuple(content.objects), frozenset()).scene(np.random.default_rng(seed), {})
    check_standing(made, [one.name for one in content.objects if one.at is not None and category(one.category).movable])
    return made


def task(start: str | Path | Scene = DEFAULT, goal: Goals = "", objects: int | None = None, seed: int = 0) -> Trial:
    """A scene to start from and the goals to reach: a task by name or file with `objects` movable ones, or a scene of one's own.

    `goal` is a text such as "inside(pill, mug) and above(mug, table_b)", or several to reach one after the other, the last of
    which decides. A task that is named has goals of its own; a scene needs one. What no skill makes true is warned of
    (UserWarning).

    Raises ValueError (among them TaskError and RegistryError): no such task, a goal that cannot be read or that speaks of what is
    not there.

        named = task("hierarchical-tabletop", objects=3, seed=7)
        own = task(scene([{"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.09)}]), "above(mug, table_b)")
    """
    require_whole(seed, "seed")
    stages = goals_of(goal)
    if not isinstance(start, Scene):
        family = task_named(str(start))
        trial = family.trial(objects if objects is not None else family.counts[0], seed)
    elif not stages:
        raise ValueError('a scene of your own needs a goal, for example "above(mug, table_b)"')
    else:
        trial = Trial(OWN, sum(spec.movable for spec in start.objects), seed, start, ())
    if not stages:
        return trial
    from fail2progress.evaluation.doubts import doubts  # takes a simulator's time to load

    trial = _with_stages(trial, stages)
    for doubt in doubts(trial):
        warnings.warn(doubt, stacklevel=2)
    return trial


def _with_stages(trial: Trial, stages: tuple[Goal | str, ...]) -> Trial:
    """TaskError where a goal speaks of what is not in the scene."""
    checked = [trial.with_goal(stage).goal for stage in stages]
    return Trial(trial.task, trial.objects, trial.seed, trial.scene, tuple(checked), trial.reference)


def goals_of(goal: Goals) -> tuple[Goal | str, ...]:
    """One after the other; ValueError where it is neither a goal nor several."""
    require(goal, (str, Goal, Iterable), "goal", "a text, a Goal, or several of them")
    if isinstance(goal, (str, Goal)):
        goal = [goal] if goal else []
    return tuple(goal)


def _placed(things: list[dict[str, object]]) -> list[dict[str, object]]:
    """Every object with the place that it has by default, sizes and places by key, tables first."""
    tables = [thing for thing in things if thing.get("category") == "table"]
    for number, table in enumerate(tables):
        table.setdefault("size", TABLE_SIZE)
        if not any(key in table for key in _PLACES):
            table["at"] = (_TABLE_X + 0.6 * (number // 2), _TABLE_Y * (-1) ** number, _TABLE_TOP)
    others = [thing for thing in things if thing.get("category") != "table"]
    for thing in others:
        if not any(key in thing for key in _PLACES):
            thing["on"] = tables[0].get("name")
    return [_by_key(thing) for thing in (*tables, *others)]


def _by_key(thing: dict[str, object]) -> dict[str, object]:
    """Triples spelled out as task files do; anything else is left for the schema to judge."""
    for key, parts in (("size", ("x", "y", "z")), ("at", ("x", "y", "top"))):
        value = thing.get(key)
        if isinstance(value, (tuple, list)) and len(value) == len(parts):
            thing[key] = dict(zip(parts, value, strict=True))
    return thing


_SAID = {
    "model_type": "needs three numbers, or keys with a number each",
    "tuple_type": "needs a number, or [low, high]",
    "extra_forbidden": "no such key",
}
"""What people can do about mistakes, in place of what they are for a schema."""


def _mistake(error: ValidationError) -> str:
    """The first mistake in one object, by its keys."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"][2:] if str(part).isidentifier())
    said = _SAID.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{key}: {said}" + (f", got {told(first['input'])}" if first["type"] != "missing" else "")


def _content(things: list[dict[str, object]]) -> TaskFile:
    """The objects as those of a task file, checked in the same way. ValueError names the object."""
    names = [str(thing.get("name", f"number {number + 1}")) for number, thing in enumerate(things)]
    try:
        content = TaskFile.model_validate({"name": OWN, "counts": {1: {}}, "objects": things, "stages": ["movable(x)"]})
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        if len(place) > 2 and place[0] == "objects" and isinstance(place[1], int):
            raise ValueError(f"object {names[place[1]]}: {_mistake(error)}") from error
        raise ValueError(first_mistake(error)) from error
    found = problem(content, None)
    if found is not None and found[0][0] == "objects":
        raise ValueError(found[1])
    return content
