"""The Stretch as MuJoCo bodies beside a scene's objects: actuated joints, a weld for what the gripper holds, a bar for pushing.

Its own shapes are seen by the camera but do not touch anything, except the closed gripper during a push: the skill effect model
was trained with a hand that has no extent, and planning keeps the base clear of furniture (`reach.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from fail2progress.core.scene import Array, Scene
from fail2progress.robots.stretch.description import (
    AXES,
    BASE,
    BASE_MASS,
    BASE_PARTS,
    GRASP,
    JOINTS,
    LINKS,
    PUSHER,
    Joint,
    Link,
    Part,
)
from fail2progress.simulation.base import Disturbances, OrdinaryPhysicsError
from fail2progress.simulation.mujoco.stage import open_stage
from fail2progress.simulation.stage import OpenStage, Stage
from fail2progress.skills.phases import Phase

STIFFNESS = 40.0
"""rad/s, natural frequency of the position control of the base, the lift and all that turns; the arm's is twice this."""
ARMATURE = 0.05
"""kg m^2, of the geared motors of everything that turns."""
WELD = "stretch_grasp"
ORDINARY = Disturbances()


def own(name: str) -> str:
    """What a link or joint of the robot is called among the bodies of a scene, whose objects may be called as it is."""
    return f"/{name}"


@dataclass(frozen=True)
class Grip:
    """What the hand is prepared for: `holds` can be welded to it; `pushes`: the closed gripper touches things."""

    holds: str | None = None
    pushes: bool = False


def grip_for(name: str, phases: Sequence[Phase]) -> Grip:
    """What the hand must be able to do for phases that act on an object."""
    closes = any(phase.hand == "close" for phase in phases)
    return Grip(holds=name if closes else None, pushes=any(phase.touches for phase in phases))


def compile_stretch(
    scene: Scene, home: Array, grip: Grip = Grip(), world: Disturbances = ORDINARY, opened: OpenStage = open_stage
) -> Stage:
    """A scene with a Stretch whose odometry starts at the (3,) pose x, y (m), heading (rad) in the planning frame.

    world: whose weight and friction things have. opened: what a simulator opens scenes with, see `simulation.registry.stage`.
    """

    def extend(spec: mujoco.MjSpec) -> None:
        _add_robot(spec, home, grip.pushes)
        if grip.holds is not None:
            _add_weld(spec, grip.holds)

    return opened(scene, extend=extend, weight=world.weight, surface=world.surface)


def refuse_strange(world: Disturbances) -> None:
    """OrdinaryPhysicsError where a world's things have what the bodies here cannot have."""
    for name in ("centre", "bounce"):
        if getattr(world, name) != getattr(ORDINARY, name):
            said = f"{name} = {getattr(world, name):g}: the simulated Stretch has the ordinary one only"
            raise OrdinaryPhysicsError(f"{said}; take the floating hand for another")


def _add_robot(spec: mujoco.MjSpec, home: Array, pushes: bool) -> None:
    base = spec.worldbody.add_body(
        name=own(BASE), pos=[home[0], home[1], 0.0], quat=[np.cos(home[2] / 2), 0, 0, np.sin(home[2] / 2)], gravcomp=1.0
    )
    base.sleep = mujoco.mjtSleepPolicy.mjSLEEP_NEVER
    for joint in (Joint("odom_x", True, (1, 0, 0)), Joint("odom_y", True, (0, 1, 0)), Joint("odom_turn")):
        _add_joint(base, joint, BASE_MASS + 7.0)
    _add_parts(base, BASE_PARTS, BASE_MASS)
    bodies = {BASE: base}
    for link in LINKS:
        bodies[link.name] = _add_link(bodies[link.parent], link)
    if pushes:
        half = (PUSHER[1], PUSHER[0], PUSHER[2])
        bodies[GRASP].add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=half, mass=0.0, friction=(0.5, 0.005, 0.0001), condim=4)
    for name in JOINTS:
        _add_motor(spec, name)


def _add_link(parent: mujoco.MjsBody, link: Link) -> mujoco.MjsBody:
    quat = Rotation.from_euler("xyz", link.rpy).as_quat(scalar_first=True)
    body = parent.add_body(name=own(link.name), pos=link.xyz, quat=quat, gravcomp=1.0)
    _add_parts(body, link.parts, link.mass)
    if link.joint is not None and not link.joint.wheel:
        _add_joint(body, link.joint, _carried(link.name))
    return body


def _carried(name: str) -> float:
    """Mass (kg) that a link's joint moves."""
    total, below = 0.0, {name}
    for link in LINKS:
        if link.name in below or link.parent in below:
            below.add(link.name)
            total += link.mass
    return total


def _add_parts(body: mujoco.MjsBody, parts: tuple[Part, ...], mass: float) -> None:
    for part in parts:
        shape = mujoco.mjtGeom.mjGEOM_CYLINDER if part.cylinder else mujoco.mjtGeom.mjGEOM_BOX
        size = (part.half[0], part.half[2], 0.0) if part.cylinder else part.half
        body.add_geom(type=shape, size=size, pos=part.centre, mass=mass / len(parts), contype=0, conaffinity=0)


def _add_joint(body: mujoco.MjsBody, joint: Joint, mass: float) -> None:
    """Damping is critical for the stiffness that its motor gets."""
    kind = mujoco.mjtJoint.mjJNT_SLIDE if joint.slides else mujoco.mjtJoint.mjJNT_HINGE
    inertia = mass if joint.slides else (mass if joint.name == "odom_turn" else ARMATURE)
    damping = 2 * inertia * _frequency(joint.name)
    armature = 0.0 if joint.slides or joint.name == "odom_turn" else ARMATURE
    body.add_joint(name=own(joint.name), type=kind, axis=joint.axis, damping=[damping, 0.0, 0.0], armature=armature)


def _frequency(joint: str) -> float:
    return 2 * STIFFNESS if joint.startswith("joint_arm") else STIFFNESS


def _add_motor(spec: mujoco.MjSpec, name: str) -> None:
    axis = next(axis for axis in AXES.values() if name in axis.joints)
    damping = spec.joint(own(name)).damping[0]
    motor = spec.add_actuator(name=own(name), target=own(name), trntype=mujoco.mjtTrn.mjTRN_JOINT)
    motor.set_to_position(kp=damping * _frequency(name) / 2)
    # What it takes to move against the damping, which stands for friction in the drive, comes on top.
    force = axis.force + damping * axis.speed
    motor.forcelimited, motor.forcerange = True, [-force, force]


def _add_weld(spec: mujoco.MjSpec, name: str) -> None:
    spec.body(name).sleep = mujoco.mjtSleepPolicy.mjSLEEP_NEVER
    weld = spec.add_equality(type=mujoco.mjtEq.mjEQ_WELD, active=False, name=WELD)
    weld.objtype = mujoco.mjtObj.mjOBJ_BODY
    weld.name1, weld.name2 = own(GRASP), name
    weld.data[:11] = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    weld.solref[:] = [0.01, 1.0]


def close_on(stage: Stage, name: str) -> None:
    """Hold a body as it lies in the hand now."""
    stage.hold(WELD, own(GRASP), name)
