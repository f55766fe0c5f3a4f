"""What the robot sees: one partial-view cloud for every segment."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.brief import brief
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import FRAME, Array

SECOND = 1_000_000_000
"""Nanoseconds. Stamps are whole numbers of them: a float holds no time of today to the nanosecond."""
POINTS = 128
"""Points of a segment (paper A.11.2)."""
POINTS_TAKEN = (16, 256)
"""Fewest and most points of a segment that the package's models encode."""


class UnseenError(ValueError):
    """No segment of an observation has points."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        super().__init__(names)

    def __str__(self) -> str:
        what = ", ".join(self.names[:5]) + (" and others" if len(self.names) > 5 else "") or "anything"
        return f"the camera sees nothing of {what}: things stand in its view some 0.3 to 1.2 m in front of the robot"


@dataclass(frozen=True)
class SegmentedCloud:
    """N segments with the same number of points each.

    points: (N, P, 3) float32 in metres in `frame`; a segment seen with fewer than P points repeats them, none is invented.
    visibility: (N,) share of the segment's outline that was seen, 0 when it was not seen at all (its points are then the last
    known ones, or NaN throughout if it never was). colours: the word for each segment's colour, "" where not known; none: ().
    Numbers of other kinds are made float32. ValueError names the segment of which some points are not finite, whose name another
    one has, or whose visibility is no share, and says what is of another shape.
    """

    names: tuple[str, ...]
    categories: tuple[str, ...]
    points: NDArray[np.float32]
    visibility: NDArray[np.float32]
    frame: str = FRAME
    stamp: int = 0
    """Nanoseconds: since 1970 of what is from ROS, since its start of what is simulated."""
    colours: tuple[str, ...] = ()

    __repr__ = brief

    def __post_init__(self) -> None:
        for field in ("names", "categories", "colours"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        for field in ("points", "visibility"):
            object.__setattr__(self, field, np.asarray(getattr(self, field), np.float32))
        self._check_shapes()
        self._check_values()

    def _check_shapes(self) -> None:
        n = len(self.names)
        if self.points.ndim != 3 or self.points.shape[0] != n or self.points.shape[2] != 3:
            raise ValueError(f"points of {n} segments must be ({n}, P, 3), got {self.points.shape}")
        if len(self.categories) != n or self.visibility.shape != (n,):
            raise ValueError(f"{n} segments need {n} categories and visibilities")
        if self.colours and len(self.colours) != n:
            raise ValueError(f"{len(self.colours)} colours of {n} segments")
        if n and not self.points.shape[1]:
            raise ValueError("a segment has points: one that was never seen has NaN in place of them")
        if len(set(self.names)) != n:
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ValueError(f"two segments go by the name {twice!r}; each needs a name of its own")

    def _check_values(self) -> None:
        """A segment is seen, or it is not: one that lacks points in places would count as never seen."""
        if not np.isfinite(self.points).all():
            self._check_points()
        if not ((self.visibility >= 0) & (self.visibility <= 1)).all():
            row = int((~((self.visibility >= 0) & (self.visibility <= 1))).argmax())
            raise ValueError(f"the visibility of {self.names[row]!r} is {self.visibility[row]:g}, a share is from 0 to 1")

    def _check_points(self) -> None:
        lacking = np.asarray(~np.isfinite(self.points).all(axis=2))
        mixed = np.asarray(lacking.any(axis=1) & ~np.isnan(self.points).all(axis=(1, 2)))
        if mixed.any():
            row = int(mixed.argmax())
            raise ValueError(
                f"{lacking[row].sum()} of the {self.points.shape[1]} points of {self.names[row]!r} are not finite: leave such "
                "points out and repeat others; all NaN says that a segment was never seen"
            )

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Row of a segment; ValueError names the segments there are."""
        if name not in self.names:
            raise ValueError(f"unknown segment {name!r}; there are: {', '.join(self.names)}")
        return self.names.index(name)

    def colour(self, name: str) -> str:
        """The word for a segment's colour; "" where not known."""
        return self.colours[self.index(name)] if self.colours else ""

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(N,) whether a segment has points at all."""
        return np.asarray(np.isfinite(self.points).all(axis=(1, 2)))

    def alike(self, other: SegmentedCloud) -> bool:
        """Whether all is the same, but for the time."""
        words = [(one.names, one.categories, one.frame, one.colours) for one in (self, other)]
        same = words[0] == words[1] and np.array_equal(self.visibility, other.visibility)
        return same and np.array_equal(self.points, other.points, equal_nan=True)

    def bounds(self) -> Array:
        """(N, 2, 3) corners of the boxes around the points, in metres."""
        return np.stack([self.points.min(axis=1), self.points.max(axis=1)], axis=1).astype(np.float64)

    def shifted(self, offsets: Array) -> SegmentedCloud:
        """Every segment moved rigidly by its (N, 3) offset: the paper's xi(s) O_F for translations."""
        return replace(self, points=(self.points + offsets[:, None].astype(np.float32)))


@dataclass(frozen=True)
class Observation:
    """What is seen, hidden segments filled in, and the relations that hold in it, detected once for all who use them."""

    cloud: SegmentedCloud
    relations: RelationState
    source: str
    """Who detected them: the digest of a model, or the name of a detector that needs none."""
    image: NDArray[np.uint8] | None = None
    """(H, W, 3) RGB of the camera, where it is at hand."""

    __repr__ = brief

    def __post_init__(self) -> None:
        if self.cloud.names != self.relations.names:
            raise ValueError(f"relations of {self.relations.names} in a cloud of {self.cloud.names}")
