"""Scenes of different objects as models of one structure, so that they can be stepped as one batch.

MuJoCo Warp shares the structure of a model (bodies, joints, types of geoms) between worlds; numbers (sizes, poses, masses) may
differ. So every scene is built with as many fixed things, movable things, drawers, boxes and cylinders as the largest has of
each. A box or cylinder too many is tiny and lies inside a solid part of its body, where nothing can touch it; a body too many
floats far away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from fail2progress.core.objects import Box, ObjectSpec
from fail2progress.core.scene import Array, Scene, pose
from fail2progress.simulation.materials import DENSITY, DRAWER_DAMPING, DRAWER_FRICTION, DRAWER_TRAVEL
from fail2progress.simulation.mujoco.bodies import SURFACE, TIMESTEP
from fail2progress.skills.programs import CLOSED_GRIPPER, Bar

_TINY = 5e-4
"""Half size (m) of a padding geom: less than half of the thinnest wall."""
_AWAY = 50.0
"""Metres from the scene at which padding bodies float."""


@dataclass(frozen=True)
class Structure:
    """What models of one batch have in common. `cabinets`: for each drawer, which of the fixed things it slides in, or -1."""

    fixed: int
    movable: int
    cabinets: tuple[int, ...]
    boxes: int
    cylinders: int


def sort_key(scene: Scene) -> tuple[int, ...]:
    """Scenes with the same key can be of one batch."""
    fixed = [spec.name for spec in scene.objects if _is_fixed(spec)]
    return tuple(fixed.index(s.inside_of) if s.inside_of in fixed else -1 for s in scene.objects if s.is_drawer)


def structure(scenes: Sequence[Scene]) -> Structure:
    """The least structure that has room for scenes of one key."""
    parts = [spec.primitives() for scene in scenes for spec in scene.objects]
    return Structure(
        max(sum(_is_fixed(spec) for spec in scene.objects) for scene in scenes),
        max(sum(spec.movable for spec in scene.objects) for scene in scenes),
        sort_key(scenes[0]),
        max((sum(not part.cylinder for part in own) for own in parts), default=0),
        max((sum(part.cylinder for part in own) for own in parts), default=0),
    )


def _is_fixed(spec: ObjectSpec) -> bool:
    return not spec.movable and not spec.is_drawer


def slots(scene: Scene, shared: Structure) -> Array:
    """(N,) the body of each object: the world, then fixed, movable things and drawers, each in the order of the scene."""
    first = {"fixed": 1, "movable": 1 + shared.fixed, "drawer": 1 + shared.fixed + shared.movable}
    result = []
    for spec in scene.objects:
        kind = "drawer" if spec.is_drawer else "movable" if spec.movable else "fixed"
        result.append(first[kind])
        first[kind] += 1
    return np.array(result, int)


def build(scene: Scene, shared: Structure, bar: Bar | None, lopsided: bool = False) -> mujoco.MjModel:
    """The model of one scene in a structure.

    `lopsided` gives movable things a centre of mass beside their origin: the mass matrix then has room for any scene's.
    """
    spec = mujoco.MjSpec()
    spec.option.timestep, spec.option.iterations, spec.option.tolerance = TIMESTEP, 20, 1e-6
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.1], friction=SURFACE, condim=4)
    fixed = [i for i, item in enumerate(scene.objects) if _is_fixed(item)]
    movable = [i for i, item in enumerate(scene.objects) if item.movable]
    drawers = [i for i, item in enumerate(scene.objects) if item.is_drawer]
    for kind, rows, count in (("fixed", fixed, shared.fixed), ("movable", movable, shared.movable)):
        for k in range(count):
            _add(spec, f"{kind}_{k}", scene, rows[k] if k < len(rows) else None, shared, free=kind == "movable", spot=k)
    for k, row in enumerate(drawers):
        _add_drawer(spec, f"drawer_{k}", scene, row, shared)
        if shared.cabinets[k] >= 0:
            spec.add_exclude(bodyname1=f"drawer_{k}", bodyname2=f"fixed_{shared.cabinets[k]}")
    _add_bar(spec, bar)
    _add_hand(spec, shared.movable)
    for k in range(shared.movable if lopsided else 0):
        body = spec.body(f"movable_{k}")
        body.mass, body.ipos, body.inertia, body.explicitinertial = 1.0, [0.01, 0.02, 0.03], [0.01, 0.02, 0.025], True
        body.iquat = [0.8, 0.6, 0.0, 0.0]
    return spec.compile()


def _add(spec: mujoco.MjSpec, name: str, scene: Scene, row: int | None, shared: Structure, free: bool, spot: int) -> None:
    at = scene.poses[row] if row is not None else pose(_AWAY + 2.0 * spot, 0.0, 5.0)
    body = spec.worldbody.add_body(name=name, pos=at[:3], quat=at[3:], gravcomp=float(row is None))
    if free:
        body.add_freejoint()
    _add_parts(body, scene.objects[row].primitives() if row is not None else (_NOTHING,), shared)


_NOTHING = Box((0.01, 0.01, 0.01), (0.0, 0.0, 0.0))


def _add_parts(body: mujoco.MjsBody, parts: Sequence[Box], shared: Structure) -> None:
    """The solid parts, and as many tiny ones inside the first as are missing. Only solid parts have mass."""
    inside = parts[0].centre
    for cylinder, count in ((False, shared.boxes), (True, shared.cylinders)):
        own = [part for part in parts if part.cylinder is cylinder]
        for part in own:
            _add_geom(body, part, DENSITY)
        for _ in range(count - len(own)):
            _add_geom(body, Box((_TINY, _TINY, _TINY), inside, cylinder), 0.0)


def _add_geom(body: mujoco.MjsBody, part: Box, density: float) -> None:
    kind = mujoco.mjtGeom.mjGEOM_CYLINDER if part.cylinder else mujoco.mjtGeom.mjGEOM_BOX
    size = (part.half[0], part.half[2], 0.0) if part.cylinder else part.half
    body.add_geom(type=kind, size=size, pos=part.centre, density=density, friction=SURFACE, condim=4)


def _add_drawer(spec: mujoco.MjSpec, name: str, scene: Scene, row: int, shared: Structure) -> None:
    item, at = scene.objects[row], scene.poses[row]
    yaw = 2 * np.arctan2(at[6], at[3])
    shut = at[:3] + scene.openings.get(item.name, 0.0) * np.array([np.cos(yaw), np.sin(yaw), 0.0])
    body = spec.worldbody.add_body(name=name, pos=shut, quat=at[3:])
    body.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[-1, 0, 0],
        damping=[DRAWER_DAMPING, 0.0, 0.0],
        frictionloss=DRAWER_FRICTION,
        range=[0.0, DRAWER_TRAVEL * item.size[0]],
        limited=True,
    )
    _add_parts(body, item.primitives(), shared)


def _add_bar(spec: mujoco.MjSpec, bar: Bar | None) -> None:
    """The closed hand on two servos, forward and up; far away where the skill does not need it."""
    start = bar.start if bar is not None else np.array([_AWAY, 10.0, 5.0])
    yaw, friction = (bar.heading, bar.friction) if bar is not None else (0.0, 0.5)
    quat = [np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
    body = spec.worldbody.add_body(name="bar", pos=start, quat=quat, gravcomp=1.0)
    for name, axis in (("forward", [1, 0, 0]), ("up", [0, 0, 1])):
        body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis, damping=[30.0, 0.0, 0.0])
        servo = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=3000.0, kv=80.0)
    surface = (friction, 0.01 * friction, 0.0002 * friction)
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=CLOSED_GRIPPER, mass=1.0, friction=surface, condim=4)


def _add_hand(spec: mujoco.MjSpec, movable: int) -> None:
    """The open hand, with a weld to every movable thing, all off at first."""
    spec.worldbody.add_body(name="hand", mocap=True)
    for k in range(movable):
        weld = spec.add_equality(type=mujoco.mjtEq.mjEQ_WELD, active=False, name=f"grasp_{k}")
        weld.objtype = mujoco.mjtObj.mjOBJ_BODY
        weld.name1, weld.name2 = "hand", f"movable_{k}"
        weld.data[:11] = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
        weld.solref[:] = [0.01, 1.0]
