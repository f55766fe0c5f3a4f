"""Where frames were at a time: transforms put together along the tree. tf2_ros would do; it is not there in every ROS 2."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp
from transforms3d.quaternions import quat2mat

from fail2progress.core.observation import SECOND
from fail2progress.core.scene import Array
from fail2progress.ros.conversions.values import Refused, check_texts, stamp_of
from fail2progress.ros.set_back import still

DEEPEST = 64
MOST = 1024
FARTHEST = 1e6
KEPT = 10 * SECOND
"""Nanoseconds of transforms that are remembered, as in tf2."""
MOST_KEPT = 1000


class NotYet(LookupError):
    """No transform as late as the time asked for has come."""


@dataclass
class _Track:
    """One frame in its parent: a fixed transform, or those of the last seconds in the order of their stamps."""

    parent: str
    fixed: bool
    stamps: list[int] = field(default_factory=list)
    matrices: list[Array] = field(default_factory=list)

    def add(self, stamp: int, matrix: Array) -> None:
        """Once the clock was set back, those of before are forgotten: a frame would be half where it was then."""
        if self.fixed or (self.stamps and not still(self.stamps[-1], stamp)):
            self.stamps, self.matrices = [], []
        at = bisect_left(self.stamps, stamp)
        same = at < len(self.stamps) and self.stamps[at] == stamp
        self.stamps[at : at + same], self.matrices[at : at + same] = [stamp], [matrix]
        stale = max(bisect_left(self.stamps, self.stamps[-1] - KEPT), len(self.stamps) - MOST_KEPT)
        del self.stamps[:stale], self.matrices[:stale]

    def at(self, stamp: int) -> Array:
        """(4, 4) to the parent, between two stamps interpolated; NotYet after the last one, Refused before the first one."""
        if self.fixed:
            return self.matrices[-1]
        if stamp > self.stamps[-1]:
            raise NotYet
        later = bisect_left(self.stamps, stamp)
        if self.stamps[later] == stamp:
            return self.matrices[later]
        if later == 0:
            raise Refused("transform", f"{(self.stamps[0] - stamp) / SECOND:.3f} s older than every transform of its frame")
        begin, end = self.stamps[later - 1], self.stamps[later]
        return _between(self.matrices[later - 1], self.matrices[later], (stamp - begin) / (end - begin))


def _between(first: Array, second: Array, share: float) -> Array:
    matrix = np.eye(4)
    turns = Rotation.from_matrix(np.stack([first[:3, :3], second[:3, :3]]))
    matrix[:3, :3] = Slerp([0.0, 1.0], turns)(share).as_matrix()
    matrix[:3, 3] = (1 - share) * first[:3, 3] + share * second[:3, 3]
    return matrix


class FrameTree:
    """Frames in their parents over the last seconds; safe for several threads."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._lock = threading.Lock()

    def add(self, message: Any, fixed: bool = False) -> None:
        """Take a TFMessage in; `fixed` ones (tf_static) hold for all times. Refused for invalid transforms."""
        for item in message.transforms:
            child, parent = item.child_frame_id.lstrip("/"), item.header.frame_id.lstrip("/")
            check_texts(child, parent)
            if not child or not parent or child == parent:
                raise Refused("name", f"a transform from {child!r} to {parent!r}")
            matrix = _matrix(item.transform, child)
            with self._lock:
                if len(self._tracks) >= MOST and child not in self._tracks:
                    raise Refused("count", f"more than {MOST} frames")
                track = self._tracks.get(child)
                if track is None or (track.parent, track.fixed) != (parent, fixed):
                    track = self._tracks[child] = _Track(parent, fixed)
                track.add(stamp_of(item.header.stamp), matrix)

    def lookup(self, target: str, source: str, stamp: int) -> Array | None:
        """(4, 4) from `source` to `target` at a time (ns), or None where the two are not connected. See _Track.at for errors."""
        with self._lock:
            up, down = self._path(source.lstrip("/")), self._path(target.lstrip("/"))
            common = next((frame for frame in up if frame in down), None)
            if common is None:
                return None
            rise, fall = (self._climb(path[: path.index(common)], stamp) for path in (up, down))
        return np.asarray(np.linalg.inv(fall) @ rise)

    def _path(self, frame: str) -> list[str]:
        """A frame and its ancestors; where they go round in a circle, each once."""
        path = [frame]
        while path[-1] in self._tracks and len(path) < DEEPEST:
            parent = self._tracks[path[-1]].parent
            if parent in path:
                break
            path.append(parent)
        return path

    def _climb(self, frames: list[str], stamp: int) -> Array:
        matrix = np.eye(4)
        for frame in frames:
            matrix = self._tracks[frame].at(stamp) @ matrix
        return matrix


def _matrix(transform: Any, child: str) -> Array:
    """(4, 4); Refused where it is no rigid motion."""
    move, turn = transform.translation, transform.rotation
    quaternion, offset = np.array([turn.w, turn.x, turn.y, turn.z]), np.array([move.x, move.y, move.z])
    near, unit = (np.abs(offset) <= FARTHEST).all(), np.linalg.norm(np.clip(quaternion, -2, 2))
    if not near or not 0.99 <= unit <= 1.01:
        raise Refused("value", f"the transform of {child!r} is no rigid motion")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = quat2mat(quaternion), offset
    return matrix
