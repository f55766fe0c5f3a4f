"""Which skill calls the Stretch can carry out: grasp width, payload and reach (PEERS F, Stretch RE2 geometry).

The base drives first when a pose is out of the arm's reach (A.10), so reach bounds heights and the floor area it may drive in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall


@dataclass(frozen=True)
class Limits:
    """What the robot can do, in metres, kilograms and metres per second."""

    gripper_opening: float = 0.16
    low: tuple[float, float, float] = (-0.2, -1.6, 0.10)
    high: tuple[float, float, float] = (1.8, 1.6, 1.20)
    speed: float = 1.0
    """Peak speed of a carried object; faster than about 1.6 m/s things are thrown out of containers (sim/FACTS)."""


STRETCH_RE2 = Limits()


def infeasible(scene: Scene, call: SkillCall, limits: Limits = STRETCH_RE2) -> str | None:
    """Why a call cannot be carried out in a scene, or None."""
    spec = scene.objects[scene.index(call.object)]
    if call.skill in ("open_drawer", "close_drawer"):
        return None if spec.is_drawer else f"{call.object} is not a drawer"
    if not spec.movable:
        return f"{call.object} cannot be moved"
    if call.skill == "push":
        return None
    if min(spec.size[:2]) > limits.gripper_opening:
        return f"{call.object} is {min(spec.size[:2]):.3f} m wide, the gripper opens {limits.gripper_opening:.2f} m"
    place = scene.position(call.object) + np.array(call.parameters[:3])
    if (place < limits.low).any() or (place > limits.high).any():
        return f"the placement {np.round(place, 3).tolist()} is out of reach"
    return None


def covered(relations: RelationState, name: str) -> bool:
    """Whether something rests on an object without being in it: then it cannot be picked up."""
    others = [other for other in relations.names if other != name]
    return any(
        relations.value("contact", other, name) > 0.5
        and relations.value("above", other, name) > 0.5
        and relations.value("inside", other, name) < 0.5
        for other in others
    )
