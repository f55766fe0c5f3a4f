"""Goals: conjunctions of relations, G = g_1 and ... and g_M (paper section 3), over all relations of A.9."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from fail2progress.core.names import unknown
from fail2progress.core.relations import BINARY, UNARY, RelationState

ATOM = re.compile(r"\s*(?P<negated>not\s+)?(?P<relation>\w+)\s*\(\s*(?P<names>[^()]*)\)\s*")
"""The text of an atom, whatever its names are."""


@dataclass(frozen=True)
class Atom:
    """One relation that shall hold (or not): binary with `other`, unary without."""

    relation: str
    subject: str
    other: str | None = None
    holds: bool = True

    def __post_init__(self) -> None:
        if self.relation not in (*BINARY, *UNARY):
            raise ValueError(unknown("relation", self.relation, (*BINARY, *UNARY)))
        if (self.other is None) != (self.relation in UNARY):
            takes = "one object" if self.relation in UNARY else "two objects"
            raise ValueError(f"{self.relation} is a relation of {takes}, got {self}")
        if self.subject == self.other:
            raise ValueError(f"{self.relation}({self.subject}, {self.other}): an object has no relation to itself")

    def __str__(self) -> str:
        return f"{'' if self.holds else 'not '}{self.relation}({', '.join(self.names)})"

    @property
    def names(self) -> tuple[str, ...]:
        """The one or two objects that it speaks of."""
        return (self.subject,) if self.other is None else (self.subject, self.other)

    @classmethod
    def parse(cls, text: str) -> Atom:
        """From `inside(a, b)`, `open(drawer)` or `not above(a, b)`, as `str` writes it. ValueError quotes what it cannot read."""
        found = ATOM.fullmatch(text)
        names = [name.strip() for name in found["names"].split(",")] if found else []
        if found is None or not 1 <= len(names) <= 2 or not all(names):
            raise ValueError(f"not a relation: {text.strip()!r}; write for example inside(a, b), open(drawer) or not above(a, b)")
        return cls(found["relation"], names[0], names[1] if len(names) == 2 else None, not found["negated"])

    def probability(self, state: RelationState) -> float:
        """Probability that the atom is as wanted."""
        value = state.value(self.relation, self.subject, self.other)
        return value if self.holds else 1.0 - value


def check_agree(atoms: Collection[Atom]) -> None:
    """ValueError where one of these is what another one excludes."""
    both = next((atom for atom in atoms if atom.holds and replace(atom, holds=False) in atoms), None)
    if both is not None:
        raise ValueError(f"{both} and not {both} never hold at once; leave one out")


def parts(text: str) -> list[str]:
    """The texts of a goal's atoms, which are joined by `and`, `&` or `;`."""
    return re.split(r"\s+and\s+|[&;]", text)


@dataclass(frozen=True)
class Goal:
    """A conjunction of atoms."""

    atoms: tuple[Atom, ...]

    def __post_init__(self) -> None:
        if not self.atoms:
            raise ValueError("a goal needs at least one relation")

    def __str__(self) -> str:
        return " and ".join(map(str, self.atoms))

    @classmethod
    def parse(cls, text: str | Iterable[str]) -> Goal:
        """From one text with atoms joined by `and`, `&` or `;`, or from one text for each atom. ValueError names the bad one."""
        return cls(tuple(Atom.parse(part) for part in (parts(text) if isinstance(text, str) else text)))

    @property
    def objects(self) -> tuple[str, ...]:
        """Names that the goal speaks of, each once, in order of first mention."""
        return tuple(dict.fromkeys(name for atom in self.atoms for name in atom.names))

    def renamed(self, names: Mapping[str, str]) -> Goal:
        """The same of things that go by other names. KeyError where one has none."""
        return Goal(tuple(replace(a, subject=names[a.subject], other=a.other and names[a.other]) for a in self.atoms))

    def without(self, names: Collection[str]) -> Goal | None:
        """The atoms that speak of none of these objects; None where there are none."""
        left = tuple(atom for atom in self.atoms if not set(atom.names) & set(names))
        return Goal(left) if left else None

    def satisfied(self, state: RelationState, threshold: float = 0.5) -> bool:
        """Whether every atom holds."""
        return all(atom.probability(state) > threshold for atom in self.atoms)

    def missing(self, state: RelationState, threshold: float = 0.5) -> tuple[Atom, ...]:
        """The atoms that do not hold."""
        return tuple(atom for atom in self.atoms if not atom.probability(state) > threshold)
