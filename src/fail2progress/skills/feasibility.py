"""Which skill calls a robot can carry out in a scene; the base drives first when a pose is out of the arm's reach (A.10)."""

from __future__ import annotations

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.limits import STRETCH_RE2, Limits
from fail2progress.skills.registry import skill

__all__ = ["STRETCH_RE2", "Limits", "infeasible", "unfit"]


def infeasible(scene: Scene, call: SkillCall, limits: Limits = STRETCH_RE2) -> str | None:
    """Why a call cannot be carried out in a scene, or None. ValueError for an unknown object."""
    return unfit(scene, call) or skill(call.skill).feasible(scene, call, limits)


def unfit(scene: Scene, call: SkillCall) -> str | None:
    """Why the object of a call is nothing that the skill acts on, or None. ValueError for an unknown object."""
    spec = scene.objects[scene.index(call.object)]
    kind = skill(call.skill).acts_on
    if kind == "drawer" and not spec.is_drawer:
        return f"{call.object} is not a drawer"
    if kind == "movable" and not spec.movable:
        return f"{call.object} cannot be moved"
    return None
