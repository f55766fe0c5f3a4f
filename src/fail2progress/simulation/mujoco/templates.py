"""Compiled scenes that are used again: scenes of one structure differ in numbers of the model, which are written into it.

Compiling a scene and making its data take ten times as long as writing the numbers, which are those of `numbers` and, where they
follow from these, of `mj_setConst`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Disturbances
from fail2progress.simulation.materials import DRAWER_TRAVEL
from fail2progress.simulation.mujoco.bodies import SURFACE, compile_scene, start
from fail2progress.simulation.mujoco.numbers import ORDINARY, Parts, Things, Wanted, numbers
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.skills.programs import EMPTY_HANDED, Equipment

KEPT = 128
"""Compiled scenes kept at hand; the one that was not used for the longest time goes first."""


class Templates:
    """Compiled scenes at hand, by structure. One that is in use is not given to anybody else."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._idle: OrderedDict[Hashable, list[Template]] = OrderedDict()
        """Of each structure as many as were in use at once."""

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    @contextmanager
    def ready(self, scene: Scene, equipment: Equipment = EMPTY_HANDED, world: Disturbances = ORDINARY) -> Iterator[Bodies]:
        """What `compile_scene` gives, to be used until the end of the context; `world`: whose physics is written."""
        with self.ready_all([Wanted(scene, equipment, world)]) as bodies:
            yield bodies[0]

    @contextmanager
    def ready_all(self, wanted: Sequence[Wanted]) -> Iterator[list[Bodies]]:
        """The same of several scenes at once."""
        keys = [(_structure(one.scene, one.equipment), one.world.centre == 1.0) for one in wanted]
        templates = [self._taken(key, one, key[1]) for key, one in zip(keys, wanted, strict=True)]
        for template, one, own in zip(templates, wanted, numbers(wanted), strict=True):
            template.write(one, *own)
        yield [template.bodies for template in templates]
        for key, template in zip(keys, templates, strict=True):
            self._idle.setdefault(key, []).append(template)
            self._idle.move_to_end(key)
        while len(self) > self._kept:
            self._forget()

    def _taken(self, key: Hashable, wanted: Wanted, level: bool) -> Template:
        alike = self._idle.get(key)
        if alike:
            return alike.pop()
        return Template.of(compile_scene(wanted.scene, wanted.equipment, None if level else _uneven), wanted.scene, level)

    def _forget(self) -> None:
        """One of the structure that was not used for the longest time."""
        key, alike = next(iter(self._idle.items()))
        del alike[:1]
        if not alike:
            del self._idle[key]


def _structure(scene: Scene, equipment: Equipment) -> Hashable:
    """What cannot be written into a model: names, joints, numbers of parts, and what the hand is."""
    bar = equipment.bar
    counts = map(len, scene.parts)
    objects = [
        (spec.name, spec.movable, spec.is_drawer, spec.inside_of, parts)
        for spec, parts in zip(scene.objects, counts, strict=True)
    ]
    return (*objects, equipment.holds is not None, None if bar is None else bar.lifts)


@dataclass(frozen=True)
class Template:
    """A compiled scene of N objects with G parts, and where the numbers of a scene go."""

    bodies: Bodies
    first: NDArray[np.int64]
    """(N,) each object's first part."""
    owner: NDArray[np.int64]
    """(G,) each part's object."""
    nodes: NDArray[np.int64]
    """Parts below each node of the trees of bounding boxes, one node after the other."""
    node_first: NDArray[np.int64]
    """(B,) where each node begins in `nodes`."""
    node_rows: NDArray[np.int64]
    """(B,) rows of those nodes in the model."""

    @staticmethod
    def of(bodies: Bodies, scene: Scene, level: bool = True) -> Template:
        """A template from the first scene of its structure; `level`: centres of mass are where the shapes have them."""
        model, count = bodies.model, len(scene)
        owner = bodies.owner[bodies.owner >= 0]
        below = {node: parts for node, parts in _below(model).items() if _in(parts, bodies.owner)}
        nodes = np.concatenate([np.array(parts) - 1 for parts in below.values()])
        node_first = np.cumsum([0, *(len(parts) for parts in below.values())])[:-1]
        model.body_sameframe[1 : 1 + count] = [
            int(mujoco.mjtSameFrame.mjSAMEFRAME_BODYROT if parts > 1 or not level else mujoco.mjtSameFrame.mjSAMEFRAME_BODY)
            for parts in np.bincount(owner, minlength=count)
        ]
        # The trees are those of the first scene: contacts must not hang on them, or rounding would tell histories apart.
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_MIDPHASE)
        return Template(bodies, np.searchsorted(owner, np.arange(count)), owner, nodes, node_first, np.array(list(below)))

    def write(self, wanted: Wanted, parts: Parts, things: Things) -> None:
        """Turn the model into that of another scene, and its data into the state at the start."""
        model, scene, world = self.bodies.model, wanted.scene, wanted.world
        self._shapes(parts)
        self._things(things)
        model.geom_friction[: 1 + len(self.owner)] = world.surface * np.array(SURFACE)
        model.geom_solref[: 1 + len(self.owner), 1] = _damping(world.bounce)
        self._joints(scene)
        self._hand(scene, wanted.equipment)
        mujoco.mj_setConst(model, self.bodies.data)
        model.stat.meaninertia = model.dof_M0.mean() if model.nv else 1.0
        mujoco.mj_resetData(model, self.bodies.data)
        start(self.bodies, scene)

    def _shapes(self, parts: Parts) -> None:
        """With the bounding boxes of the trees' nodes, about the centres of mass."""
        model, own = self.bodies.model, slice(1, 1 + len(self.owner))
        model.geom_type[own] = np.where(parts.rounded, int(mujoco.mjtGeom.mjGEOM_CYLINDER), int(mujoco.mjtGeom.mjGEOM_BOX))
        model.geom_size[own], model.geom_pos[own] = parts.size, parts.centre
        model.geom_rbound[own] = parts.reach
        model.geom_aabb[own, 3:] = parts.half
        low = np.minimum.reduceat(parts.low[self.nodes], self.node_first)
        high = np.maximum.reduceat(parts.high[self.nodes], self.node_first)
        tree = model.bvh_aabb
        tree[self.node_rows, :3], tree[self.node_rows, 3:] = (low + high) / 2, (high - low) / 2

    def _things(self, things: Things) -> None:
        model, own = self.bodies.model, slice(1, 1 + len(self.first))
        model.body_mass[own], model.body_ipos[own] = things.mass, things.middle
        model.body_iquat[own] = [1.0, 0.0, 0.0, 0.0]
        model.body_inertia[own] = things.inertia
        model.body_pos[own], model.body_quat[own] = things.place, things.turn

    def _joints(self, scene: Scene) -> None:
        """Where joints are at first, and how far drawers go."""
        model = self.bodies.model
        for row, spec in enumerate(scene.objects):
            joint = int(model.body_jntadr[1 + row])
            if spec.movable:
                at = int(model.jnt_qposadr[joint])
                model.qpos0[at : at + 3], model.qpos0[at + 3 : at + 7] = model.body_pos[1 + row], model.body_quat[1 + row]
            elif spec.is_drawer:
                model.jnt_range[joint, 1] = DRAWER_TRAVEL * spec.size[0]
        model.qpos_spring[:] = model.qpos0

    def _hand(self, scene: Scene, equipment: Equipment) -> None:
        """What the hand holds, which then never sleeps, or where it begins to push."""
        model, count = self.bodies.model, len(scene)
        if equipment.holds is not None:
            held = 1 + scene.index(equipment.holds)
            free = 1 + np.flatnonzero([spec.movable for spec in scene.objects])
            model.tree_sleep_policy[model.body_treeid[free]] = int(mujoco.mjtSleepPolicy.mjSLEEP_AUTO_ALLOWED)
            model.tree_sleep_policy[model.body_treeid[held]] = int(mujoco.mjtSleepPolicy.mjSLEEP_NEVER)
            model.eq_obj2id[0] = held
        if equipment.bar is not None:
            bar, body = equipment.bar, 1 + count
            model.body_pos[body] = bar.start
            model.body_quat[body] = [np.cos(bar.heading / 2), 0.0, 0.0, np.sin(bar.heading / 2)]
            model.geom_friction[model.body_geomadr[body]] = bar.friction * np.array([1.0, 0.01, 0.0002])


def _uneven(spec: mujoco.MjSpec) -> None:
    """Leave room in the mass matrix for centres of mass that are elsewhere."""
    for body in spec.bodies[1:]:
        body.simple = 0


def _damping(bounce: float) -> float:
    """The damping ratio at which an oscillator keeps that share of its speed over half a swing."""
    lost = -np.log(max(bounce, 1e-12))
    return float(lost / np.hypot(np.pi, lost)) if bounce else 1.0


def _below(model: mujoco.MjModel) -> dict[int, list[int]]:
    """The geoms below each node of every body's tree, by the row of the node."""
    result: dict[int, list[int]] = {}
    for body in range(model.nbody):
        begin, number = int(model.body_bvhadr[body]), int(model.body_bvhnum[body])
        for node in reversed(range(begin, begin + number)):  # children come after their parents
            geom = int(model.bvh_nodeid[node])
            children = [begin + int(child) for child in model.bvh_child[node] if child >= 0]
            result[node] = [geom] if geom >= 0 else [part for child in children for part in result[child]]
    return result


def _in(parts: list[int], owner: NDArray[np.int64]) -> bool:
    return bool((owner[parts] >= 0).all())
