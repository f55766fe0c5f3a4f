"""Pick-and-place: grasp an object and release it at the grasp pose plus an offset."""

from __future__ import annotations

import numpy as np

from fail2progress.core.outlines import footprint_of
from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import Achieves, Adjustable, Condition, Lifted, Parameter, SkillDefinition
from fail2progress.skills.limits import Limits
from fail2progress.skills.motion import offset, offset_for

_HERE = "fail2progress.skills.pick_place"


def _feasible(scene: Scene, call: SkillCall, limits: Limits) -> str | None:
    size, _ = footprint_of(scene, scene.index(call.object))
    if min(size) > limits.gripper_opening:
        return f"{call.object} is {min(size):.3f} m wide, the gripper opens {limits.gripper_opening:.2f} m"
    place = scene.position(call.object) + np.array(call.parameters[:3])
    if (place < limits.low).any() or (place > limits.high).any():
        return f"the placement {np.round(place, 3).tolist()} is out of reach"
    return None


_DIRECTIONS = ("left", "right", "front", "behind")
_KEPT = ("inside", "above", "contact", "boundary")
SKILL = SkillDefinition(
    name="pick_place",
    number=0,
    summary="grasp an object and release it at the grasp pose plus (dx, dy, dz, dyaw)",
    past="carried",
    parameters=(
        *(Parameter(name, "m", -2.0, 2.0) for name in ("dx", "dy", "dz")),
        Parameter("dyaw", "rad", -np.pi, np.pi, periodic=True),
    ),
    feasible=_feasible,
    motion=offset,
    command=offset_for,
    carries=True,
    adjustables=(
        Adjustable("grasp_x", "m", -0.04, 0.04, 0.03, "where the fingers close, along x against the object's middle"),
        Adjustable("grasp_y", "m", -0.04, 0.04, 0.03, "the same along y"),
        Adjustable("place_x", "m", -0.06, 0.06, 0.05, "where the object is let go, along x against its place"),
        Adjustable("place_y", "m", -0.06, 0.06, 0.05, "the same along y"),
        Adjustable("grip", "share", 0.0, 1.5, 0.5, "how much harder the fingers close"),
        Adjustable("clearance", "m", 0.0, 0.06, 0.03, "how much higher things are carried"),
        Adjustable("slower", "share", 0.0, 0.6, 0.2, "how much slower a hand without an arm carries things"),
    ),
    planner=f"{_HERE}.planning:SAMPLER",
    stein=f"{_HERE}.stein:SAMPLER",
    data=f"{_HERE}.data:SAMPLER",
    programs={"floating_hand": f"{_HERE}.floating_hand:program", "stretch": f"{_HERE}.stretch:program"},
    preconditions=(
        # What rests on the object comes away first, unless it lies in the object and is carried along.
        Condition(
            Lifted("above", "other", "object", holds=False),
            when=(Lifted("contact", "other", "object"), Lifted("inside", "other", "object", holds=False)),
        ),
        Condition(Lifted("open", "target"), when=(Lifted("drawer", "target"),)),
        Condition(Lifted("open", "other"), when=(Lifted("drawer", "other"), Lifted("inside", "object", "other"))),
    ),
    achieves=(
        *(Achieves(Lifted(relation, "object", "target")) for relation in _KEPT),
        Achieves(Lifted("below", "target", "object")),
        *(Achieves(Lifted(relation, "object", "other"), "support") for relation in _DIRECTIONS),
        *(Achieves(Lifted(relation, "other", "object"), "support") for relation in _DIRECTIONS),
        *(Achieves(Lifted(relation, "object", "other", holds=False), "elsewhere") for relation in _KEPT),
        Achieves(Lifted("contact", "other", "object", holds=False), "support"),
        Achieves(Lifted("below", "other", "object", holds=False), "elsewhere"),
        *(Achieves(Lifted(relation, "object", "other", holds=False), "support") for relation in _DIRECTIONS),
        *(Achieves(Lifted(relation, "other", "object", holds=False), "support") for relation in _DIRECTIONS),
    ),
)
