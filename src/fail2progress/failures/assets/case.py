"""What is assessed: a rebuilt scene, what was seen of it, and the skill call that is to be run in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.reconstruction.fit import Solid
from fail2progress.simulation.reconstruction.rebuild import noise_of
from fail2progress.skills.base import SkillCall


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


def solid_of(scene: Scene, i: int) -> Solid:
    """An upright object of a scene as the reconstruction has it."""
    spec, at = scene.objects[i], scene.poses[i]
    length, width, height = spec.size
    x, y, z = at[:3].tolist()
    return Solid(spec.category, x, y, float(2 * np.arctan2(at[6], at[3])), length, width, z - height / 2, z + height / 2)
