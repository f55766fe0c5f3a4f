"""The Simulator interface: a batch of scenes, each with one skill call, to outcomes (f and Psi of paper section 5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import unfit


@dataclass(frozen=True)
class Disturbances:
    """What may go wrong in the hand, as probabilities for one execution; zero in the model's training data."""

    grasp_miss: float = 0.0
    """The gripper closes beside the object, which stays where it is."""
    grasp_slip: float = 0.0
    """The object slips out of the hand at a random point of the way."""


@dataclass(frozen=True)
class Job:
    """One skill call in one scene, seen by one camera."""

    scene: Scene
    call: SkillCall
    camera: Camera = field(default_factory=Camera)
    seed: int = 0
    disturbances: Disturbances = Disturbances()


@dataclass(frozen=True)
class Snapshot:
    """A scene at rest: what is true and what is seen of it."""

    scene: Scene
    relations: RelationState
    cloud: SegmentedCloud


@dataclass(frozen=True)
class Outcome:
    """A skill execution: before, after, and where the wall time went (s by stage)."""

    call: SkillCall
    before: Snapshot
    after: Snapshot
    seconds: dict[str, float]
    stable: bool
    """Whether everything had come to rest, on a surface, before the skill started."""

    @property
    def displacements(self) -> Array:
        """(N, 3) how far every object moved, in metres."""
        return np.asarray(self.after.scene.poses[:, :3] - self.before.scene.poses[:, :3])


def refuse_impossible(job: Job) -> int:
    """The row of the object that a job acts on. ValueError: unknown, or nothing that the skill can move."""
    reason = unfit(job.scene, job.call)
    if reason is not None:
        raise ValueError(f"{job.call.skill}: {reason}")
    return job.scene.index(job.call.object)


class Simulator(ABC):
    """Executes skills in physics. Backends differ in speed, not in meaning."""

    @abstractmethod
    def execute(self, job: Job) -> Outcome:
        """Settle the scene, look, carry the skill out, settle, look again. ValueError: see `refuse_impossible`.

        The outcome's seconds have the keys stepping, rays and total.
        """

    @abstractmethod
    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """Let a scene come to rest and look at it."""

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Outcomes in the order of the jobs. Closing the iterator stops the work on those that are left."""
        return map(self.execute, jobs)

    def close(self) -> None:  # noqa: B027 (most have nothing to let go)
        """Let processes and devices go; the simulator is not used afterwards."""

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
