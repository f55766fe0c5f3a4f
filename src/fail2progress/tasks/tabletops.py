"""Cluttered tables that nothing was tuned on: things apart, touching, stacked and nested, seen from anywhere around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Array, Scene, bounding_boxes, pose, turn_in_plane, yaw_of
from fail2progress.tasks.layout import DoesNotFitError, Layout

ARRANGEMENTS = ("apart", "touching", "stacked", "nested")


@dataclass(frozen=True)
class Tabletop:
    """A scene, and how each movable object was put there."""

    scene: Scene
    arrangement: dict[str, str]


def tabletop(rng: np.random.Generator, objects: int = 7) -> Tabletop:
    """A table with up to so many objects; the same generator state gives the same table."""
    layout = Layout(rng)
    size = (rng.uniform(0.6, 0.9), rng.uniform(0.7, 1.2), 0.04)
    layout.add(ObjectSpec("table", "table", size), pose(0.7, 0.0, rng.uniform(0.4, 0.7)))
    arrangement: dict[str, str] = {}
    for _ in range(20 * objects):
        if len(arrangement) == objects:
            break
        how = str(rng.choice(ARRANGEMENTS, p=[0.4, 0.2, 0.2, 0.2])) if arrangement else "apart"
        name = f"object_{len(arrangement) + 1}"
        try:
            _put(layout, arrangement, name, how, rng)
        except DoesNotFitError:
            continue
        arrangement[name] = how
    return Tabletop(layout.scene(), arrangement)


def _put(layout: Layout, placed: dict[str, str], name: str, how: str, rng: np.random.Generator) -> None:
    if how == "apart":
        return layout.stand(_thing(name, rng), "table", rng.uniform(-np.pi, np.pi), margin=0.03)
    # What stands on the table alone may be touched, loaded or filled, once.
    bases = [spec for spec in layout.objects if placed.get(spec.name) == "apart"]
    if how == "nested":
        bowls = [spec for spec in bases if spec.kind.container]
        return _nest(layout, name, bowls, rng)
    solids = [spec for spec in bases if not spec.kind.container]
    if not solids:
        raise DoesNotFitError(f"nothing for {name} to be put against")
    base = solids[int(rng.integers(len(solids)))]
    return _stack(layout, name, base, rng) if how == "stacked" else _touch(layout, name, base, rng)


def _thing(name: str, rng: np.random.Generator) -> ObjectSpec:
    """A thing of the sizes that a gripper can hold, and some larger."""
    kind = str(rng.choice(["cuboid", "capsule", "cup", "open_box"], p=[0.4, 0.25, 0.2, 0.15]))
    if kind == "cuboid":
        return ObjectSpec(name, kind, (rng.uniform(0.04, 0.12), rng.uniform(0.04, 0.16), rng.uniform(0.03, 0.20)))
    if kind == "capsule":
        width = rng.uniform(0.04, 0.10)
        return ObjectSpec(name, kind, (width, width, rng.uniform(0.03, 0.18)))
    low, high = (0.08, 0.11) if kind == "cup" else (0.12, 0.20)
    width = rng.uniform(low, high)
    return ObjectSpec(name, kind, (width, width * rng.uniform(1.0, 1.2), rng.uniform(0.06, 0.11)))


def _nest(layout: Layout, name: str, bowls: list[ObjectSpec], rng: np.random.Generator) -> None:
    if not bowls:
        raise DoesNotFitError(f"no container for {name}")
    bowl = bowls[int(rng.integers(len(bowls)))]
    width = rng.uniform(0.3, 0.55) * bowl.size[0]
    kind = str(rng.choice(["cuboid", "capsule"]))
    layout.drop_in(ObjectSpec(name, kind, (width, width, rng.uniform(0.5, 1.3) * bowl.size[2])), bowl.name)


def _stack(layout: Layout, name: str, base: ObjectSpec, rng: np.random.Generator) -> None:
    index = layout.scene().index(base.name)
    if _covered(layout, index):
        raise DoesNotFitError(f"something is on {base.name}")
    kind = str(rng.choice(["cuboid", "capsule"]))
    width = rng.uniform(0.45, 1.0) * min(base.size[:2])
    layout.stack(ObjectSpec(name, kind, (width, width, rng.uniform(0.03, 0.12))), base.name)


def _covered(layout: Layout, index: int) -> bool:
    boxes = layout.bounds()
    own = boxes[index]
    over = (boxes[:, 0, :2] < own[1, :2]).all(axis=1) & (boxes[:, 1, :2] > own[0, :2]).all(axis=1)
    return bool((over & (boxes[:, 0, 2] > own[1, 2] - 1e-3)).any())


def _touch(layout: Layout, name: str, base: ObjectSpec, rng: np.random.Generator) -> None:
    """Side by side, a millimetre apart."""
    spec = _thing(name, rng)
    index = layout.scene().index(base.name)
    at = layout.poses[index]
    yaw = yaw_of(at)
    axis = int(rng.integers(2))
    offset = np.zeros(2)
    offset[axis] = ((base.size[axis] + spec.size[axis]) / 2 + 0.001) * rng.choice([-1, 1])
    offset[1 - axis] = rng.uniform(-0.3, 0.3) * base.size[1 - axis]
    x, y = at[:2] + turn_in_plane(yaw) @ offset
    put = pose(x, y, layout.bounds()[0, 1, 2] + spec.size[2] / 2, yaw)
    _check_free(layout, spec, put, index)
    layout.add(spec, put)


def _check_free(layout: Layout, spec: ObjectSpec, at: Array, but: int) -> None:
    """DoesNotFitError unless a box stands on the table, clear of all but one other."""
    boxes, own = layout.bounds(), bounding_boxes(at[None], np.array([spec.size]))[0]
    meets = (own[0] < boxes[:, 1]).all(axis=1) & (own[1] > boxes[:, 0]).all(axis=1)
    meets[but] = False
    if meets.any() or (own[0, :2] < boxes[0, 0, :2]).any() or (own[1, :2] > boxes[0, 1, :2]).any():
        raise DoesNotFitError(f"no room for {spec.name} there")


def viewpoint(rng: np.random.Generator, scene: Scene) -> Camera:
    """A camera with the lens of a RealSense, looking at the table from its near side as a person would hold it."""
    low, high = scene.bounds()[0]
    target = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, high[2]]) + rng.uniform(-0.08, 0.08, 3) * (1, 1, 0.5)
    distance, elevation, azimuth = rng.uniform(0.7, 1.2), np.radians(rng.uniform(30, 65)), np.radians(rng.uniform(-50, 50))
    away = np.array([-np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    eye = target + distance * away
    return Camera((eye[0], eye[1], eye[2]), (target[0], target[1], target[2]), focal=612.0)
