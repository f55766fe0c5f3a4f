"""Scenes as MuJoCo models: every object a body made of its primitives, plus a hand for grasping or pushing."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, Scene, yaw_of
from fail2progress.simulation.materials import DENSITY, DRAWER_DAMPING, DRAWER_FRICTION, DRAWER_TRAVEL, FRICTION
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.skills.programs import CLOSED_GRIPPER, EMPTY_HANDED, Bar, Equipment

TIMESTEP = 0.004
"""Seconds; contents stay in carried containers at 2 to 8 ms (docs/decisions/0014)."""
SURFACE = (FRICTION, 0.01, 0.0005)
"""Sliding, turning and rolling friction."""
_HAND, _BAR, _LIFT = "/hand", "/closed_hand", "/closed_hand_lift"
"""Bodies that are no objects, called as no object is."""


def compile_scene(
    scene: Scene,
    equipment: Equipment = EMPTY_HANDED,
    extend: Callable[[mujoco.MjSpec], None] | None = None,
    weight: float = 1.0,
    surface: float = 1.0,
) -> Bodies:
    """Compile a scene with a hand that is equipped for a skill: what it holds gets a weld to it, off at first.

    `extend` adds bodies that are not objects, such as a robot. weight: of what can be moved, and surface: the
    friction between things, as shares of the ordinary.
    """
    spec = mujoco.MjSpec()
    _options(spec)
    slides = surface * np.array(SURFACE)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.1], friction=slides, condim=4)
    for item, position, turn in zip(scene.objects, *shut(scene), strict=True):
        body = spec.worldbody.add_body(name=item.name, pos=position, quat=turn)
        _add_object(spec, body, item, item.name == equipment.holds, weight if item.movable else 1.0, slides)
    if equipment.holds is not None:
        _add_hand(spec, equipment.holds)
    if equipment.bar is not None:
        _add_bar(spec, equipment.bar)
    if extend is not None:
        extend(spec)
    model = spec.compile()
    body_owner = np.full(model.nbody, -1)
    body_owner[1 : 1 + len(scene)] = np.arange(len(scene))  # objects come first, after the world
    bodies = Bodies(model, mujoco.MjData(model), np.append(body_owner[model.geom_bodyid], -1))
    start(bodies, scene)
    return bodies


def _options(spec: mujoco.MjSpec) -> None:
    spec.option.timestep = TIMESTEP
    spec.option.iterations = 20
    spec.option.tolerance = 1e-6
    spec.option.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)


def _add_object(
    spec: mujoco.MjSpec, body: mujoco.MjsBody, item: ObjectSpec, never_sleeps: bool, weight: float, slides: Array
) -> None:
    """What is solid of a body, with a free joint if movable, on a slide if a drawer, fixed otherwise."""
    if item.movable:
        body.add_freejoint()
    if item.is_drawer:
        body.add_joint(
            name=item.name,
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[-1, 0, 0],
            damping=[DRAWER_DAMPING, 0.0, 0.0],
            frictionloss=DRAWER_FRICTION,
            range=[0.0, DRAWER_TRAVEL * item.size[0]],
            limited=True,
        )
        if item.inside_of is not None:
            spec.add_exclude(bodyname1=item.name, bodyname2=item.inside_of)
    if never_sleeps or item.is_drawer:
        body.sleep = mujoco.mjtSleepPolicy.mjSLEEP_NEVER
    for part in item.primitives():
        shape = mujoco.mjtGeom.mjGEOM_CYLINDER if part.cylinder else mujoco.mjtGeom.mjGEOM_BOX
        size = (part.half[0], part.half[2], 0.0) if part.cylinder else part.half
        body.add_geom(type=shape, size=size, pos=part.centre, density=weight * DENSITY, friction=slides, condim=4)


def shut(scene: Scene) -> tuple[Array, Array]:
    """(N, 3) positions of the bodies where every drawer is shut, and (N, 4) orientations."""
    positions = scene.poses[:, :3].copy()
    for name, opening in scene.openings.items():
        row = scene.index(name)
        positions[row] -= opening * _drawer_axis(scene.poses[row])
    return positions, scene.poses[:, 3:] / np.linalg.norm(scene.poses[:, 3:], axis=1, keepdims=True)


def _drawer_axis(pose: Array) -> Array:
    """(3,) direction in which a drawer opens: -x of its cabinet."""
    yaw = yaw_of(pose)
    return np.array([-np.cos(yaw), -np.sin(yaw), 0.0])


def _add_hand(spec: mujoco.MjSpec, grasped: str) -> None:
    """A hand without extent: what it holds is welded to it, as two fingers would hold it."""
    spec.worldbody.add_body(name=_HAND, mocap=True)
    weld = spec.add_equality(type=mujoco.mjtEq.mjEQ_WELD, active=False, name="grasp")
    weld.objtype = mujoco.mjtObj.mjOBJ_BODY
    weld.name1, weld.name2 = _HAND, grasped
    weld.data[:11] = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    weld.solref[:] = [0.01, 1.0]


def _add_bar(spec: mujoco.MjSpec, bar: Bar) -> None:
    """The closed gripper as a bar on a servo along its own x, and on one upwards where it lifts."""
    yaw = bar.heading
    quat = [np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
    body = spec.worldbody.add_body(name=_BAR, pos=bar.start, quat=quat, gravcomp=1.0)
    body.sleep = mujoco.mjtSleepPolicy.mjSLEEP_NEVER
    names = {_BAR: [1, 0, 0], **({_LIFT: [0, 0, 1]} if bar.lifts else {})}
    for name, axis in names.items():
        body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis, damping=[30.0, 0.0, 0.0])
    friction = (bar.friction, 0.01 * bar.friction, 0.0002 * bar.friction)
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=CLOSED_GRIPPER, mass=1.0, friction=friction, condim=4)
    for name in names:
        servo = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=3000.0, kv=80.0)


def start(bodies: Bodies, scene: Scene) -> None:
    """Open the drawers as far as the scene says, and derive where everything is."""
    for name, opening in scene.openings.items():
        bodies.data.joint(name).qpos[0] = opening
    mujoco.mj_forward(bodies.model, bodies.data)


def knock(bodies: Bodies, name: str, velocity: Array) -> None:
    """Give an object that can be moved a velocity (2,) in m/s."""
    bodies.data.joint(int(bodies.model.body(name).jntadr[0])).qvel[:2] = velocity


def read_scene(bodies: Bodies, scene: Scene) -> Scene:
    """The scene as the simulator has it now."""
    poses = scene.poses.copy()
    moving = scene.moving
    poses[moving, :3] = bodies.data.xpos.take(1 + moving, axis=0)
    poses[moving, 3:] = bodies.data.xquat.take(1 + moving, axis=0)
    drawers = [item.name for item in scene.objects if item.is_drawer]
    openings = {name: float(bodies.data.joint(name).qpos[0]) for name in drawers}
    return scene.with_poses(poses, {**scene.openings, **openings})


def touching(bodies: Bodies, count: int, gap: float) -> Mask:
    """(N, N) which objects touch. Contacts of sleeping bodies are not listed, so everything is woken for one collision pass."""
    model, data = bodies.model, bodies.data
    options, flags = model.opt, model.opt.enableflags
    options.enableflags = flags & ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_collision(model, data)
    options.enableflags = flags
    contact, result = data.contact, np.zeros((count + 1, count + 1), dtype=bool)
    one, other = bodies.owner[contact.geom[contact.dist < gap]].reshape(-1, 2).T
    result[one, other] = result[other, one] = True  # the last row and column are of what is no object
    result = result[:count, :count]
    np.fill_diagonal(result, False)
    return result
