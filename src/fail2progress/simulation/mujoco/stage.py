"""MuJoCo as the stage of a robot with bodies of its own; see simulation.stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from fail2progress.core.camera import Camera
from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.mujoco.bodies import compile_scene, knock, read_scene, touching
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph
from fail2progress.simulation.stage import BodyPose


@dataclass(frozen=True)
class MujocoJoints:
    """See simulation.stage.Joints: one motor for each joint, in the same order."""

    bodies: Bodies
    qpos: NDArray[np.int64]
    dof: NDArray[np.int64]

    @property
    def lead(self) -> Array:
        """See Joints."""
        model = self.bodies.model
        return np.asarray(model.dof_damping[self.dof] / model.actuator_gainprm[:, 0])

    def put(self, values: Array) -> None:
        """See Joints."""
        data = self.bodies.data
        data.qpos[self.qpos] = data.ctrl[:] = values
        mujoco.mj_forward(self.bodies.model, data)

    def command(self, values: Array) -> None:
        """See Joints."""
        self.bodies.data.ctrl[:] = values

    def positions(self) -> Array:
        """See Joints."""
        return np.asarray(self.bodies.data.qpos[self.qpos])

    def velocities(self) -> Array:
        """See Joints."""
        return np.asarray(self.bodies.data.qvel[self.dof])

    def efforts(self) -> Array:
        """See Joints."""
        spent = self.bodies.model.dof_damping[self.dof] * self.velocities()
        return np.asarray(self.bodies.data.qfrc_actuator[self.dof] - spent)


@dataclass(frozen=True)
class MujocoStage:
    """See simulation.stage.Stage."""

    bodies: Bodies

    @property
    def timestep(self) -> float:
        """See Stage."""
        return float(self.bodies.model.opt.timestep)

    def step(self, count: int) -> None:
        """See Stage."""
        mujoco.mj_step(self.bodies.model, self.bodies.data, nstep=count)

    def refresh(self) -> None:
        """See Stage."""
        mujoco.mj_kinematics(self.bodies.model, self.bodies.data)

    @property
    def speed(self) -> float:
        """See Stage."""
        return float(np.abs(self.bodies.data.qvel).max(initial=0.0))

    def joints(self, names: Sequence[str]) -> MujocoJoints:
        """See Stage."""
        found = [self.bodies.model.joint(name) for name in names]
        addresses = (np.array([joint.qposadr[0] for joint in found]), np.array([joint.dofadr[0] for joint in found]))
        return MujocoJoints(self.bodies, *addresses)

    def body(self, name: str) -> BodyPose:
        """See Stage."""
        body = self.bodies.data.body(name)
        return BodyPose(body.xpos.copy(), body.xmat.reshape(3, 3).copy(), body.xquat.copy())

    def hold(self, weld: str, hand: str, name: str) -> None:
        """See Stage."""
        here, there = self.body(hand), self.body(name)
        turn = Rotation.from_quat(here.quaternion, scalar_first=True).inv()
        relative = turn.apply(there.position - here.position)
        quat = (turn * Rotation.from_quat(there.quaternion, scalar_first=True)).as_quat(scalar_first=True)
        equality = self.bodies.model.equality(weld)
        equality.data[3:10] = [*relative, *quat]
        self.bodies.data.eq_active[equality.id] = 1

    def release(self) -> None:
        """See Stage."""
        self.bodies.data.eq_active[:] = 0

    def knock(self, name: str, velocity: Array) -> None:
        """See Stage."""
        knock(self.bodies, name, velocity)

    @property
    def holding(self) -> bool:
        """See Stage."""
        return bool(self.bodies.data.eq_active.any())

    def read(self, scene: Scene) -> Scene:
        """See Stage."""
        return read_scene(self.bodies, scene)

    def touching(self, count: int, gap: float) -> Mask:
        """See Stage."""
        return touching(self.bodies, count, gap)

    def photograph(self, scene: Scene, camera: Camera, noise: DepthNoise, rng: np.random.Generator, stamp: int = 0) -> RgbdFrame:
        """See Stage."""
        return photograph(self.bodies, scene, camera, noise, rng, stamp=stamp)


def open_stage(
    scene: Scene, extend: Callable[[mujoco.MjSpec], None] | None = None, weight: float = 1.0, surface: float = 1.0
) -> MujocoStage:
    """A scene with what `extend` adds to it; weight and surface: see bodies.compile_scene."""
    return MujocoStage(compile_scene(scene, extend=extend, weight=weight, surface=surface))
