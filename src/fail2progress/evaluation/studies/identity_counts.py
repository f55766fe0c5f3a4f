"""What is counted of identities: kept or not, of what is found, not found and hidden."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

BAR = 0.99
"""Share of all sightings in which the identity is kept that is wanted."""
NOT_FOUND = "not found"


@dataclass
class Kept:
    """Counts of identities by kind, right of all, and what was wrong. "in view" are things that the segmenter finds, "not found"
    those in view that it does not, in whose place no identity is kept, and "out of view" those that are hidden."""

    right: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    wrong: list[dict[str, object]] = field(default_factory=list)

    def add(self, kind: str, right: bool, **where: object) -> None:
        """One object in one frame."""
        self.total[kind] += 1
        self.right[kind] += right
        if not right:
            self.wrong.append({"kind": kind, **where})

    def share(self, kind: str | None = None) -> float:
        """Of one kind or of all; NaN where there were none. Of all sightings, what is not found counts as not kept."""
        return self._share([kind] if kind else list(self.total))

    @property
    def of_found(self) -> float:
        """Share of what is found or hidden: how well the tracker does with what the segmenter gives it."""
        return self._share([kind for kind in self.total if kind != NOT_FOUND])

    def _share(self, kinds: list[str]) -> float:
        total = sum(self.total[k] for k in kinds)
        return sum(self.right[k] for k in kinds) / total if total else float("nan")
