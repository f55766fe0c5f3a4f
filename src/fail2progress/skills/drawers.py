"""What opening and closing a drawer have in common: the handle is moved by a distance along a direction."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import Adjustable, Parameter
from fail2progress.skills.limits import HANDLE_DAMPING, HANDLE_FORCE, HANDLE_STIFFNESS, Limits
from fail2progress.skills.motion import minimum_jerk
from fail2progress.skills.programs import Hand, HandProgram

PARAMETERS = (Parameter("direction", "rad", -np.pi, np.pi, periodic=True), Parameter("distance", "m", 0.0, 0.3))
PROGRAMS = {"floating_hand": "fail2progress.skills.drawers:program", "stretch": "fail2progress.skills.drawer_phases:program"}
ADJUSTABLES = (Adjustable("reach", "m", -0.04, 0.08, 0.05, "how much farther the handle is moved"),)
OUTWARD = np.pi
"""Direction (rad) in which drawers open: towards the robot."""


def feasible(scene: Scene, call: SkillCall, limits: Limits) -> str | None:
    """Every drawer can be moved."""
    return None


def _slide(hand: Hand, call: SkillCall) -> None:
    """The drawer follows the part of the handle's way that lies along its rails."""
    forward = np.array([np.cos(call.parameters[0]), np.sin(call.parameters[0]), 0.0])
    along = float(forward @ hand.rails(call.object))
    travel = call.parameters[1] * along + hand.adjusted("reach") * float(np.sign(along))
    begin, _ = hand.opening(call.object)
    for share in minimum_jerk(abs(travel), 0.5 * hand.limits.speed, 0.0, hand.period):
        now, speed = hand.opening(call.object)
        pull = float(HANDLE_STIFFNESS * (begin + travel * share - now) - HANDLE_DAMPING * speed)
        hand.pull(call.object, min(max(pull, -HANDLE_FORCE), HANDLE_FORCE))
        hand.advance()
    hand.pull(call.object, 0.0)


program = HandProgram(_slide)
