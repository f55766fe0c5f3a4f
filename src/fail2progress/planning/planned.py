"""One planned skill. Apart from the planner, as robots, monitors and messages know of it and need no network for that."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fail2progress.core.brief import brief
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array
from fail2progress.skills.base import SkillCall


@dataclass(frozen=True)
class PlannedSkill:
    """phi_k(a_k), R'_k: the relations expected after it, and the motion (N, 3) expected, in metres."""

    call: SkillCall
    expected: RelationState
    displacement: Array

    __repr__ = brief

    def __str__(self) -> str:
        return str(self.call)

    def of(self, names: tuple[str, ...]) -> PlannedSkill:
        """The same of these segments, in this order: what was not there when it was planned is expected to stay where it is."""
        if names == self.expected.names:
            return self
        rows = {name: row for row, name in enumerate(self.expected.names)}
        moved = [self.displacement[rows[name]] if name in rows else np.zeros(3) for name in names]
        return replace(self, expected=self.expected.of(names), displacement=np.array(moved, float).reshape(-1, 3))
