"""Tasks: how a trial starts and when it has succeeded (paper A.2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fail2progress.core.goals import Goal, check_agree
from fail2progress.core.scene import Scene
from fail2progress.tasks.atoms import spelled


class TaskError(ValueError):
    """A task that cannot be read, a number of objects that it is not defined for, or a goal about nothing in its scene."""


class NoTaskError(TaskError, FileNotFoundError):
    """A file of a task that is not there."""


@dataclass(frozen=True)
class Trial:
    """One start of a task. `stages` are goals to reach one after the other; the last one decides about success."""

    task: str
    """The task's name, for records."""
    objects: int
    seed: int
    scene: Scene
    stages: tuple[Goal, ...]
    reference: str = ""
    """By what `registry.task` finds the task, in another process too: its name or the path of its file."""

    @property
    def goal(self) -> Goal:
        """What must hold in the end."""
        return self.stages[-1]

    def in_any_order(self) -> Trial:
        """The same start with the last stage alone: a planner may reach it by whatever order it likes."""
        return replace(self, stages=(self.goal,))

    def with_goal(self, goal: Goal | str) -> Trial:
        """The same start with another goal, whose text may have patterns as in a task file (`pill_*`).

        ValueError where it cannot be read or contradicts itself; TaskError where it speaks of what is not in the scene.
        """
        goal = Goal.parse(spelled(goal, self.scene.names)) if isinstance(goal, str) else goal
        check_agree(goal.atoms)
        unknown = [name for name in goal.objects if name not in self.scene.names]
        if unknown:
            raise TaskError(f"the goal names {unknown[0]!r}, which is not in {self.task}: {', '.join(self.scene.names)}")
        return replace(self, stages=(goal,))

    def as_seen(self, names: Mapping[str, str]) -> Trial:
        """The same start, its goals in the names by which a camera's segments go. TaskError where one speaks of what has none."""
        unseen = [name for stage in self.stages for name in stage.objects if name not in names]
        if unseen:
            raise TaskError(f"not seen: {', '.join(dict.fromkeys(unseen))}")
        return replace(self, stages=tuple(stage.renamed(names) for stage in self.stages))


class Task(ABC):
    """A family of trials, by number of movable objects."""

    name: str
    counts: tuple[int, ...]
    skills: tuple[str, ...] = ()
    """The skills that reach its goals."""
    summary: str = ""

    @property
    def reference(self) -> str:
        """By what `registry.task` finds it."""
        return self.name

    @abstractmethod
    def trial(self, objects: int, seed: int) -> Trial:
        """A trial; the same seed gives the same trial. TaskError where there is none with so many objects."""

    def check(self, objects: int) -> None:
        """TaskError unless the task is defined for so many objects."""
        if objects not in self.counts:
            raise TaskError(f"{self.name} is defined for {', '.join(map(str, self.counts))} objects, not {objects}")
