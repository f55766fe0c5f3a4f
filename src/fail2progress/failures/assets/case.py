"""What is assessed: a rebuilt scene, what was seen of it, and the skill call that is to be run in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array, Scene, yaw_of
from fail2progress.failures.event import FailureEvent
from fail2progress.simulation.base import Simulator
from fail2progress.simulation.reconstruction.fit import Solid
from fail2progress.simulation.reconstruction.hindsight import from_both, in_hindsight
from fail2progress.simulation.reconstruction.rebuild import Rebuilt, noise_of, rebuild, resting
from fail2progress.skills.base import SkillCall

ABOUT = 0.2
"""Metres: an event does not say where the camera was, which is in the head of a robot that may lean, drive and look about."""


@dataclass(frozen=True)
class Grasp:
    """Where two fingers close on an object: the middle between them in its frame (m), and its axis (0 or 1) they close along."""

    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    axis: int = 1


@dataclass(frozen=True)
class Case:
    """A scene under test. Without a cloud geometry is not measured; without a call neither reach nor grasp is."""

    scene: Scene
    cloud: SegmentedCloud | None = None
    call: SkillCall | None = None
    eye: tuple[float, float, float] = Camera().eye
    """Where the camera was (m, planning frame)."""
    about: float = 0.0
    """Metres from there within which it was, where an event does not say more."""
    grasps: Mapping[str, Grasp] = field(default_factory=dict)
    """Grasps that were chosen; for every other object the one across its narrower side."""

    def eyes(self) -> Array:
        """(k, 3) m: where the camera was or may have been."""
        steps = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)]) if self.about > 0 else np.zeros((1, 3))
        return np.asarray(np.array(self.eye) + self.about * steps)

    def noise(self) -> float:
        """Standard deviation (m) of the cloud's points."""
        return noise_of(self.cloud) if self.cloud is not None else 0.0

    def points(self, name: str) -> Array | None:
        """(n, 3) points of an object, None where it was not seen."""
        if self.cloud is None or name not in self.cloud.names:
            return None
        row = self.cloud.index(name)
        return np.asarray(self.cloud.points[row], float) if self.cloud.seen[row] else None

    def remembered(self, name: str) -> bool:
        """Whether an object's points are from an earlier look, and moved since: where it is now the camera does not see it."""
        return self.cloud is not None and float(self.cloud.visibility[self.cloud.index(name)]) <= 0

    def grasp(self, name: str) -> Grasp:
        """The grasp of an object."""
        length, width, _ = self.scene.objects[self.scene.index(name)].size
        return self.grasps.get(name, Grasp(axis=0 if length < width else 1))

    def with_asset(self, name: str, spec: ObjectSpec | None = None, pose: Array | None = None) -> Case:
        """The same with another asset, or another pose (7,) of it."""
        i, poses, objects = self.scene.index(name), self.scene.poses.copy(), list(self.scene.objects)
        poses[i] = poses[i] if pose is None else pose
        objects[i] = objects[i] if spec is None else spec
        return replace(self, scene=Scene(tuple(objects), poses, dict(self.scene.openings)))

    def moved(self, name: str, offset: Array) -> Case:
        """The same with one object shifted by (3,) metres."""
        return replace(self, scene=self.scene.moved(name, offset))


@dataclass(frozen=True)
class KnownScene:
    """What a failed skill was carried out in, as it is known afterwards: what was seen before it, and the scene behind that."""

    before: SegmentedCloud
    """With what the skill revealed put where it was, and what is remembered lying where it can."""
    rebuilt: Rebuilt

    def case(self, call: SkillCall, eye: tuple[float, float, float]) -> Case:
        """To be assessed, seen from about `eye` (m, planning frame)."""
        return Case(self.rebuilt.scene, self.before, call, eye, ABOUT)


def known_scene(event: FailureEvent, simulator: Simulator, seed: int = 0) -> KnownScene:
    """The scene that a failure is classified and assessed in. ValueError where nothing was seen."""
    call = event.header.call.call()
    before = in_hindsight(event.before, event.after, call, simulator, event.relations_before, seed)
    before = resting(before, event.relations_before)
    return KnownScene(before, rebuild(from_both(before, event.after, call), event.relations_before))


def solid_of(scene: Scene, i: int) -> Solid:
    """An upright object of a scene as the reconstruction has it."""
    spec, at = scene.objects[i], scene.poses[i]
    length, width, height = spec.size
    x, y, z = at[:3].tolist()
    return Solid(spec.category, x, y, yaw_of(at), length, width, z - height / 2, z + height / 2)
