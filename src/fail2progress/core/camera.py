"""A pinhole camera: where it is and how it projects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fail2progress.core.scene import Array


@dataclass(frozen=True)
class Camera:
    """Where the camera is and what it sees, in the planning frame (m); pixels for a 640 x 480 image by default."""

    eye: tuple[float, float, float] = (-0.10, 0.0, 1.35)
    target: tuple[float, float, float] = (0.60, 0.0, 0.50)
    width: int = 640
    height: int = 480
    focal: float = 310.0
    """Focal length in pixels; 310 px is 92 degrees across, which takes in two tables side by side."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise added to every point and axis, in metres (paper figure 3b)."""

    def axes(self) -> Array:
        """(3, 3) rows: right, down and forward of the optical frame (REP-103) in the planning frame."""
        return _axes(self.eye, self.target)

    def project(self, points: Array) -> Array:
        """(..., 3) points in metres to (..., 2) pixels; points behind the camera land far outside the image."""
        local = (points - np.array(self.eye)) @ self.axes().T
        depth = np.maximum(local[..., 2:], 1e-3)
        return np.asarray(local[..., :2] / depth * self.focal + np.array([self.width / 2, self.height / 2]))

    def unprojection(self) -> Array:
        """(3, 3): times a pixel's (u, v, 1) it is the direction of its ray, not of unit length, in the planning frame."""
        right, down, forward = self.axes() / [[self.focal], [self.focal], [1.0]]
        return np.column_stack([right, down, forward - self.width / 2 * right - self.height / 2 * down])

    def rays(self, pixels: Array) -> Array:
        """(n, 2) pixels to (n, 3) unit directions in the planning frame."""
        axes = self.axes()
        centred = (pixels - np.array([self.width / 2, self.height / 2])) / self.focal
        lengths = np.sqrt(1.0 + np.einsum("ij,ij->i", centred, centred))
        return np.asarray((centred @ axes[:2] + axes[2]) / lengths[:, None])


@lru_cache(maxsize=64)
def _axes(eye: tuple[float, float, float], target: tuple[float, float, float]) -> Array:
    forward = np.subtract(target, eye)
    forward = forward / np.linalg.norm(forward)
    right = np.array([forward[1], -forward[0], 0.0])  # forward x up
    across = np.linalg.norm(right)
    right = right / across if across > 1e-9 else np.array([0.0, -1.0, 0.0])  # straight down: x is up in the image
    (a, b, c), (d, e, f) = forward.tolist(), right.tolist()
    return np.array([right, [b * f - c * e, c * d - a * f, a * e - b * d], forward])
