"""What else may be known of a frame than its geometry: which objects are none, and which were missed."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from fail2progress.perception.segmentation.geometric.planes import Surface
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan

Window = tuple[slice, slice]
"""Rows and columns of an image."""
_MARGIN = 0.12
"""Of a window's sides, by which it is larger on each side than what it is to show."""


class Guide(ABC):
    """Of one frame that is upright."""

    @abstractmethod
    def objects(self, scan: Scan, labels: Numbers, found: list[Numbers]) -> list[Numbers]:
        """Pixels of every object: from the regions (H, W) numbered by labels, and the objects that geometry makes of them."""


def window_of(scan: Scan, surfaces: list[Surface]) -> Window:
    """What shows surfaces and what is over them, and a margin; all of the image where that is most of it."""
    shown = np.any([surface.mask for surface in surfaces], axis=0) | (scan.heights > -0.5)
    parts = []
    for axis, size in ((1, shown.shape[0]), (0, shown.shape[1])):
        places = np.flatnonzero(shown.sum(axis=axis) > 2)
        first, last = (int(places[0]), int(places[-1]) + 1) if len(places) else (0, size)
        more = round(_MARGIN * (last - first)) + 4
        parts.append(slice(max(first - more, 0), min(last + more, size)))
    return parts[0], parts[1]
