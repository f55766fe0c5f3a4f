"""The pre-training distribution, stated as code.

In it: one or two tables, cups, open boxes, capsules and cuboids of many sizes, some inside containers or stacked, sometimes a
shelf or a drawer; single objects picked and placed into containers, on tables, beside and on top of others, near misses on rims
and edges included, as a planner samples them; containers carried empty; single objects pushed; drawers moved.
Not in it: a container carried or pushed with something in it, a push that moves two objects. That is the gap that the robot
meets later (DESIGN 5, "what makes the pre-training distribution fall short").
"""

from __future__ import annotations

import contextlib

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.hand import push_start
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import STRETCH_RE2, infeasible
from fail2progress.tasks.layout import DoesNotFitError, Layout, random_camera_pose, two_tables

PUSH_SHARE = 0.12
DRAWER_SCENES = 0.10
SHELF_SCENES = 0.06


def job(seed: int, index: int) -> Job:
    """The execution with a given number; the same numbers give the same job, whatever was drawn before."""
    for attempt in range(100):
        rng = np.random.default_rng([seed, index, attempt])
        try:
            scene = random_scene(rng)
        except DoesNotFitError:
            continue
        call = random_call(rng, scene)
        if call is not None and infeasible(scene, call) is None:
            eye, target = random_camera_pose(rng)
            return Job(scene, call, Camera(eye=eye, target=target), seed=int(rng.integers(2**31)))
    raise DoesNotFitError(f"no execution found for seed {seed}, number {index}")


def random_scene(rng: np.random.Generator) -> Scene:
    """A scene at rest, nothing overlapping."""
    layout = two_tables(rng)
    tables = ["table_a", "table_b"]
    extra = rng.random()
    if extra < DRAWER_SCENES:
        _add_drawer(layout, rng)
    elif extra < DRAWER_SCENES + SHELF_SCENES:
        size = (rng.uniform(0.2, 0.28), rng.uniform(0.24, 0.34), rng.uniform(0.22, 0.32))
        layout.stand(ObjectSpec("shelf", "shelf", size), str(rng.choice(tables)), margin=0.0)
    containers = [_container(rng, f"container_{i}") for i in range(rng.integers(1, 4))]
    for spec in containers:
        layout.stand(spec, str(rng.choice(tables)), yaw=_yaw(rng, 0.4))
    for i in range(rng.integers(1, 6)):
        _add_small(layout, rng, _small(rng, f"small_{i}"), [spec.name for spec in containers], tables)
    return layout.scene()


def _container(rng: np.random.Generator, name: str) -> ObjectSpec:
    if rng.random() < 0.7:
        width = rng.uniform(0.075, 0.11)
        return ObjectSpec(name, "cup", (width, width * rng.uniform(0.9, 1.1), rng.uniform(0.055, 0.095)))
    return ObjectSpec(name, "open_box", (rng.uniform(0.10, 0.155), rng.uniform(0.10, 0.2), rng.uniform(0.045, 0.10)))


def _small(rng: np.random.Generator, name: str) -> ObjectSpec:
    if rng.random() < 0.55:
        width = rng.uniform(0.025, 0.042)
        return ObjectSpec(name, "capsule", (width, width, rng.uniform(0.024, 0.042)))
    if rng.random() < 0.75:
        return ObjectSpec(name, "cuboid", tuple(rng.uniform(0.02, 0.055, 3)))
    return ObjectSpec(name, "cuboid", tuple(rng.uniform(0.05, 0.11, 3)))


def _add_small(layout: Layout, rng: np.random.Generator, spec: ObjectSpec, containers: list[str], tables: list[str]) -> None:
    where = rng.random()
    if where < 0.35:
        with contextlib.suppress(DoesNotFitError):  # then it stands on a table
            return layout.drop_in(spec, str(rng.choice(containers)))
    elif where < 0.45:
        bases = [o.name for o in layout.objects if o.category == "cuboid" and min(o.size[:2]) > max(spec.size[:2]) * 0.8]
        bases = [name for name in bases if not _occupied(layout.scene(), name)]
        if bases:
            return layout.stack(spec, str(rng.choice(bases)))
    layout.stand(spec, str(rng.choice(tables)), yaw=_yaw(rng, 0.6))


def _add_drawer(layout: Layout, rng: np.random.Generator) -> None:
    """A cabinet with one drawer, pulled out by a random part of its way."""
    size = np.array([rng.uniform(0.22, 0.28), rng.uniform(0.18, 0.26), rng.uniform(0.10, 0.14)])
    layout.stand(ObjectSpec("cabinet", "cabinet", tuple(size)), str(rng.choice(["table_a", "table_b"])), margin=0.0)
    inner = size - [0.016, 0.032, 0.034]
    opening = rng.uniform(0.0, 0.6 * inner[0]) if rng.random() < 0.6 else 0.0
    at = layout.poses[-1].copy()
    at[0] -= opening + 0.006
    layout.add(ObjectSpec("drawer", "drawer", tuple(inner), inside_of="cabinet"), at)
    layout.openings["drawer"] = opening


def _yaw(rng: np.random.Generator, share: float) -> float:
    return float(rng.uniform(-np.pi, np.pi)) if rng.random() < share else 0.0


def random_call(rng: np.random.Generator, scene: Scene) -> SkillCall | None:
    """A skill call of the distribution, or None where the draw gave one that is not in it."""
    if "drawer" in scene.names and rng.random() < 0.5:
        skill = "open_drawer" if rng.random() < 0.5 else "close_drawer"
        outward = np.pi if skill == "open_drawer" else 0.0
        direction = (outward + rng.normal(0.0, 0.25) + np.pi) % (2 * np.pi) - np.pi
        return SkillCall(skill, "drawer", (direction, rng.uniform(0.02, 0.18)))
    free = [name for name in scene.names if scene.objects[scene.index(name)].movable and not _occupied(scene, name)]
    if not free:
        return None
    small = [name for name in free if name.startswith("small")]
    name = str(rng.choice(small if small and rng.random() < 0.6 else free))
    if rng.random() < PUSH_SHARE:
        return _random_push(rng, scene, name)
    return _random_placement(rng, scene, name)


def _occupied(scene: Scene, name: str) -> bool:
    """Whether something movable is in or on an object."""
    bounds = scene.bounds()
    index = scene.index(name)
    centres = bounds.mean(axis=1)
    over = ((centres[:, :2] > bounds[index, 0, :2]) & (centres[:, :2] < bounds[index, 1, :2])).all(axis=1)
    higher = bounds[:, 0, 2] > bounds[index, 0, 2] + 0.002
    loads = over & higher & np.array([spec.movable for spec in scene.objects])
    loads[index] = False
    return bool(loads.any())


def _random_push(rng: np.random.Generator, scene: Scene, name: str) -> SkillCall | None:
    """A push along which nothing else stands: within the corridor of the gripper and the object."""
    call = SkillCall("push", name, (rng.uniform(-np.pi, np.pi), rng.uniform(0.03, 0.25)))
    start, yaw = push_start(scene, call)
    bounds = scene.bounds()
    low, high = bounds[:, 0], bounds[:, 1]
    corners = np.stack([np.where(mask, high[:, :2], low[:, :2]) for mask in ((0, 0), (0, 1), (1, 0), (1, 1))], axis=1)
    forward, side = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    along, across = (corners - start[:2]) @ forward, (corners - start[:2]) @ side
    index = scene.index(name)
    width = max(0.07, np.abs(across[index]).max()) + 0.02
    length = along[index].max() + call.parameters[1] + 0.04
    touches = (along.max(1) > -0.05) & (along.min(1) < length) & (across.max(1) > -width) & (across.min(1) < width)
    same_level = (low[:, 2] < high[index, 2] + 0.01) & (high[:, 2] > low[index, 2] + 0.003)
    hit = touches & same_level
    hit[index] = False
    return None if hit.any() or _inside_any(scene, index) else call


def _inside_any(scene: Scene, index: int) -> bool:
    bounds = scene.bounds()
    inside = (bounds[index, 0] >= bounds[:, 0]).all(axis=1) & (bounds[index, 1] <= bounds[:, 1]).all(axis=1)
    inside[index] = False
    return bool(inside.any())


def _random_placement(rng: np.random.Generator, scene: Scene, name: str) -> SkillCall:
    index = scene.index(name)
    x, y, target = _place(rng, scene, index)
    height = release_height(scene, index, np.array([x, y])) + rng.uniform(0.005, 0.025)
    start = scene.poses[index, :3]
    dz = height + scene.sizes[index, 2] / 2 - start[2]
    turn = float(rng.uniform(-np.pi, np.pi)) if rng.random() < 0.2 else 0.0
    return SkillCall("pick_place", name, (x - start[0], y - start[1], float(np.clip(dz, -1.0, 1.0)), turn), target)


def _place(rng: np.random.Generator, scene: Scene, index: int) -> tuple[float, float, str | None]:
    """Where a planner might try to put an object: in a container, on a table, beside or on top of something."""
    bounds = scene.bounds()
    others = [i for i, spec in enumerate(scene.objects) if i != index and spec.movable]
    containers = [i for i in others if scene.objects[i].kind.container and scene.sizes[i, 0] > scene.sizes[index, 0] * 1.2]
    kind = rng.random()
    if kind < 0.45 and containers and not scene.objects[index].kind.container:
        aim = int(rng.choice(containers))
        reach = scene.sizes[aim, :2] / 2 + 0.02 if rng.random() < 0.6 else np.full(2, 0.015)
        return (*rng.uniform(scene.poses[aim, :2] - reach, scene.poses[aim, :2] + reach), scene.names[aim])
    if kind < 0.62 and others:
        aim = int(rng.choice(others))
        return (*(scene.poses[aim, :2] + rng.uniform(-0.15, 0.15, 2)), scene.names[aim])
    tables = [i for i, spec in enumerate(scene.objects) if spec.category == "table"]
    aim = int(rng.choice(tables))
    margin = rng.uniform(-0.01, 0.08)
    return (*rng.uniform(bounds[aim, 0, :2] + margin, bounds[aim, 1, :2] - margin), scene.names[aim])


def release_height(scene: Scene, index: int, place: Array) -> float:
    """Top (m) of the highest thing under an object's footprint at a place (x, y); tables' lowest top where there is none."""
    bounds = scene.bounds()
    half = (bounds[index, 1, :2] - bounds[index, 0, :2]) / 2
    under = np.asarray(((bounds[:, 0, :2] < place + half) & (bounds[:, 1, :2] > place - half)).all(axis=1))
    under[index] = False
    tops = bounds[under, 1, 2]
    tables = bounds[[spec.category == "table" for spec in scene.objects], 1, 2]
    return float(tops.max() if len(tops) else tables.min(initial=STRETCH_RE2.low[2]))
