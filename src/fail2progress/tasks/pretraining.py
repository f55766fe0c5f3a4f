"""The pre-training distribution, stated as code.

In it: one or two tables, cups, open boxes, capsules and cuboids of many sizes, some inside containers or stacked, sometimes a
shelf or a drawer; single objects picked and placed into containers, on tables, beside and on top of others, near misses on rims
and edges included, as a planner samples them; containers carried empty; single objects pushed; drawers moved.
Not in it: a container carried or pushed with something in it, a push that moves two objects. That is the gap that the robot
meets later (docs/decisions/0014).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import infeasible
from fail2progress.skills.registry import SKILLS
from fail2progress.skills.samplers import DataSampler, data_sampler
from fail2progress.tasks.layout import DRAWER_CLEARANCE, DoesNotFitError, Layout, random_camera_pose, two_tables

DRAWER_SHARE = 0.5
"""How often a drawer is moved where there is one."""
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


def more_of_each(seed: int, before: Sequence[Job], count: int) -> list[Job]:
    """The jobs that follow those `before`, numbers 0 on, so that with these every skill of the distribution has at least `count`.

    Those of skills that have enough are left out; skills that the distribution hardly has end the search after 100 times `count`.
    """
    had = Counter(one.call.skill for one in before)
    found: list[Job] = []
    for n in range(len(before), len(before) + 100 * count):
        if all(had[name] >= count for name, one in SKILLS.items() if data_sampler(one).share > 0):
            break
        one = job(seed, n)
        if had[one.call.skill] < count:
            had[one.call.skill] += 1
            found.append(one)
    return found


def random_scene(rng: np.random.Generator) -> Scene:
    """A scene at rest, nothing overlapping."""
    layout = two_tables(rng)
    tables = ["table_a", "table_b"]
    extra = rng.random()
    if extra < DRAWER_SCENES:
        _add_drawer(layout, rng)
    elif extra < DRAWER_SCENES + SHELF_SCENES:
        size = (rng.uniform(0.2, 0.28), rng.uniform(0.24, 0.34), rng.uniform(0.22, 0.32))
        layout.stand(ObjectSpec("shelf", "shelf", size), _one_of(rng, tables), margin=0.0)
    containers = [_container(rng, f"container_{i}") for i in range(rng.integers(1, 4))]
    for spec in containers:
        layout.stand(spec, _one_of(rng, tables), yaw=_yaw(rng, 0.4))
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
            return layout.drop_in(spec, _one_of(rng, containers))
    elif where < 0.45:
        bases = [o.name for o in layout.objects if o.category == "cuboid" and min(o.size[:2]) > max(spec.size[:2]) * 0.8]
        if bases:
            occupied = _occupied(layout.scene())
            bases = [name for name in bases if name not in occupied]
        if bases:
            return layout.stack(spec, _one_of(rng, bases))
    layout.stand(spec, _one_of(rng, tables), yaw=_yaw(rng, 0.6))


def _add_drawer(layout: Layout, rng: np.random.Generator) -> None:
    """A cabinet with one drawer, pulled out by a random part of its way."""
    size = (rng.uniform(0.22, 0.28), rng.uniform(0.18, 0.26), rng.uniform(0.10, 0.14))
    layout.stand(ObjectSpec("cabinet", "cabinet", size), _one_of(rng, ["table_a", "table_b"]), margin=0.0)
    opening = rng.uniform(0.0, 0.6 * (size[0] - DRAWER_CLEARANCE[0])) if rng.random() < 0.6 else 0.0
    layout.fit_drawer("drawer", "cabinet", opening)


def _one_of(rng: np.random.Generator, names: Sequence[str]) -> str:
    """What rng.choice gives, without making an array of them."""
    return names[int(rng.integers(len(names)))]


def _yaw(rng: np.random.Generator, share: float) -> float:
    return float(rng.uniform(-np.pi, np.pi)) if rng.random() < share else 0.0


def random_call(rng: np.random.Generator, scene: Scene) -> SkillCall | None:
    """A skill call of the distribution, or None where the draw gave one that is not in it."""
    drawers = [spec.name for spec in scene.objects if spec.is_drawer]
    if drawers and rng.random() < DRAWER_SHARE:
        name = drawers[0] if len(drawers) == 1 else _one_of(rng, drawers)
        return _random_skill(rng, "drawer").draw(rng, scene, name)
    occupied = _occupied(scene)
    free = [spec.name for spec in scene.objects if spec.movable and spec.name not in occupied]
    if not free:
        return None
    small = [name for name in free if name.startswith("small")]
    name = _one_of(rng, small if small and rng.random() < 0.6 else free)
    return _random_skill(rng, "movable").draw(rng, scene, name)


def _random_skill(rng: np.random.Generator, acts_on: str) -> DataSampler:
    """One of the skills that act on a kind of thing, by their shares, the rarer ones first."""
    samplers = [data_sampler(one) for one in SKILLS.values() if one.acts_on == acts_on]
    samplers.sort(key=lambda sampler: sampler.share)
    drawn = rng.random() * sum(sampler.share for sampler in samplers)
    for sampler in samplers:
        drawn -= sampler.share
        if drawn < 0:
            return sampler
    return samplers[-1]


def _occupied(scene: Scene) -> set[str]:
    """The objects that something movable is in or on."""
    bounds = scene.bounds()
    low, high = bounds[:, 0], bounds[:, 1]
    centres = bounds.mean(axis=1)[:, None, :2]
    over = ((centres > low[:, :2]) & (centres < high[:, :2])).all(axis=2)
    loads = over & (low[:, None, 2] > low[:, 2] + 0.002) & np.array([spec.movable for spec in scene.objects])[:, None]
    np.fill_diagonal(loads, False)
    return {spec.name for spec, loaded in zip(scene.objects, loads.any(axis=0), strict=True) if loaded}
