"""Close a drawer: push its front."""

from __future__ import annotations

from fail2progress.skills.definition import Achieves, Condition, Lifted, SkillDefinition
from fail2progress.skills.drawers import ADJUSTABLES, PARAMETERS, PROGRAMS, feasible
from fail2progress.skills.motion import along

_HERE = "fail2progress.skills.close_drawer"

SKILL = SkillDefinition(
    name="close_drawer",
    number=3,
    summary="push a drawer's front",
    past="closed",
    parameters=PARAMETERS,
    feasible=feasible,
    motion=along,
    acts_on="drawer",
    planner=f"{_HERE}.planning:PLANNER",
    data=f"{_HERE}.data:DATA",
    programs=PROGRAMS,
    adjustables=ADJUSTABLES,
    preconditions=(Condition(Lifted("drawer", "object")),),
    achieves=(Achieves(Lifted("open", "object", holds=False), "none"),),
)
