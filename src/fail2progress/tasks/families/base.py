"""Families of executions that the pre-training distribution lacks: each a way of making scenes, and the effect that defines it.

An item belongs to a family only if its effect was seen in simulation: the scene was at rest before the skill, what the family
moves has moved as it says, and nothing else has.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import infeasible
from fail2progress.tasks.items import Item, parse, to_json
from fail2progress.tasks.layout import DoesNotFitError, Layout, random_camera_pose

RELEASE = 0.012
"""Metres above its support at which a carried thing is let go."""
MOVED = 0.02
"""Metres that something must move to have moved with the rest."""
STILL = 0.005
"""Metres that a bystander may move."""
_BATCH = 8

Build = Callable[[np.random.Generator], tuple[Layout, SkillCall]]
Shows = Callable[[Outcome], bool]


class FamilyError(ValueError):
    """A family whose items cannot be made."""


@dataclass(frozen=True)
class Family:
    """`build` draws a scene and a call (DoesNotFitError: draw again); `shows` says whether the effect happened."""

    name: str
    summary: str
    skills: tuple[str, ...]
    build: Build
    shows: Shows

    def candidate(self, seed: int, number: int) -> Item | None:
        """The execution with a number, or None where there was no room for it; the same numbers give the same one."""
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode()), number])
        try:
            layout, call = self.build(rng)
        except DoesNotFitError:
            return None
        scene = layout.scene()
        if infeasible(scene, call) is not None:
            return None
        eye, target = random_camera_pose(rng)
        job = Job(scene, call, Camera(eye=eye, target=target), seed=int(rng.integers(2**31)))
        return parse(to_json(Item(f"{self.name}-{seed}-{number}", job)))

    def outcomes(self, simulator: Simulator, seed: int, tries: int = 40, after: str = "") -> Iterator[tuple[Item, Outcome]]:
        """Items that show the effect, one after the other, with what happened. FamilyError after `tries` batches without one.

        `after` is the id of the last item that is there already: those that follow it are made.
        """
        past = int(after.rpartition("-")[2]) + 1 if after else 0
        number, fruitless = past, 0
        while fruitless < tries:
            found = [self.candidate(seed, number + i) for i in range(_BATCH)]
            number += _BATCH
            fruitless += 1
            items = [item for item in found if item is not None]
            for item, outcome in zip(items, simulator.execute_all([item.job for item in items]), strict=True):
                if outcome.stable and self.shows(outcome):
                    fruitless = 0
                    yield item, outcome
        raise FamilyError(f"{self.name}: {tries * _BATCH} draws in a row did not show its effect")


def add_bystanders(layout: Layout, most: int = 2) -> None:
    """One or more blocks somewhere on the tables, named other_0 and so on."""
    tables = [spec.name for spec in layout.objects if spec.category == "table"]
    for i in range(int(layout.rng.integers(1, most + 1))):
        size = layout.rng.uniform(0.03, 0.06, 3)
        spec = ObjectSpec(f"other_{i}", "cuboid", (float(size[0]), float(size[1]), float(size[2])))
        layout.stand(spec, str(layout.rng.choice(tables)))


def carry(layout: Layout, name: str, table: str) -> SkillCall:
    """A pick-and-place of an object, upright, to a random free place on a table."""
    index = layout.index(name)
    spec, at = layout.objects[index], layout.poses[index]
    place = layout.spot(spec, table, margin=0.03)
    shift = place[:3] - at[:3] + np.array([0.0, 0.0, RELEASE])
    return SkillCall("pick_place", name, (float(shift[0]), float(shift[1]), float(shift[2]), 0.0), table)


def some_table(layout: Layout) -> str:
    """One of the tables."""
    return str(layout.rng.choice([spec.name for spec in layout.objects if spec.category == "table"]))


def way(outcome: Outcome, *names: str) -> Array:
    """(n,) metres that objects moved."""
    rows = [outcome.before.scene.index(name) for name in names]
    return np.asarray(np.linalg.norm(outcome.displacements[rows], axis=1))


def called(scene: Scene, prefix: str) -> tuple[str, ...]:
    """The objects whose names begin so, in order."""
    return tuple(name for name in scene.names if name.startswith(prefix))


def quiet(outcome: Outcome) -> bool:
    """Whether the bystanders stayed where they were."""
    return bool((way(outcome, *called(outcome.before.scene, "other_")) < STILL).all())


def upright(outcome: Outcome, *names: str) -> bool:
    """Whether objects stand as they stood, within 15 degrees."""
    return all(tilt(outcome, name) < 0.26 for name in names)


def tilt(outcome: Outcome, name: str) -> float:
    """Angle (rad) between an object's own z and the vertical after the skill."""
    _, x, y, _ = outcome.after.scene.poses[outcome.after.scene.index(name), 3:]
    return float(np.arccos(np.clip(1 - 2 * (x * x + y * y), -1.0, 1.0)))
