"""A drawer on a Stretch: its handle is grasped and moved straight along the rails, either way."""

from __future__ import annotations

import math

import numpy as np

from fail2progress.core.scene import Scene, rotations
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Body, Phase, wrapped

BEFORE = 0.08
"""Metres in front of a handle where the hand comes down."""
HANDLE, OPEN = 0.02, 0.06
"""Metres: thickness of a handle, and how wide the fingers are open around it."""


def program(scene: Scene, call: SkillCall, robot: Body) -> tuple[Phase, ...]:
    """See Program. The handle follows the part of the pull or push that lies along the rails."""
    index = scene.index(call.object)
    out = -rotations(scene.poses[index : index + 1, 3:])[0][:, 0]
    forward = np.array([math.cos(call.parameters[0]), math.sin(call.parameters[0]), 0.0])
    handle = scene.poses[index, :3] + out * scene.sizes[index, 0] / 2
    along = float(forward @ out)
    moved = handle + out * (call.parameters[1] * along + robot.adjusted("reach") * math.copysign(1.0, along))
    heading = math.atan2(-out[1], -out[0])
    across = [way for way in (heading, wrapped(heading + math.pi / 2), wrapped(heading - math.pi / 2)) if way < robot.folded]
    way = robot.reach(scene, (handle + BEFORE * out, handle, moved, moved + BEFORE * out), headings=across, straight=True)
    safe = robot.safe(scene, way, float(handle[2]))
    before, there, end, after = way.postures
    return (
        *robot.approach(before, safe, OPEN),
        Phase("lower", {"lift": robot.lift(float(handle[2]), 0.0, f"the handle of {call.object}")}),
        Phase("to the handle", robot.straight(there), guarded=True),
        Phase("grasp", {"grip": robot.fingers(HANDLE)}, hand="close"),
        Phase("slide", robot.straight(end), guarded=True),
        Phase("release", {"grip": robot.fingers(OPEN)}, hand="open"),
        Phase("back", robot.straight(after)),
        *robot.leave(safe, after),
    )
