"""Pick and place on a Stretch: reach, lower, grasp, raise, carry, place, release."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fail2progress.core.objects import Shape
from fail2progress.core.outlines import footprint_of
from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Body, Ends, OutOfReachError, Phase, Reach, contained

OPEN = 0.03
"""Metres that the fingers are wider apart than what they go around."""
_DEEP = 0.03
"""Metres below the rim of a container at which its wall is gripped."""
_LEVEL = math.cos(math.radians(5))
"""The rim of a container that leans more than this is not where a wall is looked for."""


@dataclass(frozen=True)
class _Hold:
    """What the fingers close on: `beside` (2,) m of the object's middle, at a height (m), `width` m across, from `headings`."""

    beside: Array
    height: float
    width: float
    headings: tuple[float, ...]


def program(scene: Scene, call: SkillCall, robot: Body) -> tuple[Phase, ...]:
    """See Program. What is wider than the gripper opens is held by a wall, if it is open above."""
    index = scene.index(call.object)
    low, high = scene.bounds()[index]
    hold, way = _held(scene, call, robot)
    start, goal = _ends(scene, call, robot, hold)
    width, pitch = hold.width, robot.down
    top = float(max(start[2], goal[2]))
    safe = robot.safe(scene, way, top)
    hanging = float(max(start[2], (low[2] + high[2]) / 2) - low[2]) + robot.adjusted("clearance")
    carry = robot.carrying(scene, way, call.object, top, hanging)
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


def _held(scene: Scene, call: SkillCall, robot: Body) -> tuple[_Hold, Reach]:
    """The first hold that the robot reaches, and how. OutOfReachError where it reaches none: why the first one is not."""
    index, failed = scene.index(call.object), None
    for hold in _holds(scene, call.object, robot):
        crowding = robot.crowding(_others(scene, index), hold.width + OPEN)
        ends, turn = _ends(scene, call, robot, hold), call.parameters[3]
        try:
            return hold, robot.reach(scene, ends, turn=turn, headings=hold.headings, pitch=robot.down, against=crowding)
        except OutOfReachError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    narrow = float(footprint_of(scene, index)[0].min())
    text = f"{call.object} is {narrow:.3f} m wide, the gripper opens {robot.opening:.3f} m: push it instead"
    raise OutOfReachError(text, Ends.WIDTH, narrow, robot.opening)


def _ends(scene: Scene, call: SkillCall, robot: Body, hold: _Hold) -> tuple[Array, Array]:
    """(3,) m each, where the fingers close and where they open."""
    index, turn = scene.index(call.object), call.parameters[3]
    low = float(scene.bounds()[index, 0, 2])
    start = np.array([*(scene.poses[index, :2] + hold.beside), max(hold.height, low + robot.fingertip, robot.lowest(robot.down))])
    start[:2] += [robot.adjusted("grasp_x"), robot.adjusted("grasp_y")]
    c, s = math.cos(turn), math.sin(turn)
    turned = np.array([[c, -s], [s, c]]) @ hold.beside - hold.beside
    goal = start + np.array(call.parameters[:3]) + [robot.adjusted("place_x"), robot.adjusted("place_y"), 0.0]
    goal[:2] += turned
    return start, goal


def _holds(scene: Scene, name: str, robot: Body) -> Iterator[_Hold]:
    """Around the whole object where it fits between the fingers, which close across the hand; else a wall, the nearest first."""
    index = scene.index(name)
    (size, yaw), (low, high) = footprint_of(scene, index), scene.bounds()[index]
    across = {h: _across(h, yaw) for h in robot.headings}
    fitting = tuple(h for h, axis in across.items() if size[axis] <= robot.opening)
    if fitting:
        yield _Hold(np.zeros(2), float(scene.poses[index, 2]), float(min((high - low)[:2])), fitting)
        return
    kind = scene.objects[index].kind
    if kind.shape is not Shape.OPEN_BOX or scene.turns[index, 2, 2] < _LEVEL:
        return
    c, s = math.cos(yaw), math.sin(yaw)
    walls = [(axis, sign * (size[axis] - kind.wall) / 2) for axis in (0, 1) for sign in (-1.0, 1.0)]
    places = [(axis, np.array([c, s] if axis == 0 else [-s, c]) * off) for axis, off in walls]
    for axis, beside in sorted(places, key=lambda place: float(np.linalg.norm(scene.poses[index, :2] + place[1]))):
        yield _Hold(beside, float(high[2]) - _DEEP, kind.wall, tuple(h for h, side in across.items() if side == axis))


def _across(heading: float, yaw: float) -> int:
    """The axis of an object turned by a yaw (rad) along which fingers close that come from a heading (rad)."""
    return 1 if abs(math.cos(heading - yaw)) >= abs(math.sin(heading - yaw)) else 0


def _others(scene: Scene, index: int) -> Array:
    """(n, 2, 3) boxes of everything movable but one object and its contents."""
    bounds = scene.bounds()
    return np.asarray(bounds[~contained(scene, index) & np.array([spec.movable for spec in scene.objects])])
