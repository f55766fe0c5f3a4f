"""Putting things where they fit: random scenes whose objects stand apart, on tables or inside containers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Array, Scene, bounding_boxes, pose

GAP = 0.008
"""Metres kept free between things that stand side by side."""


class DoesNotFitError(ValueError):
    """No free place was found for an object."""


@dataclass
class Layout:
    """A scene under construction. Boxes are axis-aligned bounds in metres, planning frame."""

    rng: np.random.Generator
    objects: list[ObjectSpec] = field(default_factory=list)
    poses: list[Array] = field(default_factory=list)
    openings: dict[str, float] = field(default_factory=dict)
    _boxes: list[Array] = field(default_factory=list)

    def scene(self) -> Scene:
        """What has been built so far."""
        return Scene(tuple(self.objects), np.array(self.poses), dict(self.openings))

    def add(self, spec: ObjectSpec, at: Array) -> None:
        """Put an object at a (7,) pose without asking."""
        self.objects.append(spec)
        self.poses.append(at)
        self._boxes.append(bounding_boxes(at[None], np.array([spec.size]))[0])

    def bounds(self) -> Array:
        """(n, 2, 3) boxes of what stands so far."""
        return np.array(self._boxes)

    def stand(self, spec: ObjectSpec, table: str, yaw: float = 0.0, margin: float = 0.01, tries: int = 60) -> None:
        """Stand an object at a random free place on a table. DoesNotFitError if there is none."""
        surface = self.bounds()[self._index(table)]
        half = _footprint(spec, yaw) / 2
        low, high = surface[0, :2] + half + margin, surface[1, :2] - half - margin
        if (low > high).any():
            raise DoesNotFitError(f"{spec.name} is larger than {table}")
        height = surface[1, 2] + spec.size[2] / 2
        for _ in range(tries):
            x, y = self.rng.uniform(low, high)
            if self._free(np.array([x, y, height]), half, spec.size[2] / 2):
                return self.add(spec, pose(x, y, height, yaw))
        raise DoesNotFitError(f"no free place for {spec.name} on {table}")

    def drop_in(self, spec: ObjectSpec, container: str, tries: int = 20) -> None:
        """Put an object on the floor of a container, beside what lies in it. DoesNotFitError if there is no room."""
        index = self._index(container)
        wall = self.objects[index].kind.wall
        inner = np.array(self.objects[index].size[:2]) / 2 - wall - np.array(spec.size[:2]) / 2 - 0.002
        if (inner < 0).any():
            raise DoesNotFitError(f"{spec.name} does not fit into {container}")
        at = self.poses[index]
        floor = at[2] - self.objects[index].size[2] / 2 + wall
        yaw = 2 * np.arctan2(at[6], at[3])
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        for _ in range(tries):
            x, y = at[:2] + turn @ self.rng.uniform(-inner, inner)
            centre = np.array([x, y, floor + spec.size[2] / 2])
            if self._free(centre, np.array(spec.size[:2]) / 2, spec.size[2] / 2, gap=0.001, but=index):
                return self.add(spec, pose(x, y, centre[2], yaw))
        raise DoesNotFitError(f"no room for {spec.name} in {container}")

    def stack(self, spec: ObjectSpec, base: str) -> None:
        """Put an object on the middle of another one."""
        index = self._index(base)
        top = self.bounds()[index, 1, 2]
        x, y = self.poses[index][:2]
        self.add(spec, pose(x, y, top + spec.size[2] / 2))

    def _index(self, name: str) -> int:
        return [spec.name for spec in self.objects].index(name)

    def _free(self, centre: Array, half: Array, half_height: float, gap: float = GAP, but: int = -1) -> bool:
        boxes, extent = self.bounds(), np.array([*half, half_height])
        low, high = centre - extent, centre + extent
        apart = (low[:2] - gap > boxes[:, 1, :2]) | (high[:2] + gap < boxes[:, 0, :2])
        stacked = (low[2] > boxes[:, 1, 2] - 1e-3) | (high[2] < boxes[:, 0, 2] + 1e-3)
        clear = apart.any(axis=1) | stacked
        if but >= 0:
            clear[but] = True
        return bool(clear.all())


def _footprint(spec: ObjectSpec, yaw: float) -> Array:
    """(2,) extents of the axis-aligned box around a turned object."""
    c, s = abs(np.cos(yaw)), abs(np.sin(yaw))
    return np.array([c * spec.size[0] + s * spec.size[1], s * spec.size[0] + c * spec.size[1]])


def random_camera_pose(rng: np.random.Generator) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Eye and target (m) of a head camera somewhere near where the Stretch carries it."""
    eye = rng.uniform([-0.20, -0.15, 1.25], [0.0, 0.15, 1.50])
    target = rng.uniform([0.55, -0.08, 0.44], [0.65, 0.08, 0.56])
    return (eye[0], eye[1], eye[2]), (target[0], target[1], target[2])
