"""Press on an object from above and pull it along; into an open one the hand reaches, and presses on its floor."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import Achieves, Condition, Lifted, Parameter, SkillDefinition
from fail2progress.skills.limits import Limits
from fail2progress.skills.motion import along, along_for

_HERE = "support.press_pull"
_HIGHEST = 0.12
"""Metres: what is taller tips over."""


def _feasible(scene: Scene, call: SkillCall, limits: Limits) -> str | None:
    height = scene.sizes[scene.index(call.object), 2]
    return f"{call.object} is {height:.2f} m tall and would tip over" if height > _HIGHEST else None


_LEVEL = ("left", "right", "front", "behind")
SKILL = SkillDefinition(
    name="press_pull",
    summary="press on an object from above and pull it along a direction",
    parameters=(Parameter("direction", "rad", -np.pi, np.pi, periodic=True), Parameter("distance", "m", 0.0, 0.3)),
    feasible=_feasible,
    motion=along,
    command=along_for,
    cost=2.0,
    planner=f"{_HERE}.sampling:PLANNER",
    data=f"{_HERE}.sampling:DATA",
    programs={"floating_hand": f"{_HERE}.floating_hand:program", "stretch": f"{_HERE}.stretch:program"},
    preconditions=(Condition(Lifted("inside", "object", "other", holds=False)),),
    achieves=(
        *(Achieves(Lifted(relation, "object", "other"), "other") for relation in _LEVEL),
        *(Achieves(Lifted(relation, "other", "object"), "other") for relation in _LEVEL),
        *(Achieves(Lifted("boundary", "object", "other", holds), "other") for holds in (True, False)),
    ),
)
