"""Pick-and-place in the pre-training distribution: placements as a planner tries them, near misses included."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.pick_place.definition import SKILL
from fail2progress.skills.placement import release_height
from fail2progress.skills.samplers import DataSampler


def random_placement(rng: np.random.Generator, scene: Scene, name: str) -> SkillCall:
    """Onto a table, into a container, beside or on top of something; sometimes turned."""
    index = scene.index(name)
    x, y, target = _place(rng, scene, index)
    height = release_height(scene, index, np.array([x, y])) + rng.uniform(0.005, 0.025)
    start = scene.poses[index, :3]
    dz = height + scene.sizes[index, 2] / 2 - start[2]
    turn = float(rng.uniform(-np.pi, np.pi)) if rng.random() < 0.2 else 0.0
    return SkillCall(SKILL.name, name, (x - start[0], y - start[1], float(np.clip(dz, -1.0, 1.0)), turn), target)


SAMPLER = DataSampler(0.88, random_placement)


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
