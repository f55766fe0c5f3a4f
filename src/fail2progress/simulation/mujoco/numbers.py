"""The numbers of scenes that a compiled model of their structure takes: shapes, masses and places, of several scenes in one pass.

What MuJoCo's compiler derives (masses, inertias, bounding boxes) is derived here in the same way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Disturbances
from fail2progress.simulation.materials import DENSITY
from fail2progress.simulation.mujoco.bodies import shut
from fail2progress.skills.programs import EMPTY_HANDED, Equipment

ORDINARY = Disturbances()


@dataclass(frozen=True)
class Wanted:
    """A scene to be simulated, what the hand is equipped for, and whose physics it is."""

    scene: Scene
    equipment: Equipment = EMPTY_HANDED
    world: Disturbances = ORDINARY


@dataclass(frozen=True)
class Parts:
    """G solid parts: (G,) which are round, (G, 3) half extents, middles in their object, sizes as MuJoCo has them, (G,) reach.

    low, high: (G, 3) corners about the centre of mass of their object. Metres.
    """

    rounded: Mask
    half: Array
    centre: Array
    size: Array
    reach: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Things:
    """N objects: (N,) mass (kg), (N, 3) centre of mass (m) and inertia (kg m^2) about it, (N, 3) place and (N, 4) orientation."""

    mass: Array
    middle: Array
    inertia: Array
    place: Array
    turn: Array


def numbers(wanted: Sequence[Wanted]) -> list[tuple[Parts, Things]]:
    """Of every scene, from one pass over the parts of all."""
    scenes = [one.scene for one in wanted]
    objects = [own for scene in scenes for own in scene.parts]
    parts, owner = list(itertools.chain.from_iterable(objects)), np.repeat(np.arange(len(objects)), list(map(len, objects)))
    half, centre = np.array([(part.half, part.centre) for part in parts]).reshape(-1, 2, 3).transpose(1, 0, 2)
    rounded = np.array([part.cylinder for part in parts], bool)
    half[rounded, 1] = half[rounded, 0]
    size = half.copy()
    size[rounded, 1], size[rounded, 2] = half[rounded, 2], 0.0
    movable = np.array([spec.movable for scene in scenes for spec in scene.objects], bool)
    lengths = list(map(len, scenes))
    weight = np.where(movable, np.repeat([one.world.weight for one in wanted], lengths), 1.0)
    mass, middle, inertia = _masses(half, centre, rounded, DENSITY * weight[owner], owner)
    away, reach = centre - middle[owner], np.sqrt((size * size).sum(axis=1))
    places, turns = (np.concatenate(arrays) for arrays in zip(*map(shut, scenes), strict=True))
    ends = np.cumsum(lengths)
    of_parts = _cut(Parts(rounded, half, centre, size, reach, away - half, away + half), np.searchsorted(owner, ends))
    return list(zip(of_parts, _cut(Things(mass, _raised(wanted, middle, movable), inertia, places, turns), ends), strict=True))


def _masses(half: Array, centre: Array, rounded: Mask, density: Array, owner: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Of every object: mass, centre of mass, inertia. Walls are symmetric: the axes of inertia are the object's."""
    first = np.searchsorted(owner, np.arange(owner[-1] + 1 if len(owner) else 0))
    mass = density * np.where(rounded, 2 * np.pi, 8.0) * half.prod(axis=1)
    share = np.full(half.shape, 1 / 3)
    share[rounded, :2] = 1 / 4
    square = share * half * half
    total = np.add.reduceat(mass, first)
    middle = np.add.reduceat(mass[:, None] * centre, first) / total[:, None]
    away = np.square(centre - middle[owner]) + square
    inertia = mass[:, None] * (away.sum(axis=1, keepdims=True) - away)
    return total, np.asarray(middle), np.add.reduceat(inertia, first)


def _raised(wanted: Sequence[Wanted], middle: Array, movable: Mask) -> Array:
    """The centres of mass where the world has them: as a share of their height above the bottom."""
    scenes = [one.scene for one in wanted]
    share = np.repeat([one.world.centre for one in wanted], list(map(len, scenes)))
    raised = middle.copy()
    heights = middle[:, 2] + np.concatenate([scene.sizes for scene in scenes])[:, 2] / 2
    raised[:, 2] += np.where(movable, (share - 1.0) * heights, 0.0)
    return raised


Columns = TypeVar("Columns", Parts, Things)


def _cut(columns: Columns, ends: NDArray[np.int64]) -> Iterator[Columns]:
    """The rows of each scene."""
    names = [field.name for field in fields(columns)]
    for begin, end in itertools.pairwise((0, *ends.tolist())):
        yield type(columns)(*(getattr(columns, name)[begin:end] for name in names))
