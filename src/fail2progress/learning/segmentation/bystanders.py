"""What stands or reaches about in training scenes and is no object: robots on the support, hands, people, other totes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.limbed import limb
from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, open_box, tube, union
from fail2progress.learning.segmentation.rasters import Triangles
from fail2progress.learning.segmentation.scenery import BACKGROUND, FIRST, SUPPORT, Scenery
from fail2progress.learning.segmentation.things import turn

_ROBOT, _GRIPPER, _HAND, _PERSON, _TOTES = 0.22, 0.15, 0.12, 0.1, 0.5
"""Shares of scenes that have them; totes: of those of totes."""
_ASKEW = 0.2
"""Radians by which a hand may be turned to the thing that it holds, both ways together."""
_LEVEL = 0.01
"""Metres by which tops may differ from the support's height."""
_DEEP = -0.75
"""Metres: height of a floor that is in no mesh."""


def surround(found: Scenery, tote: bool, rng: np.random.Generator) -> None:
    """Add to a scene what is about its things; tote: whether they lie in one."""
    things = [mesh for mesh, label in zip(found.meshes, found.labels, strict=True) if label >= FIRST]
    if tote:
        if rng.random() < _TOTES:
            found.add(BACKGROUND, *_totes(found, rng))
    elif rng.random() < _ROBOT:
        found.add(BACKGROUND, *[_robot(found, rng) for _ in range(int(rng.integers(1, 3)))])
    if things and rng.random() < _GRIPPER:
        found.add(BACKGROUND, _gripper(things[int(rng.integers(len(things)))], rng))
    if things and rng.random() < _HAND:
        found.add(BACKGROUND, _hand(things[int(rng.integers(len(things)))], rng))
    if not tote and rng.random() < _PERSON:
        found.add(BACKGROUND, _person(rng))


def _robot(found: Scenery, rng: np.random.Generator) -> Mesh:
    """A base that stands on the support beside the things, or on a column beside the support; a shoulder, links and a hand over
    or near a thing."""
    things = [mesh for mesh, label in zip(found.meshes, found.labels, strict=True) if label >= FIRST]
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.7)
    foot = np.array([far * np.cos(angle), far * np.sin(angle), 0.0])
    wide, high = rng.uniform(0.04, 0.11), rng.uniform(0.04, 0.2)
    base = (
        box(2 * wide, 2 * wide, high)
        if rng.random() < 0.5
        else lathe(np.array([[0, 0], [wide, 0], [wide * 0.8, high], [0, high]]))
    )
    ground = _ground(found, foot)
    if ground < -_LEVEL:
        base = union(base, box(1.2 * wide, 1.2 * wide, -ground).shifted(0, 0, ground))
    over = things[int(rng.integers(len(things)))].vertices if things else np.zeros((1, 3))
    tip = over.mean(axis=0)
    tip[2] = float(over[:, 2].max()) + rng.uniform(0.02, 0.3)
    tip[:2] += rng.normal(0, 0.05, 2)
    shoulder = foot + _up(high + rng.uniform(0.05, 0.3))
    elbow = (shoulder + tip) / 2 + np.array([*rng.normal(0, 0.06, 2), rng.uniform(0.05, 0.35)])
    joints = np.stack([foot + _up(high * 0.9), shoulder, elbow, tip + _up(0.08)])
    thick = rng.uniform(0.02, 0.055)
    links = [limb(a, b, thick * rng.uniform(0.7, 1.1), rng) for a, b in pairwise(joints)]
    half = np.array([0.0, thick, 0.0])
    knuckles = [limb(at - half, at + half, thick * 1.25, rng) for at in joints[1:3]]
    return union(base.moved(turn(2, angle), tuple(foot)), *links, *knuckles, _fingers(tip, rng.uniform(0.01, 0.05), rng))


def _ground(found: Scenery, foot: Array) -> float:
    """Height (m) of the highest of a scene's tops under a place (3,) m that are no higher than the support."""
    tops = (float(Triangles([mesh]).heights(foot[:1], foot[1:2])[1][0, 0]) for mesh in found.meshes)
    return max((top for top in tops if top <= _LEVEL), default=_DEEP)


def _fingers(tip: Array, half: float, rng: np.random.Generator, across: float | None = None) -> Mesh:
    """A palm with two fingers down to a tip (3,) m, so far (m) on either side of it; across: the way (rad) from one to the other,
    more or less, any unless given."""
    thick, wide, long = rng.uniform(0.008, 0.02), rng.uniform(0.012, 0.03), rng.uniform(0.04, 0.08)
    fingers = [box(thick, wide, long).shifted(side * (half + thick / 2), 0, 0) for side in (-1, 1)]
    palm = box(2 * half + rng.uniform(0.03, 0.07), rng.uniform(0.03, 0.07), rng.uniform(0.03, 0.09)).shifted(0, 0, long)
    way = rng.uniform(0, np.pi)
    return union(*fingers, palm).moved(turn(2, way if across is None else across + _ASKEW * (way / np.pi - 0.5)), tuple(tip))


def _gripper(thing: Mesh, rng: np.random.Generator) -> Mesh:
    """A hand about a thing's narrower side, or a cup of suction on it, with the link that carries it."""
    low, high = thing.vertices.min(axis=0), thing.vertices.max(axis=0)
    middle = (low + high) / 2
    if rng.random() < 0.3:
        tip = np.array([*middle[:2], high[2] + rng.uniform(0.0, 0.02)])
        hand = limb(tip, tip + _up(0.08), rng.uniform(0.01, 0.025), rng)
    else:
        half = float(min(high[0] - low[0], high[1] - low[1], 0.12)) / 2 + rng.uniform(0.002, 0.02)
        tip = np.array([*middle[:2], max(high[2] - rng.uniform(0.01, 0.05), low[2] + 0.005)])
        hand = _fingers(tip, half, rng, 0.0 if high[0] - low[0] < high[1] - low[1] else np.pi / 2)
    wrist = tip + _up(rng.uniform(0.1, 0.16))
    away = np.array([*rng.normal(0, 0.4, 2), rng.uniform(0.3, 0.8)])
    return union(hand, limb(wrist, wrist + away, rng.uniform(0.02, 0.05), rng))


def _hand(thing: Mesh, rng: np.random.Generator) -> Mesh:
    """A person's forearm, palm and fingers that reach for a thing."""
    middle = thing.vertices.mean(axis=0)
    top = float(thing.vertices[:, 2].max())
    angle = rng.uniform(0, 2 * np.pi)
    way = np.array([np.cos(angle), np.sin(angle), 0.0])
    across = np.array([-way[1], way[0], 0.0])
    palm = middle + 0.1 * way + _up(top - middle[2] + rng.uniform(-0.03, 0.06))
    palm[2] = max(palm[2], 0.03)
    wrist = palm + 0.06 * way + _up(0.01)
    elbow = wrist + rng.uniform(0.2, 0.5) * way + _up(rng.uniform(0.0, 0.25))
    arm = tube(np.stack([elbow, wrist]), np.array([rng.uniform(0.035, 0.05), rng.uniform(0.022, 0.03)]), 12)
    flat = box(0.09, 0.075, 0.025).moved(turn(2, angle), tuple(palm - _up(0.012)))
    fingers = []
    for place in np.linspace(-0.03, 0.03, 4):
        root = palm - 0.04 * way + place * across
        bend = root - rng.uniform(0.02, 0.04) * way
        fingers.append(tube(np.stack([root, bend, bend - 0.02 * way - _up(rng.uniform(0.005, 0.04))]), 0.009, 8))
    thumb = palm + 0.045 * across
    fingers.append(tube(np.stack([thumb, thumb - 0.04 * way - _up(rng.uniform(0.0, 0.03))]), 0.011, 8))
    return union(arm, flat, *fingers)


def _person(rng: np.random.Generator) -> Mesh:
    """A trunk with a head beyond the support."""
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 1.6)
    wide = rng.uniform(0.16, 0.25)
    trunk = lathe(np.array([[0, -0.6], [wide * 0.9, -0.6], [wide, 0.3], [0.07, 0.45], [0.06, 0.5], [0, 0.5]]))
    heights = np.linspace(-1, 1, 9)
    head = lathe(np.column_stack([np.sqrt(1 - heights**2) * 0.08, heights * 0.12]), 16).shifted(0, 0, 0.6)
    flat = np.diag([rng.uniform(0.5, 0.8), 1.0, 1.0])
    return union(trunk.moved(flat), head).moved(turn(2, angle), (far * np.cos(angle), far * np.sin(angle), 0.0))


def _totes(found: Scenery, rng: np.random.Generator) -> list[Mesh]:
    """Other totes and rails beside the one that things lie in."""
    own = np.concatenate([mesh.vertices for mesh, label in zip(found.meshes, found.labels, strict=True) if label == SUPPORT])
    low, high = own.min(axis=0), own.max(axis=0)
    size, result = high - low, []
    for way in rng.permutation(4)[: int(rng.integers(1, 4))]:
        axis, side = divmod(int(way), 2)
        other = size * rng.uniform(0.8, 1.2, 3)
        gap = rng.uniform(0.003, 0.08)
        at = (low + high) / 2
        at[axis] += (1 if side else -1) * (gap + (size[axis] + other[axis]) / 2)
        if rng.random() < 0.6:
            body = open_box(other[0], other[1], other[2], rng.uniform(0.004, 0.02))
        else:
            rail = np.array([0.08, 0.08, other[2]]) * rng.uniform(0.5, 1.5)
            rail[1 - axis] = 1.5 * size[1 - axis]
            body = box(*rail)
        result.append(body.shifted(at[0], at[1], low[2] + rng.uniform(-0.05, 0.05)))
    return result


def _up(height: float) -> Array:
    return np.array([0.0, 0.0, height])
