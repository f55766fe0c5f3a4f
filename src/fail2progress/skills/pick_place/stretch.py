"""Pick and place on a Stretch: reach, lower, grasp, raise, carry, place, release."""

from __future__ import annotations

import math

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Body, OutOfReachError, Phase, contained, heading_of

OPEN = 0.03
"""Metres that the fingers are wider apart than what they go around."""


def program(scene: Scene, call: SkillCall, robot: Body) -> tuple[Phase, ...]:
    """See Program."""
    index = scene.index(call.object)
    low, high = scene.bounds()[index]
    start, pitch = scene.poses[index, :3].copy(), robot.down
    raised = max(float(low[2]) + robot.fingertip - start[2], robot.lowest(pitch) - start[2], 0.0)
    start += [robot.adjusted("grasp_x"), robot.adjusted("grasp_y"), raised]
    goal = start + np.array(call.parameters[:3]) + [robot.adjusted("place_x"), robot.adjusted("place_y"), 0.0]
    width = float(min((high - low)[:2]))
    crowding = robot.crowding(_others(scene, index), width + OPEN)
    headings = _headings(scene, call.object, robot)
    way = robot.reach(scene, (start, goal), turn=call.parameters[3], headings=headings, pitch=pitch, against=crowding)
    top = float(max(start[2], goal[2]))
    safe = robot.safe(scene, way, top)
    carry = robot.carrying(scene, way, call.object, top, float(high[2] - low[2]) / 2 + raised + robot.adjusted("clearance"))
    first, last = way.postures
    return (
        *robot.approach(first, safe, width + OPEN),
        Phase("lower", {"lift": robot.lift(float(start[2]), pitch, f"grasping {call.object}")}),
        Phase("grasp", {"grip": robot.fingers(width)}, hand="close"),
        Phase("raise", {"lift": carry}),
        *robot.carry(first, last),
        Phase("place", {"lift": robot.lift(float(goal[2]), pitch, f"placing {call.object}")}, guarded=True),
        Phase("release", {"grip": robot.fingers(width + OPEN)}, hand="open"),
        *robot.leave(max(safe, carry), last),
    )


def _headings(scene: Scene, name: str, robot: Body) -> tuple[float, ...]:
    """Headings (rad) at which the object fits between the fingers, which close across the hand."""
    index = scene.index(name)
    size, yaw = scene.sizes[index], heading_of(scene.poses[index])
    across = {h: float(size[1] if abs(math.cos(h - yaw)) >= abs(math.sin(h - yaw)) else size[0]) for h in robot.headings}
    fitting = tuple(h for h, width in across.items() if width <= robot.opening)
    if not fitting:
        raise OutOfReachError(
            f"{name} is {min(across.values()):.3f} m wide, the gripper opens {robot.opening:.3f} m: push it instead"
        )
    return fitting


def _others(scene: Scene, index: int) -> Array:
    """(n, 2, 3) boxes of everything movable but one object and its contents."""
    bounds = scene.bounds()
    return np.asarray(bounds[~contained(bounds, index) & np.array([spec.movable for spec in scene.objects])])
