"""For a Stretch: the closed hand comes down, presses, and moves in a straight line."""

from __future__ import annotations

import math

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Body, Phase, wrapped
from support.press_pull.geometry import DEPTH, pressed


def program(scene: Scene, call: SkillCall, robot: Body) -> tuple[Phase, ...]:
    """See phases.Program."""
    direction, distance = call.parameters
    forward = np.array([math.cos(direction), math.sin(direction), 0.0])
    thick, _, tall = robot.closed_hand
    start = pressed(scene, call.object, thick, tall, forward)
    across = [wrapped(direction + math.pi / 2), wrapped(direction - math.pi / 2)]
    headings = [heading for heading in across if heading < robot.folded]
    way = robot.reach(scene, (start, start + distance * forward), headings=headings, straight=True)
    safe = robot.safe(scene, way, float(start[2]))
    first, last = way.postures
    down = robot.lift(float(start[2]) - DEPTH, 0.0, f"pressing on {call.object}")
    return (
        *robot.approach(first, safe, 0.0),
        Phase("press", {"lift": down}, guarded=True, touches=True),
        Phase("pull", robot.straight(last), guarded=True, touches=True),
        *robot.leave(safe, last),
    )
