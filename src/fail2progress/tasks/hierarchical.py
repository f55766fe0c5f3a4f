"""Tasks: how a trial starts and when it has succeeded (paper A.2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.tasks.layout import DoesNotFitError, Layout


@dataclass(frozen=True)
class Trial:
    """One start of a task. `stages` are goals to reach one after the other; the last one decides about success."""

    task: str
    objects: int
    seed: int
    scene: Scene
    stages: tuple[Goal, ...]

    @property
    def goal(self) -> Goal:
        """What must hold in the end."""
        return self.stages[-1]


class Task(ABC):
    """A family of trials, by number of movable objects."""

    name: str
    counts: tuple[int, ...]

    @abstractmethod
    def trial(self, objects: int, seed: int) -> Trial:
        """A trial; the same seed gives the same trial. ValueError where there is none with so many objects."""

    def _check(self, objects: int) -> None:
        if objects not in self.counts:
            raise ValueError(f"{self.name} is defined for {', '.join(map(str, self.counts))} objects, not {objects}")


class HierarchicalTabletop(Task):
    """Hierarchical Tabletop Organization: every capsule into its cup, then all cups in a row on the other table.

    The order is the paper's (A.1: "It first places several capsules into their corresponding cups"): the first stage holds
    before cups travel. `free_order` drops it, so that a planner may carry empty cups first and never meet a loaded one.
    """

    name = "hierarchical-tabletop"
    counts = (3, 5, 7)
    _CUPS: ClassVar[dict[int, int]] = {3: 2, 5: 2, 7: 3}

    def __init__(self, free_order: bool = False) -> None:
        self.free_order = free_order

    def trial(self, objects: int, seed: int) -> Trial:
        """See Task.trial."""
        self._check(objects)
        cups = self._CUPS[objects]
        rng = np.random.default_rng([seed, objects, 7])
        scene = _retry(lambda: self._scene(rng, cups, objects - cups))
        filled = tuple(Atom("inside", f"capsule_{i + 1}", f"cup_{i % cups + 1}") for i in range(objects - cups))
        there = tuple(Atom("above", f"cup_{i + 1}", "table_b") for i in range(cups))
        row = tuple(Atom("left", f"cup_{i + 1}", f"cup_{i + 2}") for i in range(cups - 1))
        final = Goal(filled + there + row)
        stages = (final,) if self.free_order else (Goal(filled), final)
        return Trial(self.name, objects, seed, scene, stages)

    def _scene(self, rng: np.random.Generator, cups: int, capsules: int) -> Scene:
        layout = two_tables(rng)
        for i in range(cups):
            width = rng.uniform(0.080, 0.095)
            layout.stand(ObjectSpec(f"cup_{i + 1}", "cup", (width, width, rng.uniform(0.074, 0.085))), "table_a", margin=0.04)
        for i in range(capsules):
            width = rng.uniform(0.028, 0.036)
            spec = ObjectSpec(f"capsule_{i + 1}", "capsule", (width, width, rng.uniform(0.026, 0.034)))
            layout.stand(spec, "table_a", margin=0.03)
        return layout.scene()


def two_tables(rng: np.random.Generator) -> Layout:
    """Two tables in front of the robot, table_a to its left and table_b to its right."""
    layout = Layout(rng)
    for name, side in (("table_a", 1), ("table_b", -1)):
        size = (rng.uniform(0.42, 0.55), rng.uniform(0.50, 0.62), 0.04)
        top = rng.uniform(0.42, 0.58)
        at = pose(rng.uniform(0.55, 0.65), side * rng.uniform(0.36, 0.44), top - 0.02)
        layout.add(ObjectSpec(name, "table", size), at)
    return layout


def _retry(build: Callable[[], Scene], tries: int = 50) -> Scene:
    for _ in range(tries):
        try:
            return build()
        except DoesNotFitError:
            continue
    raise DoesNotFitError(f"no layout found in {tries} tries")


class ShortTasks(Task):
    """Goals of one or two skills that lie within the pre-training distribution: no loaded container has to move.

    `objects` counts the objects that must move, one skill each. What a pre-trained model must be able to do before anything else.
    """

    name = "short"
    counts = (1, 2)

    def trial(self, objects: int, seed: int) -> Trial:
        """See Task.trial."""
        self._check(objects)
        scene = HierarchicalTabletop().trial(5, seed).scene
        rng = np.random.default_rng([seed, objects, 8])
        choices = (
            Atom("inside", "capsule_1", "cup_1"),
            Atom("inside", "capsule_2", "cup_1"),
            Atom("above", "cup_2", "table_b"),
            Atom("above", "capsule_3", "table_b"),
        )
        goal = Goal(tuple(choices[i] for i in sorted(rng.choice(len(choices), objects, replace=False))))
        return Trial(self.name, objects, seed, scene, (goal,))


TASKS: dict[str, Task] = {task.name: task for task in (HierarchicalTabletop(), ShortTasks())}


def task(name: str) -> Task:
    """Look a task up by name; ValueError names the ones that exist."""
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}; known: {', '.join(TASKS)}")
    return TASKS[name]
