"""A scene: objects with poses in the planning frame (x away from the robot base, y to its left, z up; REP-103)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.brief import brief
from fail2progress.core.objects import Box, ObjectSpec, Shape

FRAME = "planning"
"""Name of the frame that all poses and clouds are given in, unless they say otherwise."""

SMALLEST, LARGEST = 0.001, 20.0
"""Extents (m) of things that users may describe: physics and clouds of others make no sense, or fill the memory."""
FARTHEST = 100.0
"""Their distance (m) from the frame's origin along each axis."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """N objects with their poses, (N, 7) as x, y, z (m), qw, qx, qy, qz, and how far each drawer is pulled out (m); one of which
    nothing is said is shut."""

    objects: tuple[ObjectSpec, ...]
    poses: Array
    openings: Mapping[str, float] = field(default_factory=dict)

    __repr__ = brief

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names):
            raise ValueError(f"object names must differ, got {names}")
        if self.poses.shape != (len(names), 7):
            raise ValueError(f"poses must be ({len(names)}, 7), got {self.poses.shape}")
        if not np.isfinite(self.poses).all():
            raise ValueError("poses must be finite")
        drawers = [spec.name for spec in self.objects if spec.is_drawer]
        others = [name for name in self.openings if name not in drawers]
        if others:
            raise ValueError(f"openings are those of drawers, got one of {others[0]!r}; drawers: {', '.join(drawers) or 'none'}")
        object.__setattr__(self, "openings", {name: self.openings.get(name, 0.0) for name in drawers})

    def __len__(self) -> int:
        return len(self.objects)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Object names in order."""
        return tuple(spec.name for spec in self.objects)

    @cached_property
    def sizes(self) -> Array:
        """(N, 3) full extents in metres. Not to be written to."""
        return _fixed(np.array([spec.size for spec in self.objects], float).reshape(len(self.objects), 3))

    @cached_property
    def turns(self) -> Array:
        """(N, 3, 3) rotations of the objects. Not to be written to."""
        return _fixed(rotations(self.poses[:, 3:]))

    @cached_property
    def rounded(self) -> NDArray[np.bool_]:
        """(N,) which objects are cylinders. Not to be written to."""
        return np.array([spec.kind.shape is Shape.CYLINDER for spec in self.objects], dtype=bool)

    @cached_property
    def moving(self) -> NDArray[np.int64]:
        """Rows of what physics can move: movable objects and drawers. Not to be written to."""
        return np.flatnonzero([spec.movable or spec.is_drawer for spec in self.objects])

    @cached_property
    def parts(self) -> tuple[tuple[Box, ...], ...]:
        """The solid parts of every object, in its own frame."""
        return tuple(spec.primitives() for spec in self.objects)

    def check_extents(self) -> None:
        """ValueError where somebody has described a thing that is too small, too large or too far away to be simulated."""
        for spec, place in zip(self.objects, self.poses[:, :3], strict=True):
            wrong = [extent for extent in spec.size if not SMALLEST <= extent <= LARGEST]
            if wrong:
                raise ValueError(f"{spec.name}: an extent of {wrong[0]:g} m is not between {SMALLEST:g} and {LARGEST:g} m")
            far = float(place[np.abs(place).argmax()])
            if abs(far) > FARTHEST:
                raise ValueError(f"{spec.name}: a position of {far:g} m is more than {FARTHEST:g} m away")

    def index(self, name: str) -> int:
        """Row of an object; ValueError names the objects there are."""
        if name not in self.names:
            raise ValueError(f"unknown object {name!r}; the scene has: {', '.join(self.names)}")
        return self.names.index(name)

    def position(self, name: str) -> Array:
        """(3,) centre of an object in metres."""
        return self.poses[self.index(name), :3]

    def bounds(self) -> Array:
        """(N, 2, 3) low and high corners of every object's axis-aligned bounding box, in metres. Not to be written to."""
        return self._bounds

    @cached_property
    def _bounds(self) -> Array:
        return _fixed(boxes_around(self.poses[:, :3], self.turns, self.sizes, self.rounded))

    def with_poses(self, poses: Array, openings: Mapping[str, float] | None = None) -> Scene:
        """The same objects elsewhere."""
        scene = Scene(self.objects, poses, self.openings if openings is None else openings)
        scene.__dict__.update({name: self.__dict__[name] for name in _OF_OBJECTS if name in self.__dict__})
        return scene

    def moved(self, name: str, offset: Array) -> Scene:
        """One object shifted by (3,) metres."""
        poses = self.poses.copy()
        poses[self.index(name), :3] += offset
        return self.with_poses(poses)


_OF_OBJECTS = ("names", "sizes", "rounded", "moving", "parts")
"""What is kept of a scene and does not depend on where its objects are."""


@dataclass(frozen=True)
class Boxes:
    """Of M objects, of one scene after the other: (M, 3) centres, (M, 3) sizes, (M, 3, 3) turns and (M, 2, 3) bounds."""

    centres: Array
    sizes: Array
    turns: Array
    bounds: Array

    @staticmethod
    def of(scenes: Sequence[Scene]) -> Boxes:
        """In one pass; each scene then has its own turns and bounds at hand."""
        poses, sizes = (np.concatenate(arrays) for arrays in zip(*((scene.poses, scene.sizes) for scene in scenes), strict=True))
        turns = _fixed(rotations(poses[:, 3:]))
        bounds = _fixed(boxes_around(poses[:, :3], turns, sizes, np.concatenate([scene.rounded for scene in scenes])))
        begin = 0
        for scene in scenes:
            own = slice(begin, begin + len(scene))
            scene.__dict__.update(turns=turns[own], _bounds=bounds[own])
            begin = own.stop
        return Boxes(poses[:, :3], sizes, turns, bounds)


def _fixed(values: Array) -> Array:
    values.setflags(write=False)
    return values


def pose(x: float, y: float, z: float, yaw: float = 0.0) -> Array:
    """A (7,) upright pose: metres, and radians counter-clockwise about z."""
    return np.array([x, y, z, np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])


def yaw_of(at: Array) -> float:
    """Radians counter-clockwise about z, of an upright (7,) pose."""
    return float(2 * np.arctan2(at[6], at[3]))


def turn_in_plane(yaw: float) -> Array:
    """(2, 2) rotation by radians counter-clockwise."""
    return np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])


def bounding_boxes(poses: Array, sizes: Array, cylinders: NDArray[np.bool_] | None = None) -> Array:
    """(N, 2, 3) axis-aligned corners of oriented boxes: half extents projected by |R| onto the axes.

    Of `cylinders` (N,), whose axis is their z, the round side counts: a box around one that has rolled would be too large.
    """
    return boxes_around(poses[:, :3], rotations(poses[:, 3:]), sizes, cylinders)


def boxes_around(middles: Array, turned: Array, sizes: Array, cylinders: NDArray[np.bool_] | None) -> Array:
    """The same of (N, 3) middles and (N, 3, 3) rotations."""
    half = (np.abs(turned) @ (sizes / 2)[:, :, None])[:, :, 0]
    if cylinders is not None and cylinders.any():
        axis, size = turned[cylinders, :, 2], sizes[cylinders] / 2
        half[cylinders] = np.abs(axis) * size[:, 2:] + np.sqrt(np.maximum(1 - axis**2, 0.0)) * size[:, :1]
    result = np.empty((len(middles), 2, 3))
    np.subtract(middles, half, out=result[:, 0])
    np.add(middles, half, out=result[:, 1])
    return result


def rotations(quaternions: Array) -> Array:
    """(N, 4) unit quaternions w, x, y, z to (N, 3, 3) matrices; transforms3d does one at a time, this is the hot path."""
    q = np.ascontiguousarray(quaternions.T)
    (_, wx, wy, wz), (_, xx, xy, xz), (_, _, yy, yz), (_, _, _, zz) = q[:, None] * q
    result = np.empty((3, 3, len(quaternions)))
    result[0, 0], result[0, 1], result[0, 2] = yy + zz, xy - wz, xz + wy
    result[1, 0], result[1, 1], result[1, 2] = xy + wz, xx + zz, yz - wx
    result[2, 0], result[2, 1], result[2, 2] = xz - wy, yz + wx, xx + yy
    result *= 2
    diagonal = np.einsum("iin->in", result)
    np.subtract(1, diagonal, out=diagonal)
    return result.transpose(2, 0, 1)


def turned(quaternion: Array, yaw: Array) -> Array:
    """(..., 4) a quaternion w, x, y, z turned about the vertical by (...) radians."""
    c, s = np.cos(yaw / 2), np.sin(yaw / 2)
    w, x, y, z = quaternion.tolist()
    result = np.empty((*np.shape(yaw), 4))
    result[..., 0], result[..., 1], result[..., 2], result[..., 3] = c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w
    return result
