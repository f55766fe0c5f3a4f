"""Goals in the words of people, resolved against what is seen: "inside(every capsule, the largest cup)"."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from fail2progress.core.goals import ATOM, Atom, Goal, parts
from fail2progress.core.names import unknown
from fail2progress.core.objects import CATEGORIES, kind_of
from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.core.relations import BINARY, UNARY
from fail2progress.core.scene import Array

COLOURS = ("black", "grey", "white", "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown")
"""Words for colours, as perception says them."""
_SPELT = {"gray": "grey"}
ALL = ("every", "each", "all")
ONE = ("the", "a", "an", "any")
ORDERS = {
    "largest": lambda boxes: -np.prod(boxes[:, 1] - boxes[:, 0], axis=1),
    "biggest": lambda boxes: -np.prod(boxes[:, 1] - boxes[:, 0], axis=1),
    "smallest": lambda boxes: np.prod(boxes[:, 1] - boxes[:, 0], axis=1),
    "tallest": lambda boxes: -(boxes[:, 1, 2] - boxes[:, 0, 2]),
    "lowest": lambda boxes: boxes[:, 0, 2],
    "highest": lambda boxes: -boxes[:, 1, 2],
    "nearest": lambda boxes: np.linalg.norm(boxes[..., :2].mean(axis=1), axis=1),
    "farthest": lambda boxes: -np.linalg.norm(boxes[..., :2].mean(axis=1), axis=1),
    "leftmost": lambda boxes: -boxes[..., 1].mean(axis=1),
    "rightmost": lambda boxes: boxes[..., 1].mean(axis=1),
}
"""By the boxes (N, 2, 3) around what is seen, in the planning frame (x away from the robot, y to its left): the least counts."""
NOUNS = {
    "mug": ("cup", "open_box"),
    "bowl": ("cup", "open_box"),
    "container": ("cup", "open_box"),
    "tray": ("open_box",),
    "can": ("capsule",),
    "bottle": ("capsule",),
    "cylinder": ("capsule",),
    "box": ("cuboid", "open_box"),
    "block": ("cuboid",),
    "cube": ("cuboid",),
    "carton": ("cuboid",),
    "book": ("cuboid",),
}
"""What people call things of a shape, and the categories that things of that shape have: all that is known without a labeller."""
_PLACE = re.compile(r"(?P<what>.+?)\s+(?P<where>on|in)\s+(?P<place>.+)")
_RELATION = {"on": "above", "in": "inside"}


@dataclass(frozen=True)
class _Found:
    """Names that a description means, and whether each of them is meant."""

    names: tuple[str, ...]
    every: bool = False


def resolve(text: str, seen: Observation) -> Goal:
    """A goal whose arguments are ids, or descriptions: [every | the] [largest | nearest | ...] [COLOUR] CATEGORY [on | in ONE].
    A category is one of the vocabulary, or what people call things of its shape (NOUNS).

    "every" gives one relation for each; otherwise exactly one thing must be meant. ValueError says what is meant by none or by
    several of the things that are seen.
    """
    atoms = [atom for part in parts(text) for atom in _atoms(part, seen)]
    if not atoms:
        raise ValueError(f"goal {text!r}: nothing that is seen is meant; there are: {_listed(seen.cloud)}")
    return Goal(tuple(dict.fromkeys(atoms)))


def described(text: str, names: Collection[str]) -> bool:
    """Whether a goal has arguments that are none of these ids, so that only what is seen tells what they mean.

    ValueError for relations, things and colours that nobody knows.
    """
    found = [ATOM.fullmatch(part) for part in parts(text)]
    if None in found:
        Goal.parse(text)  # which says what is wrong
    arguments = [(atom["relation"], said.strip()) for atom in found if atom is not None for said in atom["names"].split(",")]
    for relation, said in arguments:
        if relation not in (*BINARY, *UNARY):
            raise ValueError(unknown("relation", relation, (*BINARY, *UNARY)))
        _check(said, names)
    return any(said not in names for _, said in arguments)


def _check(said: str, names: Collection[str]) -> None:
    if said in names:
        return
    place = _PLACE.fullmatch(said)
    _kinds(_parsed(place["what"] if place else said)[3], said, names)
    if place:
        _check(place["place"].strip(), names)


def _atoms(part: str, seen: Observation) -> list[Atom]:
    found = ATOM.fullmatch(part)
    if found is None:
        return [Atom.parse(part)]  # which says what is wrong
    arguments = [_found(argument.strip(), seen) for argument in found["names"].split(",")]
    for argument, said in zip(arguments, found["names"].split(","), strict=True):
        if not argument.every and len(argument.names) != 1:
            many = f"{len(argument.names)} things that are seen: {', '.join(argument.names)}; say which, or: every {said.strip()}"
            none = f"nothing that is seen; there are: {_listed(seen.cloud)}"
            raise ValueError(f"{said.strip()!r} means {many if argument.names else none}")
    choices = itertools.product(*(argument.names for argument in arguments))
    return [
        Atom.parse(f"{found['negated'] or ''}{found['relation']}({', '.join(names)})")
        for names in choices
        if len({*names}) == len(names)
    ]


def _found(said: str, seen: Observation) -> _Found:
    cloud = seen.cloud
    if said in cloud.names:
        return _Found((said,))
    place = _PLACE.fullmatch(said)
    every, order, colour, noun = _parsed(place["what"] if place else said)
    names = [name for name in _of_kind(noun, said, cloud) if not colour or cloud.colour(name) == colour]
    if place:
        names = _at(names, place["where"], place["place"], seen)
    names = [name for name in names if cloud.seen[cloud.index(name)]]
    if order and names:
        boxes: Array = cloud.bounds()[[cloud.index(name) for name in names]]
        names = [names[int(np.argmin(ORDERS[order](boxes)))]]
    return _Found(tuple(names), every)


def _parsed(said: str) -> tuple[bool, str, str, str]:
    """Whether every one is meant; by what they are ordered, and a colour, either "" where not said; and the noun."""
    words = said.split()
    every = bool(words) and words[0] in ALL
    words = words[1:] if words and words[0] in (*ALL, *ONE) else words
    order = colour = ""
    while words:
        word = _SPELT.get(words[0], words[0])
        if word in ORDERS and not order:
            order = word
        elif word in COLOURS and not colour:
            colour = word
        else:
            break
        words = words[1:]
    return every, order, colour, " ".join(words)


def _of_kind(noun: str, said: str, cloud: SegmentedCloud) -> list[str]:
    """Everything of a category, in the singular or the plural, or the thing of that name."""
    if noun in cloud.names:
        return [noun]
    kinds_meant = _kinds(noun, said, cloud.names)
    if not kinds_meant:
        movable = [kind_of(kind).movable for kind in cloud.categories]
        return [name for name, there in zip(cloud.names, movable, strict=True) if there]
    return [name for name, kind in zip(cloud.names, cloud.categories, strict=True) if kind in kinds_meant]


def _kinds(noun: str, said: str, names: Collection[str]) -> tuple[str, ...]:
    """The categories that a noun means, none for anything that can be moved. ValueError for what is no thing."""
    forms = [form.replace(" ", "_") for form in (noun, noun.removesuffix("s"), noun.removesuffix("es"))]
    if any(form in ("object", "thing") for form in forms):
        return ()
    known = next((form for form in forms if form in CATEGORIES or form in NOUNS), None)
    if known is None and noun not in names:
        raise ValueError(f"{said!r}: {unknown('thing', noun, (*names, *CATEGORIES, *NOUNS))}")
    return NOUNS.get(known or noun, (known or noun,))


def _at(names: list[str], where: str, place: str, seen: Observation) -> list[str]:
    there = _found(place.strip(), seen)
    if len(there.names) != 1:
        raise ValueError(f"{place.strip()!r} means {', '.join(there.names) or 'nothing that is seen'}; say which one")
    holds = seen.relations
    return [name for name in names if name != there.names[0] and holds.value(_RELATION[where], name, there.names[0]) > 0.5]


def _listed(cloud: SegmentedCloud) -> str:
    kinds = [f"{cloud.colour(name)} {kind}".strip() for name, kind in zip(cloud.names, cloud.categories, strict=True)]
    return ", ".join(f"{name} ({kind})" for name, kind in zip(cloud.names, kinds, strict=True)) or "nothing"
