"""What else may be known of a frame than its geometry: which objects are none, and which were missed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fail2progress.perception.segmentation.geometric.region_adjacency import Table
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan

_NONE = -0.5
"""Metres above a surface, below which a pixel is above none."""


@dataclass(frozen=True)
class Thing:
    """Flat indices of an object's pixels with a reading, and of all that it covers; None where that is the same."""

    pixels: Numbers
    covered: Numbers | None = None


@dataclass(frozen=True)
class Geometry:
    """What geometry makes of a frame: its pixels, the objects, what it took for none (walls, arms, what is beyond a surface),
    what it found on one another and parted at a seam, by stack, which of other objects stand on a surface, what share of
    pixels is over one, and how far below the camera the lowest surface is (m)."""

    scan: Scan
    rows: Table
    objects: list[Numbers]
    outsiders: list[Numbers]
    stacks: list[list[Numbers]]
    standing: Callable[[list[Numbers]], list[Numbers]]
    over: Callable[[Numbers], float]
    lowest: float

    def below(self, pixels: Numbers) -> bool:
        """Whether the border cuts something of which most is lower than all surfaces: the front of a table, or what is before it.
        What is above none and higher is a heap that nearly reaches the camera."""
        if not self.rows.meets_frame(pixels) or np.median(self.scan.heights.ravel()[pixels]) >= _NONE:
            return False
        return bool(np.median(self.rows.points[pixels, 2]) < -self.lowest)


class Guide(ABC):
    """Of one frame that is upright."""

    @abstractmethod
    def objects(self, geometry: Geometry) -> list[Thing]:
        """Every object, from those of geometry and what else is known."""

    def sure(self, geometry: Geometry) -> list[Numbers]:
        """Pixels with a reading of each thing that it is sure of, wherever that is; none where it cannot tell."""
        return []
