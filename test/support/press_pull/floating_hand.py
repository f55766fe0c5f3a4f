"""For the hand without an arm: a bar that comes down, presses, moves along and goes up again."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.motion import minimum_jerk
from fail2progress.skills.programs import CLOSED_GRIPPER, Bar, Equipment, Hand, HandProgram
from support.press_pull.geometry import DEPTH, pressed

_ABOVE = 0.06
_RUBBER = 3.0
"""Friction of the fingertips: they must hold the object better than the table does."""
_SPEED = 0.6
"""Metres per second: what is held by friction alone creeps, the less the sooner it is over."""


def _forward(call: SkillCall) -> Array:
    return np.array([np.cos(call.parameters[0]), np.sin(call.parameters[0]), 0.0])


def _equip(scene: Scene, call: SkillCall) -> Equipment:
    start = pressed(scene, call.object, CLOSED_GRIPPER[0], CLOSED_GRIPPER[2], _forward(call))
    return Equipment(bar=Bar(start + np.array([0.0, 0.0, _ABOVE]), call.parameters[0], lifts=True, friction=_RUBBER))


def _run(hand: Hand, call: SkillCall) -> None:
    distance, down = call.parameters[1], _ABOVE + DEPTH
    for share in minimum_jerk(down, _SPEED, 0.0, hand.period):
        hand.press(0.0, -down * share)
        hand.advance()
    for share in minimum_jerk(distance, _SPEED, 0.0, hand.period):
        hand.press(distance * share, -down)
        hand.advance()
    for share in minimum_jerk(down, _SPEED, 0.0, hand.period):
        hand.press(distance, -down * (1.0 - share))
        hand.advance()


program = HandProgram(_run, _equip)
