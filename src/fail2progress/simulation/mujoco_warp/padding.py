"""The model that worlds of one structure share, and the numbers in which they differ.

A box or cylinder too many is tiny and lies inside a solid part of its body, where nothing can touch it; an object too many
floats far away. MuJoCo compiles the shared model; what its compiler derives from shapes (masses, inertias, bounding boxes,
inverse weights) is derived here in the same way, for all worlds at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np
from numpy.typing import NDArray

from fail2progress.core.objects import Box
from fail2progress.core.scene import Array, Scene, rotations
from fail2progress.simulation.materials import DENSITY, DRAWER_DAMPING, DRAWER_FRICTION, DRAWER_TRAVEL
from fail2progress.simulation.mujoco.bodies import SURFACE, TIMESTEP, shut
from fail2progress.simulation.mujoco_warp.structure import Structure, places
from fail2progress.skills.programs import CLOSED_GRIPPER, Bar

TINY = 5e-4
"""Half size (m) of a padding part: less than half of the thinnest wall."""
_STAND_IN = 0.02
"""Half size (m) of an object too many."""
_AWAY = 50.0
"""Metres from the scene at which objects too many float."""
_FINGERS = 0.5
"""Friction of a hand that is not used."""

Numbers = dict[str, Array]


@dataclass(frozen=True)
class Content:
    """What one world holds: a scene, the hand as a solid if a skill needs it, and shares of the ordinary weight and friction."""

    scene: Scene
    bar: Bar | None = None
    weight: float = 1.0
    surface: float = 1.0


EMPTY = Content(Scene((), np.empty((0, 7))))


@dataclass(frozen=True)
class Padded:
    """A structure with the model that its worlds share."""

    structure: Structure
    model: mujoco.MjModel

    @staticmethod
    def of(structure: Structure) -> Padded:
        """Compile the model of a structure."""
        return Padded(structure, _compile(structure))

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """(P,) the first part of each place."""
        return np.asarray(self.model.body_geomadr[1 : 1 + self.structure.places], np.int64)

    @cached_property
    def place_of(self) -> NDArray[np.int64]:
        """(G,) the place that each part belongs to; -1 for the floor and the hand."""
        body = np.asarray(self.model.geom_bodyid, np.int64)
        return np.where((body > 0) & (body <= self.structure.places), body - 1, -1)

    @cached_property
    def rounded(self) -> NDArray[np.bool_]:
        """(G,) which parts are cylinders."""
        return np.asarray(self.model.geom_type == int(mujoco.mjtGeom.mjGEOM_CYLINDER))

    @property
    def drawer_bodies(self) -> range:
        """The bodies of the drawers."""
        return range(1 + self.structure.places - len(self.structure.drawers), 1 + self.structure.places)

    def numbers(self, contents: Sequence[Content]) -> Numbers:
        """Of W worlds: fields of the model in which they differ, (W, ...) each, and where what is fixed lies."""
        half, centre, solid = self._shapes(contents)
        result = self._bodies(contents)
        cylinder, size = self.rounded, half.copy()
        size[:, cylinder, 1], size[:, cylinder, 2] = half[:, cylinder, 2], 0.0
        result |= {"geom_size": size, "geom_pos": centre, "geom_rbound": np.sqrt((size * size).sum(-1))}
        result["geom_rbound"][:, 0] = 0.0  # the floor has no end
        result["geom_aabb"] = np.stack([np.zeros_like(half), half], axis=2)
        density = np.ones((len(contents), self.model.ngeom)) * DENSITY
        density[:, self._movable_parts] *= np.array([one.weight for one in contents])[:, None]
        self._weigh(result, density * solid, half, centre, cylinder)
        result["geom_friction"] = np.multiply.outer([one.surface for one in contents], np.tile(SURFACE, (self.model.ngeom, 1)))
        fingers = np.array([one.bar.friction if one.bar is not None else _FINGERS for one in contents])
        result["geom_friction"][:, self.model.ngeom - 1] = fingers[:, None] * [1.0, 0.01, 0.0002]
        result["qpos"] = result["qpos0"].copy()
        rails = 7 * len(self.structure.movable)
        result["qpos"][:, rails : rails + len(self.structure.drawers)] = result["opening"]
        return result | _placed(result, np.asarray(self.model.geom_bodyid, np.int64))

    @cached_property
    def _movable_parts(self) -> NDArray[np.bool_]:
        first = len(self.structure.fixed)
        return (self.place_of >= first) & (self.place_of < first + len(self.structure.movable))

    def _shapes(self, contents: Sequence[Content]) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Half sizes and centres (W, G, 3) of all parts, and (W, G) which of them are solid."""
        worlds, parts = len(contents), self.model.ngeom
        half, centre = np.full((worlds, parts, 3), TINY), np.zeros((worlds, parts, 3))
        solid, filled = np.zeros((worlds, parts), bool), np.zeros((worlds, self.structure.places), bool)
        half[:, 0], half[:, parts - 1] = self.model.geom_size[0], CLOSED_GRIPPER
        rows: list[tuple[int, int, Box]] = []
        for world, content in enumerate(contents):
            for spec, place in zip(content.scene.objects, places(content.scene, self.structure), strict=True):
                filled[world, place] = True
                counts = [int(self.first[place]), int(self.first[place]) + self.structure.rooms[place][0]]
                for part in spec.primitives():
                    rows.append((world, counts[part.cylinder], part))
                    counts[part.cylinder] += 1
        at = np.array([row[:2] for row in rows], int).reshape(-1, 2).T
        half[at[0], at[1]] = np.array([part.half for *_, part in rows]).reshape(-1, 3)
        centre[at[0], at[1]] = np.array([part.centre for *_, part in rows]).reshape(-1, 3)
        solid[at[0], at[1]] = True
        empty, vacant = np.nonzero(~filled)
        half[empty, self.first[vacant]], solid[empty, self.first[vacant]] = _STAND_IN, True
        self._hide(centre, solid)
        return half, centre, solid

    def _hide(self, centre: Array, solid: NDArray[np.bool_]) -> None:
        """Put the padding of each place into its first solid part."""
        order = np.where(solid, np.arange(self.model.ngeom), self.model.ngeom)
        inside = np.minimum.reduceat(order, self.first, axis=1)[:, : self.structure.places]
        world, part = np.nonzero(~solid & (self.place_of >= 0))
        centre[world, part] = centre[world, inside[world, self.place_of[part]]]

    def _bodies(self, contents: Sequence[Content]) -> Numbers:
        """Where bodies are at first, what floats, and how far drawers go."""
        worlds, model = len(contents), self.model
        result = {name: np.tile(getattr(model, name), (worlds, 1, 1)) for name in ("body_pos", "body_quat", "jnt_range")}
        result |= {name: np.tile(getattr(model, name), (worlds, 1)) for name in ("body_gravcomp", "qpos0")}
        result["opening"] = np.zeros((worlds, len(self.structure.drawers)))
        for world, content in enumerate(contents):
            scene, own = content.scene, places(content.scene, self.structure)
            bodies = np.array(own, int) + 1
            result["body_pos"][world, bodies], result["body_quat"][world, bodies] = shut(scene)
            result["body_gravcomp"][world, bodies] = 0.0
            for spec, body in zip(scene.objects, bodies.tolist(), strict=True):
                if spec.is_drawer:
                    result["jnt_range"][world, model.body_jntadr[body], 1] = DRAWER_TRAVEL * spec.size[0]
                    result["opening"][world, body - self.drawer_bodies.start] = scene.openings.get(spec.name, 0.0)
            if content.bar is not None:
                yaw = content.bar.heading
                result["body_pos"][world, -2] = content.bar.start
                result["body_quat"][world, -2] = [np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
        first, count = 1 + len(self.structure.fixed), len(self.structure.movable)
        poses = np.concatenate([result["body_pos"], result["body_quat"]], axis=2)[:, first : first + count]
        result["qpos0"][:, : 7 * count] = poses.reshape(worlds, 7 * count)
        return result

    def _weigh(self, result: Numbers, density: Array, half: Array, centre: Array, cylinder: NDArray[np.bool_]) -> None:
        """Masses, centres of mass, inertias and their inverses, as seen from each joint."""
        model, own = self.model, slice(1, 1 + self.structure.places)
        worlds = len(half)
        mass = density * np.where(cylinder, 2 * np.pi, 8.0) * half.prod(axis=2)
        share = np.full((model.ngeom, 3), 1 / 3)
        share[cylinder, :2] = 1 / 4
        place = np.maximum(self.place_of, 0)

        def summed(values: Array) -> Array:
            return np.asarray(np.add.reduceat(values, np.append(self.first, model.ngeom - 1), axis=1)[:, :-1])

        total = summed(mass)
        middle = summed(mass[..., None] * centre) / total[..., None]
        away = np.square(centre - middle[:, place]) + share * half * half
        inertia = summed(mass[..., None] * (away.sum(axis=2, keepdims=True) - away))
        for name in ("body_mass", "body_ipos", "body_iquat", "body_inertia", "body_invweight0", "dof_invweight0"):
            result[name] = np.tile(getattr(model, name), (worlds, *[1] * getattr(model, name).ndim))
        result["body_mass"][:, own], result["body_ipos"][:, own], result["body_inertia"][:, own] = total, middle, inertia
        result["body_iquat"][:, own] = [1.0, 0.0, 0.0, 0.0]
        result["body_subtreemass"] = result["body_mass"].copy()
        result["body_subtreemass"][:, 0] = result["body_mass"].sum(axis=1)
        lever = (np.square(middle).sum(axis=2, keepdims=True) - np.square(middle)) / inertia
        self._invert(result, 1.0 / total, (1.0 / inertia).mean(axis=2), lever.sum(axis=2) / 3)

    def _invert(self, result: Numbers, light: Array, nimble: Array, lever: Array) -> None:
        """Inverse weights: of what moves freely in all directions, of drawers along their rails only.

        Those of a free joint are felt at the origin of the object: `lever` is what a centre of mass elsewhere adds.
        """
        first, count = len(self.structure.fixed), len(self.structure.movable)
        result["body_invweight0"][:, 1 : 1 + first] = 0.0
        free = slice(first, first + count)
        result["body_invweight0"][:, 1 + first : 1 + first + count] = np.stack([light[:, free], nimble[:, free]], axis=2)
        each = np.stack([(light + lever)[:, free], nimble[:, free]], axis=2)
        result["dof_invweight0"][:, : 6 * count] = np.repeat(each, 3, axis=2).reshape(len(light), 6 * count)
        drawers = light[:, first + count :]
        rails = slice(1 + first + count, 1 + self.structure.places)
        result["body_invweight0"][:, rails] = np.stack([drawers / 3, np.zeros_like(drawers)], axis=2)
        result["dof_invweight0"][:, 6 * count : 6 * count + drawers.shape[1]] = drawers


def _placed(numbers: Numbers, body_of: NDArray[np.int64]) -> Numbers:
    """Where all bodies and parts are at first: MuJoCo Warp derives that of fixed things once, when the data are made."""
    worlds, bodies = numbers["body_pos"].shape[:2]
    turns = rotations(numbers["body_quat"].reshape(-1, 4)).reshape(worlds, bodies, 3, 3)
    return {
        "xpos": numbers["body_pos"],
        "xquat": numbers["body_quat"],
        "xmat": turns,
        "xipos": numbers["body_pos"] + (turns @ numbers["body_ipos"][..., None])[..., 0],
        "ximat": turns,
        "geom_xpos": numbers["body_pos"][:, body_of] + (turns[:, body_of] @ numbers["geom_pos"][..., None])[..., 0],
        "geom_xmat": turns[:, body_of],
    }


def _compile(structure: Structure) -> mujoco.MjModel:
    """The shared model, everything in it padding. Its movable things have a centre of mass beside their origin and turned axes
    of inertia, so that the mass matrix has room for any scene's."""
    spec = mujoco.MjSpec()
    spec.option.timestep, spec.option.iterations, spec.option.tolerance = TIMESTEP, 20, 1e-6
    # Boxes then meet as they do in MuJoCo, by their faces and edges, and in a third of the time of general convex shapes.
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_NATIVECCD)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.1], friction=SURFACE, condim=4)
    kinds = {"fixed": structure.fixed, "movable": structure.movable, "drawer": structure.drawers}
    for spot, (kind, k) in enumerate((kind, k) for kind, rooms in kinds.items() for k in range(len(rooms))):
        body = spec.worldbody.add_body(name=f"{kind}_{k}", pos=[_AWAY + 2.0 * spot, 0.0, 5.0], gravcomp=1.0)
        _add_parts(body, kinds[kind][k])
        if kind == "movable":
            body.add_freejoint()
            body.mass, body.ipos, body.inertia, body.explicitinertial = 1.0, [0.01, 0.02, 0.03], [0.01, 0.02, 0.025], True
            body.iquat = [0.8, 0.6, 0.0, 0.0]
        if kind == "drawer":
            _add_rails(body)
            if structure.cabinets[k] >= 0:
                spec.add_exclude(bodyname1=body.name, bodyname2=f"fixed_{structure.cabinets[k]}")
    _add_bar(spec)
    _add_hand(spec, len(structure.movable))
    return spec.compile()


def _add_parts(body: mujoco.MjsBody, room: tuple[int, int]) -> None:
    for kind, count in zip((mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER), room, strict=True):
        for _ in range(count):
            body.add_geom(type=kind, size=[TINY] * 3, density=DENSITY, friction=SURFACE, condim=4)


def _add_rails(body: mujoco.MjsBody) -> None:
    body.add_joint(
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[-1, 0, 0],
        damping=[DRAWER_DAMPING, 0.0, 0.0],
        frictionloss=DRAWER_FRICTION,
        range=[0.0, 0.1],
        limited=True,
    )


def _add_bar(spec: mujoco.MjSpec) -> None:
    """The closed hand on two servos, forward and up; far away where the skill does not need it."""
    body = spec.worldbody.add_body(name="bar", pos=[_AWAY, 10.0, 5.0], gravcomp=1.0)
    for name, axis in (("forward", [1, 0, 0]), ("up", [0, 0, 1])):
        body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis, damping=[30.0, 0.0, 0.0])
        servo = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=3000.0, kv=80.0)
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=CLOSED_GRIPPER, mass=1.0, condim=4)


def _add_hand(spec: mujoco.MjSpec, movable: int) -> None:
    """The open hand, with a weld to every movable thing, all off at first."""
    spec.worldbody.add_body(name="hand", mocap=True)
    for k in range(movable):
        weld = spec.add_equality(type=mujoco.mjtEq.mjEQ_WELD, active=False, name=f"grasp_{k}")
        weld.objtype = mujoco.mjtObj.mjOBJ_BODY
        weld.name1, weld.name2 = "hand", f"movable_{k}"
        weld.data[:11] = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
        weld.solref[:] = [0.01, 1.0]
