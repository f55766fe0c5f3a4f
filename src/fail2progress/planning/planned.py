"""One planned skill. Apart from the planner, as robots, monitors and messages know of it and need no network for that."""

from __future__ import annotations

from dataclasses import dataclass

from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array
from fail2progress.skills.base import SkillCall


@dataclass(frozen=True)
class PlannedSkill:
    """phi_k(a_k), R'_k: the relations expected after it, and the motion (N, 3) expected, in metres."""

    call: SkillCall
    expected: RelationState
    displacement: Array
