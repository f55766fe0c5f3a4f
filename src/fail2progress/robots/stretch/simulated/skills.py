"""The skills as tables of phases for the Stretch: drive, reach, lower, grasp, carry, release, retract, drive home."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array, Scene, rotations
from fail2progress.robots.stretch.simulated.bodies import Grip
from fail2progress.robots.stretch.simulated.joints import AXES, finger_angle
from fail2progress.robots.stretch.simulated.motion import Phase
from fail2progress.robots.stretch.simulated.reach import GEOMETRY, HOME, Posture, Reach, crowding, lift_for, reach
from fail2progress.simulation.mujoco.hand import CLEARANCE, push_start
from fail2progress.skills.base import SkillCall

LOOK_OUT = {"lift": 0.40, "arm": 0.0, "yaw": 3.4, "pan": -math.pi / 2, "tilt": -0.72, "grip": 0.05}
"""Arm retracted below the tables' line of sight, wrist stowed over the base as stretch_body does, head towards the arm's side."""
FINGERTIP = 0.021
"""Metres: nearer to a surface than their radius the fingertips cannot go, nor the hand below where the lift ends."""
_OPEN = 0.03
"""Metres that the fingers are wider apart than what they go around."""
_OVER = 0.05
"""Metres between the empty hand and the highest thing on its way."""
_BEFORE = 0.08
"""Metres in front of a handle where the hand comes down."""

_Where = tuple[float, float, float]
"""The base's x, y (m) and turn (rad) in the odometry frame."""

START = np.array([LOOK_OUT.get(name, 0.0) for name in AXES])
"""Axes at the look-out pose, the base at home."""


def plan(scene: Scene, call: SkillCall) -> tuple[Phase, ...]:
    """The phases of a skill from the look-out pose. OutOfReachError where the robot cannot get there."""
    return _PLANS[call.skill](scene, call)


def recovery(scene: Scene, at: Array, holding: bool) -> tuple[Phase, ...]:
    """Back to the look-out pose from (axes,) anywhere: put down what is held, up above everything, back, home."""
    here, look_out = dict(zip(AXES, map(float, at), strict=True)), dict(zip(AXES, START, strict=True))
    if all(abs(here[name] - look_out[name]) < 0.005 for name in AXES if name not in ("pan", "tilt")):
        return ()
    down = (Phase("put down", {"lift": AXES["lift"].low}, guarded=True, then="open"),) if holding else ()
    top = min(float(scene.bounds()[:, 1, 2].max(initial=0.0)) + _OVER, GEOMETRY.height + AXES["lift"].high)
    up = max(here["lift"], lift_for(top, "clearing the scene"))
    return (*down, *_leave(up, (here["x"], here["y"], here["turn"]), "recover"))


def grip_for(call: SkillCall) -> Grip:
    """What the hand must be able to do in a skill."""
    return Grip(pushes=True) if call.skill == "push" else Grip(holds=call.object)


def _pick_place(scene: Scene, call: SkillCall) -> tuple[Phase, ...]:
    index = scene.index(call.object)
    low, high = scene.bounds()[index]
    start = scene.poses[index, :3].copy()
    raised = max(float(low[2]) + FINGERTIP - start[2], GEOMETRY.height - start[2], 0.0)
    start[2] += raised
    goal = start + np.array(call.parameters[:3])
    width = float(min((high - low)[:2]))
    way = reach(scene, (start, goal), call.parameters[3], against=crowding(_others(scene, index), width + _OPEN))
    safe = _safe(scene, way, float(max(start[2], goal[2])))
    top = max(start[2], goal[2]) + CLEARANCE
    top = max(top, _highest(scene, way, index) + CLEARANCE + float(high[2] - low[2]) / 2 + raised)
    first, last = way.postures
    carry = lift_for(top, f"carrying {call.object} over what stands there")
    return (
        *_approach(first, safe, width + _OPEN),
        Phase("lower", {"lift": lift_for(float(start[2]), f"grasping {call.object}")}),
        Phase("grasp", {"grip": finger_angle(width)}, then="close"),
        Phase("raise", {"lift": carry}),
        *_carry(first, last),
        Phase("place", {"lift": lift_for(float(goal[2]), f"placing {call.object}")}, guarded=True, then="open"),
        Phase("release", {"grip": finger_angle(width + _OPEN)}),
        *_leave(max(safe, carry), _where(last)),
    )


def _carry(first: Posture, last: Posture) -> tuple[Phase, ...]:
    """Along a straight line if the base only has to drive along its heading; otherwise with the arm retracted."""
    if first.base_x == last.base_x:
        return (Phase("carry", {**_base(last), "arm": last.arm, "yaw": last.yaw}),)
    driving = (Phase("carry", phase.goals) for phase in _drive(_where(first), _where(last)))
    return (Phase("carry", {"arm": 0.0}), *driving, Phase("carry", {"arm": last.arm, "yaw": last.yaw}))


def _push(scene: Scene, call: SkillCall) -> tuple[Phase, ...]:
    """The closed gripper lies across the direction and is moved forward by the gap plus the distance, then back."""
    start, yaw = push_start(scene, call)
    forward = np.array([math.cos(yaw), math.sin(yaw), 0.0])
    stops = (start, start + (call.parameters[1] + 0.01) * forward, start + (call.parameters[1] - 0.04) * forward)
    across = [_wrapped(yaw + math.pi / 2), _wrapped(yaw - math.pi / 2)]
    way = reach(scene, stops, headings=[way for way in across if abs(way) < math.pi / 2 + 1e-6], straight=True)
    safe = _safe(scene, way, float(start[2]))
    return (
        *_approach(way.postures[0], safe, 0.0),
        Phase("lower", {"lift": lift_for(float(start[2]), f"pushing {call.object}")}, guarded=True),
        Phase("push", _straight(way.postures[1]), guarded=True),
        Phase("back", _straight(way.postures[2]), guarded=True),
        *_leave(safe, _where(way.postures[2])),
    )


def _drawer(scene: Scene, call: SkillCall) -> tuple[Phase, ...]:
    """The handle follows the part of the pull or push that lies along the rails."""
    index = scene.index(call.object)
    out = -rotations(scene.poses[index : index + 1, 3:])[0][:, 0]
    forward = np.array([math.cos(call.parameters[0]), math.sin(call.parameters[0]), 0.0])
    handle = scene.poses[index, :3] + out * scene.sizes[index, 0] / 2
    moved = handle + out * call.parameters[1] * float(forward @ out)
    heading = math.atan2(-out[1], -out[0])
    across = [way for way in (heading, _wrapped(heading + math.pi / 2), _wrapped(heading - math.pi / 2)) if abs(way) < 1.66]
    way = reach(scene, (handle + _BEFORE * out, handle, moved, moved + _BEFORE * out), headings=across, straight=True)
    safe, lift = _safe(scene, way, float(handle[2])), lift_for(float(handle[2]), f"the handle of {call.object}")
    before, there, end, after = way.postures
    return (
        *_approach(before, safe, 0.06),
        Phase("lower", {"lift": lift}),
        Phase("to the handle", _straight(there)),
        Phase("grasp", {"grip": finger_angle(0.02)}, then="close"),
        Phase("slide", _straight(end), guarded=True, then="open"),
        Phase("release", {"grip": finger_angle(0.06)}),
        Phase("back", _straight(after)),
        *_leave(safe, _where(after)),
    )


_PLANS: dict[str, Callable[[Scene, SkillCall], tuple[Phase, ...]]] = {
    "pick_place": _pick_place,
    "push": _push,
    "open_drawer": _drawer,
    "close_drawer": _drawer,
}


def _approach(first: Posture, safe: float, aperture: float) -> tuple[Phase, ...]:
    """Folded to where the base must stand, up, then out above everything."""
    driving = _drive((0.0, 0.0, 0.0), _where(first))
    if len(driving) == 1:
        driving = (Phase("drive", {**driving[0].goals, "lift": safe}),)
    else:
        driving = (Phase("drive", {"lift": safe}), *driving)
    return (*driving, Phase("reach", {"arm": first.arm, "yaw": first.yaw, "grip": finger_angle(aperture)}))


def _leave(safe: float, where: _Where, name: str = "home") -> tuple[Phase, ...]:
    """Up, back, fold, drive home and look."""
    *driving, last = _drive(where, (0.0, 0.0, 0.0))
    return (
        Phase(name, {"lift": safe}),
        Phase(name, {"arm": 0.0, "yaw": LOOK_OUT["yaw"], "grip": LOOK_OUT["grip"]}),
        *(Phase(name, phase.goals) for phase in driving),
        Phase(name, {**last.goals, "lift": LOOK_OUT["lift"]}),
    )


def _where(stand: Posture) -> _Where:
    """The base's x, y and turn in the odometry frame, at the working heading."""
    east, north = stand.base_x - HOME[0], stand.base_y - HOME[1]
    c, s = math.cos(HOME[2]), math.sin(HOME[2])
    return c * east + s * north, -s * east + c * north, 0.0


def _base(stand: Posture) -> dict[str, float]:
    x, y, _ = _where(stand)
    return {"x": x, "y": y}


def _straight(stand: Posture) -> dict[str, float]:
    return {**_base(stand), "arm": stand.arm}


def _drive(begin: _Where, end: _Where) -> tuple[Phase, ...]:
    """Turn, translate along the heading, turn: all that a differential drive can do; at least one phase, which may be empty."""
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    heading = begin[2] if math.hypot(dx, dy) < 1e-4 else math.atan2(dy, dx)
    if math.hypot(dx, dy) >= 1e-4:
        heading = begin[2] + _wrapped(heading - begin[2])
        heading -= math.pi * round((heading - begin[2]) / math.pi)
    turns = [Phase("drive", {"turn": heading})] if abs(heading - begin[2]) > 1e-6 else []
    back = [Phase("drive", {"turn": end[2]})] if abs(heading - end[2]) > 1e-6 else []
    return (*turns, Phase("drive", {"x": end[0], "y": end[1]}), *back)


def _wrapped(angle: float) -> float:
    """In [-pi, pi)."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def _safe(scene: Scene, way: Reach, lowest: float) -> float:
    """Lift (m) at which the empty hand passes over everything between the base and where it goes."""
    top = max(_highest(scene, way, None) + _OVER, lowest + CLEARANCE)
    return lift_for(top, "passing over what stands there")


def _others(scene: Scene, index: int) -> Array:
    """(n, 2, 3) boxes of everything movable but one object and its contents."""
    bounds = scene.bounds()
    return np.asarray(bounds[~_contained(bounds, index) & np.array([spec.movable for spec in scene.objects])])


def _contained(bounds: Array, index: int) -> NDArray[np.bool_]:
    """(N,) an object and what lies in it."""
    own = bounds[index]
    return np.asarray((bounds[:, 0] >= own[0] - 0.002).all(axis=1) & (bounds[:, 1] <= own[1] + 0.05).all(axis=1))


def _highest(scene: Scene, way: Reach, carried: int | None) -> float:
    """Top (m) of everything under the arm on its way; what is carried and contained is left out."""
    bounds = scene.bounds()
    spots = np.array([(hand.x, hand.y) for hand in way.hands])
    low, high = spots.min(axis=0) - 0.25, spots.max(axis=0) + 0.15
    if carried is None or not way.one_stand:
        low[0] = min(float(low[0]), HOME[0])
    near = ((bounds[:, 0, :2] < high) & (bounds[:, 1, :2] > low)).all(axis=1)
    if carried is not None:
        near &= ~_contained(bounds, carried)
    return float(bounds[near, 1, 2].max(initial=0.0))
