"""Open a drawer: pull its handle."""

from __future__ import annotations

from fail2progress.skills.definition import Achieves, Condition, Lifted, SkillDefinition
from fail2progress.skills.drawers import ADJUSTABLES, PARAMETERS, PROGRAMS, feasible
from fail2progress.skills.motion import along

_HERE = "fail2progress.skills.open_drawer"

SKILL = SkillDefinition(
    name="open_drawer",
    number=2,
    summary="pull a drawer's handle",
    past="opened",
    parameters=PARAMETERS,
    feasible=feasible,
    motion=along,
    acts_on="drawer",
    planner=f"{_HERE}.planning:PLANNER",
    data=f"{_HERE}.data:DATA",
    programs=PROGRAMS,
    adjustables=ADJUSTABLES,
    preconditions=(Condition(Lifted("drawer", "object")),),
    achieves=(Achieves(Lifted("open", "object"), "none"),),
)
