"""What a depth camera delivers: colour and depth aligned to it, with intrinsics and, where it is known, the camera's pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.brief import brief
from fail2progress.core.scene import FRAME, Array

NOISE = 0.002
"""Standard deviation of inverse depth (1 / m): 2 mm at 1 m, what a RealSense D435 has."""
_SHORTEST, _LONGEST = 0.08, 30.0
"""Focal lengths by the longer side of the image between which cameras lie: views of 160 to 2 degrees."""
_ASIDE, _MIDDLE = 0.2, 0.08
"""Shares of the image by which the middle of a lens is beside its own: from there on it was cut out of another image, and up to
there it is as a rule."""


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera without distortion; pixels, REP-103 optical axes (x right, y down, z forward)."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"an image of {self.width} x {self.height} pixels has no content")
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if not np.isfinite(numbers).all() or self.fx <= 0 or self.fy <= 0:
            raise ValueError(f"intrinsics must be finite with positive focal lengths, got fx, fy, cx, cy = {numbers}")

    @property
    def impossible(self) -> str:
        """Why no depth camera has these focal lengths; "" where one may."""
        side = max(self.width, self.height)
        if _SHORTEST * side <= min(self.fx, self.fy) and max(self.fx, self.fy) <= _LONGEST * side:
            return ""
        return (
            f"no camera with {self.width} x {self.height} pixels has fx = {self.fx:g} and fy = {self.fy:g}:"
            " write both in pixels of that image, not in mm or as shares of its size"
        )

    @property
    def doubtful(self) -> str:
        """Why these are probably of another image; "" where they may be of this one."""
        across, down = self.cx / self.width - 0.5, self.cy / self.height - 0.5
        turned = max(abs(self.cx / self.height - 0.5), abs(self.cy / self.width - 0.5)) < _MIDDLE < max(abs(across), abs(down))
        if max(abs(across), abs(down)) < _ASIDE and not turned:
            return ""
        return (
            f"cx = {self.cx:g} and cy = {self.cy:g} are far from the middle of {self.width} x {self.height} pixels:"
            f" if they are of an image of another size{', or of one that was turned since' if turned else ''}, all that is"
            " measured is wrong; write its width and height"
        )


@dataclass(frozen=True)
class Labels:
    """Which segment every pixel belongs to: (H, W) uint16, 0 for none, i + 1 for names[i]. From a simulator or a detector."""

    image: NDArray[np.uint16]
    names: tuple[str, ...]
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or len(self.names) != len(self.categories) or len(set(self.names)) != len(self.names):
            raise ValueError(f"labels need an (H, W) image and distinct names with a category each, got {self.image.shape}")
        highest = int(self.image.max(initial=0))
        if highest > len(self.names):
            raise ValueError(f"a pixel is labelled {highest}, but there are {len(self.names)} names")


@dataclass(frozen=True)
class RgbdFrame:
    """One image pair. colour: (H, W, 3) uint8 RGB; depth: (H, W) float32 m along the optical axis, 0 for no reading.

    pose: (4, 4) from the optical frame to `frame`, or None where it is not known (hand-held). up: (3,) unit vector in the
    optical frame, where that much is known without a pose.
    """

    colour: NDArray[np.uint8]
    depth: NDArray[np.float32]
    intrinsics: Intrinsics
    pose: Array | None = None
    labels: Labels | None = None
    frame: str = FRAME
    stamp: int = 0
    """Nanoseconds: since 1970 of what is from ROS, since its start of what is simulated."""
    up: Array | None = None
    up_source: str = "given"
    """How that is known."""

    __repr__ = brief

    def __post_init__(self) -> None:
        size = (self.intrinsics.height, self.intrinsics.width)
        if not np.isfinite(self.depth).all():  # as many sensors' own software says that there is no reading
            object.__setattr__(self, "depth", np.where(np.isfinite(self.depth), self.depth, self.depth.dtype.type(0)))
        if self.depth.shape != size or self.colour.shape != (*size, 3):
            raise ValueError(f"the camera is {size[1]} x {size[0]}, but depth {self.depth.shape} and colour {self.colour.shape}")
        if self.labels is not None and self.labels.image.shape != size:
            raise ValueError(f"labels {self.labels.image.shape} do not fit the image {size}")
        if self.pose is not None and (self.pose.shape != (4, 4) or not np.isfinite(self.pose).all()):
            raise ValueError("the camera's pose must be a finite (4, 4) matrix")

    def points(self) -> NDArray[np.float32]:
        """(H, W, 3) m in the optical frame, NaN where there is no reading."""
        k = self.intrinsics
        depth = np.where(self.depth > 0, self.depth, np.float32(np.nan))
        u = (np.arange(k.width, dtype=np.float32) - np.float32(k.cx)) / np.float32(k.fx)
        v = (np.arange(k.height, dtype=np.float32) - np.float32(k.cy)) / np.float32(k.fy)
        return np.stack([depth * u[None], depth * v[:, None], depth], axis=-1)
