"""The vocabulary that models, data and failures are written in: skills with their parameters, and relations.

Numbers in files mean something only together with it: the k-th skill, the third parameter, the sixth relation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = 1
"""Version of the written form of a vocabulary."""


class VocabularyError(ValueError):
    """Two vocabularies that do not fit, or a written one that cannot be read."""


@dataclass(frozen=True)
class SkillSignature:
    """A skill's name and its continuous parameters in order, each as (name, unit)."""

    name: str
    parameters: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name} [{unit}]' for name, unit in self.parameters)})"


@dataclass(frozen=True)
class Vocabulary:
    """Skills and relations, in the order in which arrays number them."""

    skills: tuple[SkillSignature, ...]
    binary: tuple[str, ...]
    unary: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the skills, in order."""
        return tuple(skill.name for skill in self.skills)

    def index(self, skill: str) -> int:
        """The number of a skill. VocabularyError for one that is not among them."""
        if skill not in self.names:
            raise VocabularyError(f"the skill {skill!r} is not in this model's vocabulary: {', '.join(self.names)}")
        return self.names.index(skill)

    def difference(self, known: Vocabulary) -> str:
        """What keeps something written in this vocabulary from being read where `known` is spoken; "" where nothing does.

        Relations must be the same, in the same order. Skills must be known there with the same parameters; their order may be
        another and `known` may have more.
        """
        for kind, mine, theirs in (("binary", self.binary, known.binary), ("unary", self.unary, known.unary)):
            if mine != theirs:
                return f"{kind} relations {', '.join(mine)}, known here: {', '.join(theirs)}"
        there = {skill.name: skill for skill in known.skills}
        if missing := [name for name in self.names if name not in there]:
            lacking, brings = ("skill", "package that brings it") if len(missing) == 1 else ("skills", "packages that bring them")
            return f"{lacking} {', '.join(missing)}, known here: {', '.join(known.names)}; install the {brings}"
        for skill in self.skills:
            if skill != there[skill.name]:
                return f"skill {skill}, known here: {there[skill.name]}"
        return ""

    def numbers(self, known: Vocabulary) -> tuple[int, ...]:
        """The number that each skill of this vocabulary has in another. VocabularyError where that one lacks it."""
        return tuple(known.index(name) for name in self.names)

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        skills = [{"name": skill.name, "parameters": [list(pair) for pair in skill.parameters]} for skill in self.skills]
        return {"schema": SCHEMA, "skills": skills, "binary": list(self.binary), "unary": list(self.unary)}


def from_dict(values: Any) -> Vocabulary:
    """Read a written vocabulary; None is that of version 1, from before files carried one. VocabularyError where damaged."""
    if values is None:
        return VERSION_1
    if not isinstance(values, Mapping) or values.get("schema") != SCHEMA:
        found = values.get("schema") if isinstance(values, Mapping) else type(values).__name__
        raise VocabularyError(f"vocabulary of schema {found}, this version reads {SCHEMA}")
    try:
        skills = tuple(SkillSignature(_text(skill["name"]), _pairs(skill["parameters"])) for skill in values["skills"])
        return Vocabulary(skills, _texts(values["binary"]), _texts(values["unary"]))
    except (KeyError, TypeError, ValueError) as error:
        raise VocabularyError(f"vocabulary cannot be read ({type(error).__name__}: {error})") from error


def check(values: Any, known: Vocabulary) -> Vocabulary:
    """Read a written vocabulary that must fit the known one. VocabularyError names the difference."""
    vocabulary = from_dict(values)
    difference = vocabulary.difference(known)
    if difference:
        raise VocabularyError(f"of another vocabulary: {difference}")
    return vocabulary


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a name")
    return value


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(map(_text, values))


def _pairs(values: Sequence[Sequence[object]]) -> tuple[tuple[str, str], ...]:
    return tuple((_text(name), _text(unit)) for name, unit in values)


_OFFSET = (("dx", "m"), ("dy", "m"), ("dz", "m"), ("dyaw", "rad"))
_ALONG = (("direction", "rad"), ("distance", "m"))
VERSION_1 = Vocabulary(
    skills=(
        SkillSignature("pick_place", _OFFSET),
        SkillSignature("push", _ALONG),
        SkillSignature("open_drawer", _ALONG),
        SkillSignature("close_drawer", _ALONG),
    ),
    binary=("left", "right", "front", "behind", "above", "below", "contact", "boundary", "inside"),
    unary=("movable", "drawer", "open"),
)
"""What checkpoints, shards, rehearsal sets and failures without a vocabulary were written in."""
