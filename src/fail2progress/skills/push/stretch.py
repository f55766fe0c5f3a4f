"""Push on a Stretch: the closed gripper lies across the direction, moves forward by the gap and the distance, then back."""

from __future__ import annotations

import math

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Body, Phase, wrapped
from fail2progress.skills.push.geometry import GAP, push_start

BACK = 0.05
"""Metres that the gripper moves back afterwards."""


def program(scene: Scene, call: SkillCall, robot: Body) -> tuple[Phase, ...]:
    """See Program."""
    direction, distance = call.parameters[0], max(call.parameters[1] + robot.adjusted("reach"), 0.0)
    start, _ = push_start(scene, call, robot.closed_hand)
    start[2] = max(start[2], robot.lowest(0.0))
    forward = np.array([math.cos(direction), math.sin(direction), 0.0])
    stops = (start, start + (distance + GAP) * forward, start + (distance + GAP - BACK) * forward)
    across = [wrapped(direction + math.pi / 2), wrapped(direction - math.pi / 2)]
    headings = [heading for heading in across if heading < robot.folded]
    way = robot.reach(scene, stops, headings=headings, straight=True)
    safe = robot.safe(scene, way, float(start[2]))
    first, end, back = way.postures
    return (
        *robot.approach(first, safe, 0.0),
        Phase("lower", {"lift": robot.lift(float(start[2]), 0.0, f"pushing {call.object}")}, guarded=True),
        Phase("push", robot.straight(end), guarded=True, touches=True),
        Phase("back", robot.straight(back), guarded=True),
        *robot.leave(safe, back),
    )
