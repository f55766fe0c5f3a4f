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
        flat = self.project_rows(points.reshape(-1, 3).T)
        return np.asarray(flat.T.reshape(*points.shape[:-1], 2))

    def project_rows(self, points: Array) -> Array:
        """The same of (3, n) points to (2, n) pixels: long rows, which numpy is quick with."""
        local = self.axes() @ (points - np.array(self.eye)[:, None])
        pixels = local[:2] / np.maximum(local[2], 1e-3)
        pixels *= self.focal
        pixels[0] += self.width / 2
        pixels[1] += self.height / 2
        return np.asarray(pixels)

    def unprojection(self) -> Array:
        """(3, 3): times a pixel's (u, v, 1) it is the direction of its ray, not of unit length, in the planning frame."""
        return _unprojection(self.eye, self.target, self.width, self.height, self.focal)

    def rays(self, pixels: Array) -> Array:
        """(n, 2) pixels to (n, 3) unit directions in the planning frame."""
        return np.ascontiguousarray(self.ray_rows(*pixels.T).T)

    def ray_rows(self, u: Array, v: Array) -> Array:
        """The same of (n,) columns and (n,) rows of the image to (3, n) directions."""
        axes = self.axes()
        centred = np.empty((2, len(u)))
        np.subtract(u, self.width / 2, out=centred[0])
        np.subtract(v, self.height / 2, out=centred[1])
        centred /= self.focal
        across, down = centred * centred
        lengths = across + down
        lengths += 1.0
        directions = axes[:2].T @ centred
        directions += axes[2][:, None]
        directions /= np.sqrt(lengths, out=lengths)
        return np.asarray(directions)


@lru_cache(maxsize=64)
def _unprojection(
    eye: tuple[float, float, float], target: tuple[float, float, float], width: int, height: int, focal: float
) -> Array:
    right, down, forward = _axes(eye, target) / [[focal], [focal], [1.0]]
    return np.column_stack([right, down, forward - width / 2 * right - height / 2 * down])


@lru_cache(maxsize=64)
def _axes(eye: tuple[float, float, float], target: tuple[float, float, float]) -> Array:
    forward = np.subtract(target, eye)
    forward = forward / np.linalg.norm(forward)
    right = np.array([forward[1], -forward[0], 0.0])  # forward x up
    across = np.linalg.norm(right)
    right = right / across if across > 1e-9 else np.array([0.0, -1.0, 0.0])  # straight down: x is up in the image
    (a, b, c), (d, e, f) = forward.tolist(), right.tolist()
    return np.array([right, [b * f - c * e, c * d - a * f, a * e - b * d], forward])
