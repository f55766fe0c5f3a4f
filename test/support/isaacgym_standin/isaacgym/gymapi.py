"""The part of isaacgym.gymapi that the worker uses, with MuJoCo in the place of PhysX: handles, order of calls, units as there.

States are those of the last fetch_results. What the real library leaves undefined or fails on is an error here: an env after
prepare_sim, a body index of another actor, quaternions that are not of unit length.
"""

import xml.etree.ElementTree as ElementTree
from enum import IntEnum

import numpy as np

from . import _physics as physics

print("Importing module 'gym_38' (stand-in)")  # as the real one does, on standard output


class SimType(IntEnum):
    SIM_FLEX = 0
    SIM_PHYSX = 1


class UpAxis(IntEnum):
    UP_AXIS_Y = 0
    UP_AXIS_Z = 1


class ContactCollection(IntEnum):
    CC_NEVER = 0
    CC_LAST_SUBSTEP = 1
    CC_ALL_SUBSTEPS = 2


class IndexDomain(IntEnum):
    DOMAIN_ENV = 0
    DOMAIN_ACTOR = 1
    DOMAIN_SIM = 2


class DofDriveMode(IntEnum):
    DOF_MODE_NONE = 0
    DOF_MODE_POS = 1
    DOF_MODE_VEL = 2
    DOF_MODE_EFFORT = 3


SIM_PHYSX = SimType.SIM_PHYSX
UP_AXIS_Z = UpAxis.UP_AXIS_Z
CC_LAST_SUBSTEP = ContactCollection.CC_LAST_SUBSTEP
DOMAIN_ENV = IndexDomain.DOMAIN_ENV
DOF_MODE_NONE, DOF_MODE_POS = DofDriveMode.DOF_MODE_NONE, DofDriveMode.DOF_MODE_POS
STATE_NONE, STATE_POS, STATE_VEL, STATE_ALL = 0, 1, 2, 3
AXIS_NONE, AXIS_ALL = 0, 63
INVALID_HANDLE = -1


class Vec3:
    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0):
        self.x, self.y, self.z = x, y, z


class Quat:
    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, w: float = 1.0):
        self.x, self.y, self.z, self.w = x, y, z, w


class Transform:
    def __init__(self, p: Vec3 | None = None, r: Quat | None = None):
        self.p, self.r = p or Vec3(), r or Quat()


class PhysXParams:
    def __init__(self):
        self.use_gpu = True
        self.solver_type, self.num_position_iterations, self.num_velocity_iterations = 1, 4, 1
        self.contact_offset, self.rest_offset = 0.02, 0.001
        self.contact_collection = ContactCollection.CC_ALL_SUBSTEPS


class SimParams:
    def __init__(self):
        self.dt, self.substeps, self.up_axis, self.gravity = 1 / 60, 2, UpAxis.UP_AXIS_Y, Vec3(0.0, -9.8, 0.0)
        self.use_gpu_pipeline, self.physx = False, PhysXParams()


class PlaneParams:
    def __init__(self):
        self.normal, self.distance = Vec3(0.0, 1.0, 0.0), 0.0
        self.static_friction, self.dynamic_friction, self.restitution = 1.0, 1.0, 0.0


class AssetOptions:
    def __init__(self):
        self.fix_base_link = self.disable_gravity = self.collapse_fixed_joints = False
        self.replace_cylinder_with_capsule = False
        self.density, self.linear_damping, self.angular_damping = 1000.0, 0.0, 0.5


class AttractorProperties:
    def __init__(self):
        self.rigid_handle, self.axes, self.stiffness, self.damping = INVALID_HANDLE, AXIS_NONE, 0.0, 0.0
        self.target = Transform()


class RigidShapeProperties:
    def __init__(self):
        self.friction, self.restitution, self.contact_offset, self.rest_offset = 1.0, 0.0, 0.02, 0.0


class Asset:
    """A parsed URDF."""

    def __init__(self, path, options):
        root = ElementTree.parse(path).getroot()
        self.options = options
        self.links = {link.get("name"): link for link in root.iter("link")}
        self.joints = {joint.find("child").get("link"): joint for joint in root.iter("joint")}
        first = [name for name in self.links if name not in self.joints]
        assert len(first) == 1, "a URDF has one root"
        self.order = first
        while len(self.order) < len(self.links):
            known = self.order
            self.order = known + [c for c, j in self.joints.items() if j.find("parent").get("link") in known and c not in known]
        assert all(joint.get("type") == "prismatic" for joint in self.joints.values())


class Actor:
    def __init__(self, asset, pose, name, group, mask, first):
        self.asset, self.pose, self.name, self.group, self.mask, self.first = asset, pose, name, group, mask, first
        self.shapes = [RigidShapeProperties() for name in asset.order for _ in asset.links[name].iter("collision")]
        self.dofs = [name for name in asset.order if name in asset.joints]
        self.properties = np.zeros(len(self.dofs), physics.DOF_PROPERTIES)
        for row, name in zip(self.properties, self.dofs, strict=True):
            limit = asset.joints[name].find("limit")
            row["hasLimits"], row["lower"], row["upper"] = True, float(limit.get("lower")), float(limit.get("upper"))
            row["effort"] = float(limit.get("effort"))
        self.start = np.zeros(len(self.dofs), physics.DOF_STATE)
        self.targets = np.zeros(len(self.dofs), np.float32)


class Env:
    def __init__(self, sim):
        self.sim, self.actors, self.attractors, self.bodies = sim, [], [], 0
        self.model = self.data = self.buffer = None

    def read(self):
        """Nobody reads between a step and its fetch."""
        assert not self.sim.pending
        physics.read(self)


class Sim:
    def __init__(self, params):
        self.params, self.envs, self.plane, self.prepared, self.alive, self.pending = params, [], None, False, True, False


class Gym:
    def create_sim(
        self, compute_device: int = 0, graphics_device: int = 0, type: SimType = SimType.SIM_FLEX, params: SimParams = None
    ) -> Sim:
        assert type == SIM_PHYSX and params.up_axis == UP_AXIS_Z and not params.use_gpu_pipeline
        return Sim(params)

    def destroy_sim(self, arg0: Sim) -> None:
        assert arg0.alive
        arg0.alive = False

    def add_ground(self, sim: Sim, params: PlaneParams) -> None:
        assert (params.normal.x, params.normal.y, params.normal.z) == (0.0, 0.0, 1.0)
        sim.plane = params

    def create_env(self, arg0: Sim, arg1: Vec3, arg2: Vec3, arg3: int) -> Env:
        assert arg0.alive and not arg0.prepared
        arg0.envs.append(Env(arg0))
        return arg0.envs[-1]

    def load_asset(self, sim: Sim, rootpath: str, filename: str, options: AssetOptions = None) -> Asset:
        assert sim.alive
        return Asset(f"{rootpath}/{filename}", options or AssetOptions())

    def create_actor(
        self,
        env: Env,
        asset: Asset,
        pose: Transform,
        name: str | None = None,
        group: int = -1,
        filter: int = -1,
        segmentationId: int = 0,
    ) -> int:
        assert not env.sim.prepared
        r = pose.r
        assert abs(r.x**2 + r.y**2 + r.z**2 + r.w**2 - 1) < 1e-4
        env.actors.append(Actor(asset, pose, name, group, filter, env.bodies))
        env.bodies += len(asset.order)
        return len(env.actors) - 1

    def get_actor_rigid_shape_properties(self, arg0: Env, arg1: int):
        return arg0.actors[arg1].shapes

    def set_actor_rigid_shape_properties(self, arg0: Env, arg1: int, arg2) -> bool:
        arg0.actors[arg1].shapes = list(arg2)
        return True

    def get_actor_dof_properties(self, arg0: Env, arg1: int):
        return arg0.actors[arg1].properties.copy()

    def set_actor_dof_properties(self, arg0: Env, arg1: int, arg2) -> bool:
        arg0.actors[arg1].properties = arg2.copy()
        return True

    def get_actor_dof_states(self, arg0: Env, arg1: int, arg2: int):
        actor = arg0.actors[arg1]
        if arg0.model is None:
            return actor.start.copy()
        arg0.read()
        return arg0.dof_buffer[arg1].copy()

    def set_actor_dof_states(self, arg0: Env, arg1: int, arg2, arg3: int) -> bool:
        assert arg0.model is None, "the worker sets states before prepare_sim alone"
        arg0.actors[arg1].start = arg2.copy()
        return True

    def set_actor_dof_position_targets(self, arg0: Env, arg1: int, arg2) -> bool:
        assert arg2.dtype == np.float32 and len(arg2) == len(arg0.actors[arg1].dofs)
        arg0.actors[arg1].targets = arg2.copy()
        return True

    def get_actor_rigid_body_index(self, arg0: Env, arg1: int, arg2: int, arg3: IndexDomain) -> int:
        actor = arg0.actors[arg1]
        assert arg3 == DOMAIN_ENV and 0 <= arg2 < len(actor.asset.order)
        return actor.first + arg2

    def get_actor_rigid_body_handle(self, arg0: Env, arg1: int, arg2: int) -> int:
        return arg0.actors[arg1].first + arg2

    def get_env_rigid_body_count(self, arg0: Env) -> int:
        return arg0.bodies

    def create_rigid_body_attractor(self, arg0: Env, arg1: AttractorProperties) -> int:
        assert not arg0.sim.prepared and 0 <= arg1.rigid_handle < arg0.bodies
        arg0.attractors.append(arg1)
        return len(arg0.attractors) - 1

    def get_attractor_properties(self, arg0: Env, arg1: int) -> AttractorProperties:
        return arg0.attractors[arg1]

    def set_attractor_properties(self, arg0: Env, arg1: int, arg2: AttractorProperties) -> None:
        arg0.attractors[arg1] = arg2

    def set_attractor_target(self, arg0: Env, arg1: int, arg2: Transform) -> None:
        arg0.attractors[arg1].target = arg2

    def prepare_sim(self, arg0: Sim) -> bool:
        assert not arg0.prepared
        arg0.prepared = True
        for env in arg0.envs:
            physics.build(env)
        return True

    def simulate(self, arg0: Sim) -> None:
        assert arg0.alive and arg0.prepared
        for env in arg0.envs:
            physics.step(env)
        arg0.pending = True

    def fetch_results(self, arg0: Sim, arg1: bool) -> None:
        assert arg0.alive and arg1
        arg0.pending = False

    def get_env_rigid_body_states(self, arg0: Env, arg1: int):
        arg0.read()
        return arg0.buffer.copy()

    def get_env_rigid_contacts(self, arg0: Env):
        arg0.read()
        return arg0.contacts.copy()


def acquire_gym(*args, **kwargs) -> Gym:
    return Gym()
