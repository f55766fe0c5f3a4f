"""Where frames are: the newest transforms, put together along the tree. tf2_ros would do; it is not there in every ROS 2."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from transforms3d.quaternions import quat2mat

from fail2progress.nodes.convert import Refused, check_texts
from fail2progress.world.scene import Array

DEEPEST = 64
MOST = 1024
FARTHEST = 1e6


class FrameTree:
    """Parents of frames, each with its newest transform; safe for several threads."""

    def __init__(self) -> None:
        self._parents: dict[str, tuple[str, Array]] = {}
        self._lock = threading.Lock()

    def add(self, message: Any) -> None:
        """Take a TFMessage in. Refused for transforms that are none."""
        for item in message.transforms:
            move, turn = item.transform.translation, item.transform.rotation
            quaternion, offset = np.array([turn.w, turn.x, turn.y, turn.z]), np.array([move.x, move.y, move.z])
            child, parent = item.child_frame_id.lstrip("/"), item.header.frame_id.lstrip("/")
            check_texts(child, parent)
            if not child or not parent or child == parent:
                raise Refused("name", f"a transform from {child!r} to {parent!r}")
            near, unit = (np.abs(offset) <= FARTHEST).all(), np.linalg.norm(np.clip(quaternion, -2, 2))
            if not near or not 0.99 <= unit <= 1.01:
                raise Refused("value", f"the transform of {child!r} is no rigid motion")
            matrix = np.eye(4)
            matrix[:3, :3], matrix[:3, 3] = quat2mat(quaternion), offset
            with self._lock:
                if len(self._parents) >= MOST and child not in self._parents:
                    raise Refused("count", f"more than {MOST} frames")
                self._parents[child] = (parent, matrix)

    def lookup(self, target: str, source: str) -> Array | None:
        """(4, 4) from `source` to `target`, or None where the two are not connected."""
        up, down = self._chain(source.lstrip("/")), self._chain(target.lstrip("/"))
        for frame, matrix in up.items():
            if frame in down:
                return np.asarray(np.linalg.inv(down[frame]) @ matrix)
        return None

    def _chain(self, frame: str) -> dict[str, Array]:
        """A frame and its ancestors, each with the (4, 4) from `frame` to it; where they go round in a circle, each once."""
        matrix, chain = np.eye(4), {frame: np.eye(4)}
        with self._lock:
            while frame in self._parents and len(chain) < DEEPEST:
                frame, step = self._parents[frame]
                if frame in chain:
                    break
                matrix = step @ matrix
                chain[frame] = matrix
        return chain
