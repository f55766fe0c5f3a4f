"""What of the parts above a surface stands on it, and what of that is an object rather than noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.quantiles import quantile
from fail2progress.perception.pixels import rows_and_columns
from fail2progress.perception.segmentation.geometric.crosses import shrunk
from fail2progress.perception.segmentation.geometric.planes import Surface, share_over
from fail2progress.perception.segmentation.geometric.region_adjacency import Table, extent
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan
from fail2progress.perception.segmentation.geometric.thresholds import StandRules

MARGIN = 0.01
"""Metres that something may reach beyond a surface's edge and be over it."""


@dataclass(frozen=True)
class Standing:
    """The pixels of a frame, the surfaces in it, and the rules by which parts of it are judged."""

    scan: Scan
    rows: Table
    surfaces: list[Surface]
    rules: StandRules

    def share_over(self, pixels: Numbers) -> float:
        """Share of pixels (n,) that is over a surface."""
        return share_over(self.surfaces, self.rows.points[pixels, :2], MARGIN)

    def over_table(self, pixels: Numbers) -> bool:
        """Whether something is over a surface, and not only over its edge as a wall or the back of furniture is."""
        points, rules = self.rows.points[pixels, :2], self.rules
        if share_over(self.surfaces, points, MARGIN) < 0.5:
            return False
        if self.scan.plain.ravel()[pixels].mean() > rules.same and share_over(self.surfaces, points, -rules.edge) < 0.3:
            return False  # the wall of a tote, which has the colour of its floor
        outside = extent(self.rows, pixels) > rules.wall or self.rows.meets_frame(pixels)
        return not outside or share_over(self.surfaces, points, -rules.edge) > 0.3

    def counts(self, pixels: Numbers) -> bool:
        """Whether readings are an object rather than noise."""
        rows, rules = self.rows, self.rules
        if len(pixels) < rules.pixels or extent(rows, pixels) < rules.across:
            return False
        if extent(rows, pixels) < rules.artefact and self.scan.plain.ravel()[pixels].mean() > 0.5:
            return False
        y, x = rows_and_columns(pixels, rows.width)
        mask = np.zeros((int(np.ptp(y)) + 5, int(np.ptp(x)) + 5), bool)
        mask[y - y.min() + 2, x - x.min() + 2] = True
        solid_core = shrunk(mask, 2).any()
        return bool(solid_core and quantile(rows.heights[pixels], 0.9) > rules.top)
