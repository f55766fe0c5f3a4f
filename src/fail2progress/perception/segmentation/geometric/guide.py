"""What else may be known of a frame than its geometry: which objects are none, and which were missed."""

from __future__ import annotations

from abc import ABC, abstractmethod

from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan


class Guide(ABC):
    """Of one frame that is upright."""

    @abstractmethod
    def objects(self, scan: Scan, labels: Numbers, found: list[Numbers]) -> list[Numbers]:
        """Pixels of every object: from the regions (H, W) numbered by labels, and the objects that geometry makes of them."""
