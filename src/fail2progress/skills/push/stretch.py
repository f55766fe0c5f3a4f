"""Push on a Stretch: the closed gripper lies across the direction, moves forward by the gap and the distance, then back."""

from __future__ import annotations

import math

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Body, Phase, wrapped

GAP = 0.01
"""Metres between the closed gripper and the object where a push begins."""
BACK = 0.05
"""Metres that the gripper moves back afterwards."""
FOOT = 0.05
"""Metres above an object's lower side at which it is pushed at most, so that it does not tip over."""


def program(scene: Scene, call: SkillCall, robot: Body) -> tuple[Phase, ...]:
    """See Program."""
    direction, distance = call.parameters[0], max(call.parameters[1] + robot.adjusted("reach"), 0.0)
    start = _start(scene, call, robot)
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


def _start(scene: Scene, call: SkillCall, robot: Body) -> Array:
    """(3,) where the closed gripper starts: behind the object as seen along the push, near its foot."""
    forward = np.array([math.cos(call.parameters[0]), math.sin(call.parameters[0]), 0.0])
    index = scene.index(call.object)
    low, high = scene.bounds()[index]
    thick, _, tall = robot.closed_hand
    start = scene.poses[index, :3] - (float(np.abs(forward[:2]) @ (high - low)[:2]) / 2 + thick + GAP) * forward
    start[2] = max(low[2] + max(min(0.4 * (high - low)[2], FOOT), tall + 0.004), robot.lowest(0.0))
    return np.asarray(start)
