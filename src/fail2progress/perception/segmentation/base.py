"""The vocabulary of perception: what a segmenter finds in one RGB-D frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fail2progress.core.brief import brief
from fail2progress.core.objects import Shape, is_container
from fail2progress.core.observation import POINTS, SegmentedCloud
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import FRAME, Array, yaw_of
from fail2progress.perception.pixels import rows_and_columns

DECIMALS = 5
"""Of coordinates in clouds: far below what a sensor resolves, so that the last bits of a camera's pose do not matter."""


class PerceptionError(ValueError):
    """A frame that cannot be made sense of: what is wrong with it and what to do."""


@dataclass(frozen=True)
class Segment:
    """One object, or one support surface, as seen.

    points: (n, 3) float32 m in the planning frame, in the order of `pixels`, (n,) flat indices into the image.
    pose: (7,) m and unit quaternion w, x, y, z of the upright box of full extents `size` (3,) m around it.
    visibility: share of its outline that nothing nearer hides, in [0, 1]. colour: the word for its colour; "" where not known.
    covered: `pixels` and those that show it but have no reading; None where not known.
    cavity: m from its rim to the lowest that was seen of its inside, 0 where no inside was seen; None where none was looked for,
    and its category says whether it holds things.
    hidden: (6,) share of its outline at low and high x, y, z of the box that something else hides; None where not known.
    """

    id: str
    category: str
    shape: Shape
    points: NDArray[np.float32]
    pixels: NDArray[np.int64]
    pose: Array
    size: Array
    visibility: float
    colour: str = ""
    covered: NDArray[np.int64] | None = None
    cavity: float | None = None
    hidden: Array | None = None

    __repr__ = brief

    @property
    def hollow(self) -> bool:
        """Whether things can lie in it: by its measured cavity, or else by its category."""
        return self.cavity > 0 if self.cavity is not None else is_container(self.category)

    @property
    def mask(self) -> NDArray[np.int64]:
        """(m,) flat indices of all pixels that it covers."""
        return self.pixels if self.covered is None else self.covered

    @property
    def inwards(self) -> Array:
        """(2,) level direction in which it is shut, if it is a drawer: the x axis of its box."""
        angle = yaw_of(self.pose)
        return np.array([np.cos(angle), np.sin(angle)])

    def box_px(self, width: int) -> tuple[int, int, int, int] | None:
        """First and last column and row with a pixel of it: x0, y0, x1, y1, in an image so wide; None where there is none."""
        if not len(self.mask):
            return None
        rows, columns = rows_and_columns(self.mask, width)
        return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


@dataclass(frozen=True)
class WayUp:
    """direction: (3,) up in the optical frame; side: of the image that up in the world is at; source: how that is known."""

    direction: Array
    side: str
    source: str


@dataclass(frozen=True)
class Perceived:
    """What one frame shows: objects, the surfaces that they stand on, and where the camera was.

    pose: (4, 4) from the optical frame to the planning frame; seconds: wall time by stage; way_up: None where segments come
    with their places; notes: what had to be assumed or undone to read the frame, a sentence each.
    """

    segments: tuple[Segment, ...]
    surfaces: tuple[Segment, ...]
    pose: Array
    width: int
    height: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    frame: str = FRAME
    stamp: int = 0
    way_up: WayUp | None = None
    notes: tuple[str, ...] = ()

    __repr__ = brief

    @property
    def eye(self) -> Array | None:
        """(3,) m where the camera was; None where there is no image, and segments are clouds alone."""
        return self.pose[:3, 3] if self.width else None

    def cloud(self, seed: int = 0) -> SegmentedCloud:
        """Surfaces and objects with the same number of points each; the same frame gives the same points."""
        parts = (*self.surfaces, *self.segments)
        points = np.stack([resample(part.points, seed) for part in parts]) if parts else np.empty((0, POINTS, 3), np.float32)
        points = np.round(points, DECIMALS)
        return SegmentedCloud(
            tuple(part.id for part in parts),
            tuple(part.category for part in parts),
            points,
            np.array([part.visibility for part in parts], np.float32),
            self.frame,
            self.stamp,
            tuple(part.colour for part in parts),
        )


class SegmenterOptions(BaseModel):
    """Base of a segmenter's options: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Segmenter(ABC):
    """Finds objects and surfaces in one frame. Concretes differ in where the segments come from."""

    name: str
    """By which it is registered."""
    options: ClassVar[type[SegmenterOptions]] = SegmenterOptions
    needs_labels: ClassVar[bool] = False
    """Whether frames must come with a label image; its names then last from frame to frame, otherwise things are tracked."""

    @classmethod
    def from_options(cls, options: SegmenterOptions) -> Segmenter:
        """The segmenter with its options; ValueError where it cannot be made."""
        return cls()

    @abstractmethod
    def segment(self, frame: RgbdFrame) -> Perceived:
        """What is there; PerceptionError where the frame has no content or no support surface can be found."""


def resample(points: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """(n, 3) to (POINTS, 3): a subset drawn from a fixed seed, with repetition where there are too few; NaN where none."""
    if len(points) == 0:
        return np.full((POINTS, 3), np.nan, np.float32)
    rng = np.random.default_rng(seed)
    if len(points) >= POINTS:
        return np.asarray(points[np.sort(rng.permutation(len(points))[:POINTS])], np.float32)
    extra = rng.integers(len(points), size=POINTS - len(points))
    return np.asarray(np.concatenate([points, points[extra]]), np.float32)
