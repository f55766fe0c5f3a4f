"""Scenes side by side in Isaac Gym, each an env of one simulation. Python 3.8; poses here are x y z (m) and quaternion w x y z.

All envs have their origin at that of the world, so that poses in both are the same; collision groups keep them apart.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from isaacgym import gymapi

from fail2progress.simulation.isaacgym.assets import bar_urdf, object_urdf
from fail2progress.simulation.materials import DENSITY, DRAWER_DAMPING, DRAWER_FRICTION, DRAWER_TRAVEL, FRICTION
from fail2progress.simulation.wire.serving import Record
from fail2progress.skills.limits import HANDLE_DAMPING, HANDLE_STIFFNESS

STEP = 0.004
"""Seconds of one step."""
_HELD = (1e5, 1e3)
"""Stiffness and damping of what holds a grasped object."""
_BAR = (3000.0, 80.0)
_DRAWER = (HANDLE_STIFFNESS, HANDLE_DAMPING)
"""Stiffness (N/m) and damping (N s/m) of the closed hand's and the drawer handle's position control."""


def simulation(gym: gymapi.Gym, gpu: int) -> gymapi.Sim:
    """An empty world with a floor; on the CPU where `gpu` is negative. RuntimeError where Isaac Gym cannot make it."""
    params = gymapi.SimParams()
    params.up_axis = gymapi.UP_AXIS_Z
    params.gravity = gymapi.Vec3(0.0, 0.0, -9.81)
    params.dt = STEP
    params.substeps = 2
    params.use_gpu_pipeline = False
    params.physx.use_gpu = gpu >= 0
    params.physx.solver_type = 1
    params.physx.num_position_iterations = 8
    params.physx.num_velocity_iterations = 1
    params.physx.contact_offset = 0.001
    params.physx.rest_offset = 0.0
    params.physx.contact_collection = gymapi.CC_LAST_SUBSTEP
    sim = gym.create_sim(max(gpu, 0), -1, gymapi.SIM_PHYSX, params)
    if sim is None:
        raise RuntimeError("Isaac Gym cannot create a simulation: is there a GPU, and does its driver suit?")
    plane = gymapi.PlaneParams()
    plane.normal = gymapi.Vec3(0.0, 0.0, 1.0)
    plane.static_friction = plane.dynamic_friction = FRICTION
    gym.add_ground(sim, plane)
    return sim


class EnvScene:
    """One job in its env: its objects, and what moves the hand."""

    def __init__(self, gym: gymapi.Gym, sim: gymapi.Sim, number: int, job: Record, folder: str) -> None:
        self.gym, self.sim, self.number, self.folder = gym, sim, number, folder
        self.objects: list[dict[str, Any]] = job.header["objects"]
        self.openings: dict[str, float] = job.header["openings_m"]
        self.poses = job.arrays["poses"]
        self.track: dict[str, Any] = job.header.get("track") or {"holds": None, "bar": None, "drawer": None}
        self.env = gym.create_env(sim, gymapi.Vec3(), gymapi.Vec3(), 1)
        self.names = [item["name"] for item in self.objects]
        self.actors = [self._object(i) for i in range(len(self.objects))]
        self.rows = [self._row(actor, self._body(item)) for actor, item in zip(self.actors, self.objects)]
        self.attractor = self._attractor()
        self.bar = self._bar()

    def _object(self, index: int) -> int:
        item = self.objects[index]
        options = _options(fixed=item["drawer"] or not item["movable"])
        travel = DRAWER_TRAVEL * item["size_m"][0]
        pose = self.poses[index].copy()
        opening = self.openings.get(item["name"], 0.0)
        if item["drawer"]:
            pose[:3] += opening * _x_axis(pose)  # the rails stand where the shut drawer is
        actor = self._actor(f"object_{index}", object_urdf(item, travel), options, pose, self._filter(index))
        if item["drawer"]:
            self._drive(actor, _DRAWER if item["name"] == self.track["drawer"] else None)
            states = self.gym.get_actor_dof_states(self.env, actor, gymapi.STATE_ALL)
            states["pos"], states["vel"] = opening, 0.0
            self.gym.set_actor_dof_states(self.env, actor, states, gymapi.STATE_ALL)
            self._target(actor, [opening])
        return actor

    def _filter(self, index: int) -> int:
        """Bits that a cabinet and each of its drawers share: what shares one does not collide."""
        bits = 0
        for bit, item in enumerate(other for other in self.objects if other["drawer"]):
            if item["name"] == self.names[index] or item["inside_of"] == self.names[index]:
                bits |= 1 << (bit % 30)
        return bits

    def _actor(self, name: str, urdf: str, options: gymapi.AssetOptions, pose: Any, bits: int, friction: float = FRICTION) -> int:
        path = os.path.join(self.folder, f"{self.number}_{name}.urdf")
        with open(path, "w") as file:
            file.write(urdf)
        asset = self.gym.load_asset(self.sim, self.folder, os.path.basename(path), options)
        actor: int = self.gym.create_actor(self.env, asset, transform(pose), name, self.number, bits, 0)
        shapes = self.gym.get_actor_rigid_shape_properties(self.env, actor)
        for shape in shapes:
            shape.friction = friction
            shape.restitution = 0.0
        self.gym.set_actor_rigid_shape_properties(self.env, actor, shapes)
        return actor

    def _drive(self, actor: int, gains: Any | None) -> None:
        """Position control with gains, or a joint that slides with some damping and friction."""
        properties = self.gym.get_actor_dof_properties(self.env, actor)
        properties["driveMode"].fill(int(gymapi.DOF_MODE_POS if gains else gymapi.DOF_MODE_NONE))
        properties["stiffness"].fill(gains[0] if gains else 0.0)
        properties["damping"].fill(gains[1] if gains else DRAWER_DAMPING)
        properties["friction"].fill(0.0 if gains else DRAWER_FRICTION)
        self.gym.set_actor_dof_properties(self.env, actor, properties)

    def _target(self, actor: int, positions: list[float]) -> None:
        self.gym.set_actor_dof_position_targets(self.env, actor, np.array(positions, np.float32))

    def _body(self, item: dict[str, Any]) -> int:
        """Which body of its actor an object is: a drawer comes after its rails."""
        return 1 if item["drawer"] else 0

    def _row(self, actor: int, body: int) -> int:
        row: int = self.gym.get_actor_rigid_body_index(self.env, actor, body, gymapi.DOMAIN_ENV)
        return row

    def _attractor(self) -> int | None:
        """Holds the object that the hand takes; switched off at first."""
        if self.track["holds"] is None:
            return None
        properties = gymapi.AttractorProperties()
        actor = self.actors[self.names.index(self.track["holds"])]
        properties.rigid_handle = self.gym.get_actor_rigid_body_handle(self.env, actor, 0)
        properties.stiffness, properties.damping = _HELD
        properties.axes = gymapi.AXIS_NONE
        properties.target = transform(self.poses[self.names.index(self.track["holds"])])
        attractor: int = self.gym.create_rigid_body_attractor(self.env, properties)
        return attractor

    def _bar(self) -> int | None:
        bar = self.track["bar"]
        if bar is None:
            return None
        options = _options(fixed=True)
        options.disable_gravity = True
        yaw = bar["heading_rad"]
        pose = np.array([*bar["start_m"], np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
        # Between two things MuJoCo takes the greater friction, and PhysX the mean of both.
        rubs = 2 * max(bar["friction"], FRICTION) - FRICTION
        actor = self._actor("hand", bar_urdf(bar["half_m"], bar["lifts"]), options, pose, 0, rubs)
        self._drive(actor, _BAR)
        return actor

    def hold(self, on: bool) -> None:
        """Take the object, or let it go."""
        assert self.attractor is not None
        properties = self.gym.get_attractor_properties(self.env, self.attractor)
        properties.axes = gymapi.AXIS_ALL if on else gymapi.AXIS_NONE
        self.gym.set_attractor_properties(self.env, self.attractor, properties)

    def carry(self, pose: Any) -> None:
        """Where the held object shall be."""
        assert self.attractor is not None
        self.gym.set_attractor_target(self.env, self.attractor, transform(pose))

    def held(self) -> Any:
        """(3,) where the object that the hand takes is, in metres."""
        states: Any = self.gym.get_env_rigid_body_states(self.env, gymapi.STATE_POS)
        place = states["pose"]["p"][self.rows[self.names.index(self.track["holds"])]]
        return np.array([place["x"], place["y"], place["z"]], np.float64)

    def press(self, forward: float, up: float) -> None:
        """Where the closed hand shall be, in metres from its start."""
        assert self.bar is not None
        lifts = self.track["bar"]["lifts"]
        self._target(self.bar, [up, forward] if lifts else [forward])

    def pull(self, opening: float) -> None:
        """How far the drawer shall be pulled out."""
        self._target(self.actors[self.names.index(self.track["drawer"])], [opening])

    def read(self) -> Record:
        """The snapshot: poses, openings and contacts after the last fetch_results."""
        states: Any = self.gym.get_env_rigid_body_states(self.env, gymapi.STATE_POS)
        pose = states["pose"][self.rows]
        position, turn = pose["p"], pose["r"]
        columns = [position["x"], position["y"], position["z"], turn["w"], turn["x"], turn["y"], turn["z"]]
        poses = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
        poses[:, 3:] /= np.linalg.norm(poses[:, 3:], axis=1, keepdims=True)
        openings = {}
        for i, item in enumerate(self.objects):
            if item["drawer"]:
                dofs = self.gym.get_actor_dof_states(self.env, self.actors[i], gymapi.STATE_POS)
                openings[item["name"]] = float(dofs["pos"][0])
        return Record({"openings_m": openings}, {"poses": poses, "contact": self._contact()})

    def _contact(self) -> Any:
        """(N, N) which objects touch."""
        contacts: Any = self.gym.get_env_rigid_contacts(self.env)
        owner = np.full(self.gym.get_env_rigid_body_count(self.env) + 1, -1)
        owner[self.rows] = np.arange(len(self.rows))
        one, other = owner[contacts["body0"]], owner[contacts["body1"]]  # the floor is -1, the last element
        both = (one >= 0) & (other >= 0) & (one != other)
        result = np.zeros((len(self.rows), len(self.rows)), bool)
        result[one[both], other[both]] = True
        return result | result.T


def _options(fixed: bool) -> gymapi.AssetOptions:
    options = gymapi.AssetOptions()
    options.fix_base_link = fixed
    options.density = DENSITY
    options.collapse_fixed_joints = False
    options.replace_cylinder_with_capsule = False
    options.linear_damping = options.angular_damping = 0.0
    return options


def _x_axis(pose: Any) -> Any:
    """(3,) the x axis of an upright pose."""
    yaw = 2 * np.arctan2(pose[6], pose[3])
    return np.array([np.cos(yaw), np.sin(yaw), 0.0])


def transform(pose: Any) -> gymapi.Transform:
    """Of a (7,) pose; Isaac Gym writes quaternions x y z w."""
    x, y, z, qw, qx, qy, qz = (float(value) for value in pose)
    return gymapi.Transform(gymapi.Vec3(x, y, z), gymapi.Quat(qx, qy, qz, qw))
