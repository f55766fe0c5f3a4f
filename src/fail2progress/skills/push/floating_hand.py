"""Push with the closed hand as a solid bar."""

from __future__ import annotations

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.motion import minimum_jerk
from fail2progress.skills.programs import Bar, Equipment, Hand, HandProgram
from fail2progress.skills.push.geometry import GAP, push_start


def _equip(scene: Scene, call: SkillCall) -> Equipment:
    return Equipment(bar=Bar(*push_start(scene, call)))


def _run(hand: Hand, call: SkillCall) -> None:
    """Drive the closed gripper forward by the gap plus the distance, then back."""
    distance = max(call.parameters[1] + GAP + hand.adjusted("reach"), GAP)
    for share in minimum_jerk(distance, 0.4 * hand.limits.speed, 0.0, hand.period):
        hand.press(distance * share)
        hand.advance()
    for share in minimum_jerk(0.05, 0.4 * hand.limits.speed, 0.0, hand.period):
        hand.press(distance - 0.05 * share)
        hand.advance()


program = HandProgram(_run, _equip)
