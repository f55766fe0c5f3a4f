"""Push: move the closed gripper against an object along a direction, with whatever stands in the way."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import Achieves, Adjustable, Condition, Lifted, Parameter, SkillDefinition
from fail2progress.skills.limits import Limits
from fail2progress.skills.motion import along, along_for

_HERE = "fail2progress.skills.push"


def _feasible(scene: Scene, call: SkillCall, limits: Limits) -> str | None:
    return None


_LEVEL = ("left", "right", "front", "behind", "contact")
SKILL = SkillDefinition(
    name="push",
    number=1,
    summary="move the closed gripper against an object along a direction, with whatever stands in the way",
    past="pushed",
    parameters=(Parameter("direction", "rad", -np.pi, np.pi, periodic=True), Parameter("distance", "m", 0.0, 0.4)),
    feasible=_feasible,
    motion=along,
    command=along_for,
    adjustables=(Adjustable("reach", "m", -0.04, 0.08, 0.05, "how much farther the hand moves"),),
    # Where a placement does it too, that is more certain.
    cost=3.0,
    planner=f"{_HERE}.planning:SAMPLER",
    data=f"{_HERE}.data:SAMPLER",
    programs={"floating_hand": f"{_HERE}.floating_hand:program", "stretch": f"{_HERE}.stretch:program"},
    # The gripper does not get behind what lies in something.
    preconditions=(Condition(Lifted("inside", "object", "other", holds=False)),),
    achieves=(
        *(Achieves(Lifted(relation, "object", "other", holds), "other") for relation in _LEVEL for holds in (True, False)),
        *(Achieves(Lifted(relation, "other", "object", holds), "other") for relation in _LEVEL for holds in (True, False)),
        *(Achieves(Lifted("boundary", "object", "target", holds)) for holds in (True, False)),
    ),
)
