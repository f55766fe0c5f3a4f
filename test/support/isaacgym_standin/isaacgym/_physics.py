"""MuJoCo in the place of PhysX: builds an env, steps it, and copies what reads see."""

import mujoco
import numpy as np

AXIS_ALL, DOF_MODE_POS = 63, 1

_VEC = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
BODY_STATE = np.dtype([("pose", [("p", _VEC), ("r", [*_VEC, ("w", "<f4")])]), ("vel", [("linear", _VEC), ("angular", _VEC)])])
DOF_STATE = np.dtype([("pos", "<f4"), ("vel", "<f4")])
DOF_PROPERTIES = np.dtype(
    [("hasLimits", "?"), ("lower", "<f4"), ("upper", "<f4"), ("driveMode", "<i4"), ("velocity", "<f4"), ("effort", "<f4"),
     ("stiffness", "<f4"), ("damping", "<f4"), ("friction", "<f4"), ("armature", "<f4")]
)  # fmt: skip
CONTACT = np.dtype([("env0", "<i4"), ("env1", "<i4"), ("body0", "<i4"), ("body1", "<i4")])


def build(env):
    params = env.sim.params
    spec = mujoco.MjSpec()
    spec.option.timestep, spec.option.iterations, spec.option.tolerance = params.dt, 20, 1e-6
    spec.option.gravity = [params.gravity.x, params.gravity.y, params.gravity.z]
    if env.sim.plane is not None:
        friction = [env.sim.plane.static_friction, 0.01, 0.0005]
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 0.1], friction=friction, condim=4)
    for k, actor in enumerate(env.actors):
        _add_actor(spec, k, actor)
    for k, actor in enumerate(env.actors):
        for j, other in enumerate(env.actors[:k]):
            if actor.mask & other.mask:
                for name in actor.asset.order:
                    for own in other.asset.order:
                        spec.add_exclude(bodyname1=f"{k}/{name}", bodyname2=f"{j}/{own}")
    for k, attractor in enumerate(env.attractors):
        _add_attractor(spec, env, k, attractor)
    env.model = spec.compile()
    env.data = mujoco.MjData(env.model)
    env.ids = [env.model.body(f"{k}/{name}").id for k, actor in enumerate(env.actors) for name in actor.asset.order]
    for k, actor in enumerate(env.actors):
        for name, state in zip(actor.dofs, actor.start, strict=True):
            env.data.joint(f"{k}/{name}").qpos[0] = state["pos"]
    mujoco.mj_forward(env.model, env.data)


def _add_actor(spec, k, actor):
    p, r = actor.pose.p, actor.pose.r
    bodies = {}
    shapes = iter(actor.shapes)
    for name in actor.asset.order:
        joint = actor.asset.joints.get(name)
        if joint is None:
            body = spec.worldbody.add_body(name=f"{k}/{name}", pos=[p.x, p.y, p.z], quat=[r.w, r.x, r.y, r.z])
            if not actor.asset.options.fix_base_link:
                body.add_freejoint()
        else:
            body = bodies[joint.find("parent").get("link")].add_body(name=f"{k}/{name}")
            _add_dof(spec, body, f"{k}/{name}", joint, actor.properties[actor.dofs.index(name)])
        body.gravcomp = float(actor.asset.options.disable_gravity)
        link = actor.asset.links[name]
        mass = link.find("inertial/mass")
        parts = list(link.iter("collision"))
        for part in parts:
            own = float(mass.get("value")) / len(parts) if mass is not None else None
            _add_shape(body, part, next(shapes), actor.asset.options.density, own)
        if not parts and joint is not None:
            body.mass, body.inertia, body.explicitinertial = float(mass.get("value")), [1e-4] * 3, True
        bodies[name] = body


def _add_dof(spec, body, name, joint, properties):
    axis = [float(value) for value in joint.find("axis").get("xyz").split()]
    drives = properties["driveMode"] == DOF_MODE_POS
    body.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=axis,
        range=[float(properties["lower"]), float(properties["upper"])],
        limited=True,
        damping=[0.0 if drives else float(properties["damping"]), 0.0, 0.0],
        frictionloss=float(properties["friction"]),
    )
    if drives:
        servo = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=float(properties["stiffness"]), kv=float(properties["damping"]))
        servo.forcelimited, servo.forcerange = True, [-float(properties["effort"]), float(properties["effort"])]


def _add_shape(body, part, shape, density, mass):
    box, cylinder = part.find("geometry/box"), part.find("geometry/cylinder")
    pos = [float(value) for value in part.find("origin").get("xyz").split()]
    if box is not None:
        kind, size = mujoco.mjtGeom.mjGEOM_BOX, [float(value) / 2 for value in box.get("size").split()]
    else:
        kind, size = mujoco.mjtGeom.mjGEOM_CYLINDER, [float(cylinder.get("radius")), float(cylinder.get("length")) / 2, 0.0]
    weight = {"density": density} if mass is None else {"mass": mass}
    body.add_geom(type=kind, size=size, pos=pos, friction=[shape.friction, 0.01, 0.0005], condim=4, **weight)


def _add_attractor(spec, env, k, attractor):
    spec.worldbody.add_body(name=f"attractor{k}", mocap=True)
    weld = spec.add_equality(type=mujoco.mjtEq.mjEQ_WELD, active=False, name=f"attractor{k}")
    weld.objtype = mujoco.mjtObj.mjOBJ_BODY
    names = [f"{i}/{name}" for i, actor in enumerate(env.actors) for name in actor.asset.order]
    weld.name1, weld.name2 = f"attractor{k}", names[attractor.rigid_handle]
    weld.data[:11] = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    weld.solref[:] = [0.01, 1.0]


def step(env):
    for k, attractor in enumerate(env.attractors):
        p, r = attractor.target.p, attractor.target.r
        env.data.mocap_pos[k], env.data.mocap_quat[k] = [p.x, p.y, p.z], [r.w, r.x, r.y, r.z]
        env.data.eq_active[k] = attractor.axes == AXIS_ALL
    for k, actor in enumerate(env.actors):
        for name, target, row in zip(actor.dofs, actor.targets, actor.properties, strict=True):
            if row["driveMode"] == DOF_MODE_POS:
                env.data.actuator(f"{k}/{name}").ctrl[0] = target
    mujoco.mj_step(env.model, env.data)
    env.buffer = None


def read(env):
    """What reads see until the next step; worked out once, by the first of them."""
    if env.buffer is not None:
        return
    env.buffer = np.zeros(env.bodies, BODY_STATE)
    pose = env.buffer["pose"]
    for axis, name in enumerate("xyz"):
        pose["p"][name] = env.data.xpos[env.ids, axis]
    for axis, name in enumerate("wxyz"):
        pose["r"][name] = env.data.xquat[env.ids, axis]
    env.dof_buffer = []
    for k, actor in enumerate(env.actors):
        states = np.zeros(len(actor.dofs), DOF_STATE)
        for row, name in zip(states, actor.dofs, strict=True):
            row["pos"], row["vel"] = env.data.joint(f"{k}/{name}").qpos[0], env.data.joint(f"{k}/{name}").qvel[0]
        env.dof_buffer.append(states)
    index = np.full(env.model.nbody, -1)
    index[env.ids] = np.arange(env.bodies)
    mujoco.mj_fwdPosition(env.model, env.data)
    near = env.data.contact.geom[env.data.contact.dist < 2 * env.sim.params.physx.contact_offset]
    pairs = index[env.model.geom_bodyid[near]].reshape(-1, 2)
    env.contacts = np.zeros(len(pairs), CONTACT)
    env.contacts["body0"], env.contacts["body1"] = pairs[:, 0], pairs[:, 1]
