"""Goals: conjunctions of relations, G = g_1 and ... and g_M (paper section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from fail2progress.core.relations import BINARY, RelationState


@dataclass(frozen=True)
class Atom:
    """One binary relation that shall hold (or not)."""

    relation: str
    subject: str
    other: str
    holds: bool = True

    def __post_init__(self) -> None:
        if self.relation not in BINARY:
            raise ValueError(f"unknown relation {self.relation!r}; known: {', '.join(BINARY)}")
        if self.subject == self.other:
            raise ValueError(f"{self.relation}({self.subject}, {self.other}): an object has no relation to itself")

    def __str__(self) -> str:
        return f"{'' if self.holds else 'not '}{self.relation}({self.subject}, {self.other})"

    def probability(self, state: RelationState) -> float:
        """Probability that the atom is as wanted."""
        value = state.value(self.relation, self.subject, self.other)
        return value if self.holds else 1.0 - value


@dataclass(frozen=True)
class Goal:
    """A conjunction of atoms."""

    atoms: tuple[Atom, ...]

    def __post_init__(self) -> None:
        if not self.atoms:
            raise ValueError("a goal needs at least one relation")

    def __str__(self) -> str:
        return " and ".join(map(str, self.atoms))

    @property
    def objects(self) -> tuple[str, ...]:
        """Names that the goal speaks of, each once, in order of first mention."""
        return tuple(dict.fromkeys(name for atom in self.atoms for name in (atom.subject, atom.other)))

    def satisfied(self, state: RelationState, threshold: float = 0.5) -> bool:
        """Whether every atom holds."""
        return all(atom.probability(state) > threshold for atom in self.atoms)

    def missing(self, state: RelationState, threshold: float = 0.5) -> tuple[Atom, ...]:
        """The atoms that do not hold."""
        return tuple(atom for atom in self.atoms if atom.probability(state) <= threshold)
