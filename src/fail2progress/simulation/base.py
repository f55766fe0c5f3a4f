"""The Simulator interface: a batch of scenes, each with one skill call, to outcomes (f and Psi of paper section 5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from fail2progress.core.brief import brief
from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import unfit

BOUNCIEST = 0.6
"""The greatest restitution: at 0.8 contacts with so little damping throw things about at steps of 4 ms."""


class OrdinaryPhysicsError(ValueError):
    """A job in another physics than the ordinary one, which its simulator does not know."""


@dataclass(frozen=True)
class Disturbances:
    """What goes wrong in one execution: by chance (probabilities), or each time; nothing in the model's training data."""

    grasp_miss: float = 0.0
    """The gripper closes beside the object, which stays where it is."""
    grasp_slip: float = 0.0
    """The object slips out of the hand at a random point of the way."""
    errors: tuple[tuple[str, float], ...] = ()
    """By how much the hand departs from what is commanded, by names of the skill's adjustables: a bias is always the same."""
    friction: float = 1.0
    """Of the fingers, as a share of the ordinary."""
    weight: float = 1.0
    """Of what can be moved, as a multiple of the ordinary."""
    surface: float = 1.0
    """Friction between things, and between them and what they stand on, as a share of the ordinary."""
    centre: float = 1.0
    """Height of the centre of mass of what can be moved above its bottom, as a share of the ordinary."""
    bounce: float = 0.0
    """Restitution: about the share of its speed with which a thing leaves what it fell on; at most BOUNCIEST."""
    bump: float = 0.0
    """Probability that somebody knocks the object of the skill aside when the skill is over."""

    def __post_init__(self) -> None:
        wrong = [name for name in ("friction", "weight", "surface", "centre") if not getattr(self, name) > 0]
        wrong += [name for name in ("grasp_miss", "grasp_slip", "bump", "bounce") if not 0 <= getattr(self, name) <= 1]
        if wrong:
            raise ValueError(f"{wrong[0]} = {getattr(self, wrong[0]):g}: probabilities are 0 to 1, shares above 0")
        if self.bounce > BOUNCIEST:
            raise ValueError(f"bounce = {self.bounce:g}: steps of physics are too long for more than {BOUNCIEST:g}")

    def adjusted(self, adjustments: Mapping[str, float], name: str) -> float:
        """What an adjustable truly is where it was set to a value."""
        return adjustments.get(name, 0.0) + dict(self.errors).get(name, 0.0)

    @property
    def in_contact(self) -> bool:
        """Whether physics itself must be other than ordinary: not every simulator can do that."""
        numbers = (self.friction, self.weight, self.surface, self.centre, self.bump, self.bounce)
        return numbers != (1.0, 1.0, 1.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Job:
    """One skill call in one scene, seen by one camera."""

    scene: Scene
    call: SkillCall
    camera: Camera = field(default_factory=Camera)
    seed: int = 0
    disturbances: Disturbances = Disturbances()
    adjustments: Mapping[str, float] = field(default_factory=dict)
    """Of the call's skill; see skills.adjustments."""


@dataclass(frozen=True)
class Snapshot:
    """A scene at rest: what is true and what is seen of it."""

    scene: Scene
    relations: RelationState
    cloud: SegmentedCloud

    __repr__ = brief


@dataclass(frozen=True)
class Outcome:
    """A skill execution: before, after, and where the wall time went (s by stage)."""

    call: SkillCall
    before: Snapshot
    after: Snapshot
    seconds: dict[str, float]
    stable: bool
    """Whether everything had come to rest, on a surface, before the skill started."""

    __repr__ = brief

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


def refuse_empty(scene: Scene) -> None:
    """ValueError where there is nothing to be simulated."""
    if not len(scene):
        raise ValueError("the scene has no objects: there is nothing that could come to rest")


class Simulator(ABC):
    """Executes skills in physics. Backends differ in speed, not in meaning."""

    @abstractmethod
    def execute(self, job: Job) -> Outcome:
        """Settle the scene, look, carry the skill out, settle, look again. ValueError: see `refuse_impossible`;
        OrdinaryPhysicsError: its disturbances are `in_contact`, and the simulator knows no such physics.

        The outcome's seconds have the keys stepping, rays and total.
        """

    @abstractmethod
    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """Let a scene come to rest and look at it. ValueError: see `refuse_empty`."""

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Outcomes in the order of the jobs. Closing the iterator stops the work on those that are left."""
        return map(self.execute, jobs)

    @property
    def device(self) -> str:
        """What the physics runs on."""
        return "processor"

    def close(self) -> None:  # noqa: B027 (most have nothing to let go)
        """Let processes and devices go; the simulator is not used afterwards."""

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
